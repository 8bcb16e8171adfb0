//! What the micro-benchmarks share: a small world of events, the same at every run.

use stentor_event::{Event, EventBuilder, Kind, SecretKey, Timestamp};

/// The moment at which the world ends, in seconds since 1970.
pub const END: u64 = 1_750_000_000;

/// Events made by a few authors who answer each other.
pub struct World {
    keys: Vec<SecretKey>,
    state: u64,
}

impl World {
    /// A world of this many authors.
    pub fn new(authors: u8) -> Self {
        let key = |n: u8| SecretKey::from_bytes([n.max(1); 32]).ok();
        Self {
            keys: (1..=authors).filter_map(key).collect(),
            state: 42,
        }
    }

    /// A number below `below`, smaller ones more often.
    pub fn pick(&mut self, below: usize) -> usize {
        let uniform = |state: &mut u64| {
            // The 64-bit generator of Knuth's MMIX; its upper bits are good enough to spread events.
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (*state >> 33) as usize % below.max(1)
        };
        let (a, b) = (uniform(&mut self.state), uniform(&mut self.state));
        a.min(b)
    }

    /// The authors.
    pub fn authors(&self) -> &[SecretKey] {
        &self.keys
    }

    /// This many events, oldest first: notes with hashtags, answers and reactions, one a second.
    pub fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::with_capacity(count);
        for n in 0..count {
            let at = Timestamp(END - (count - n) as u64);
            let author = self.pick(self.keys.len());
            let target = self.pick(events.len());
            let event = self.event(
                n,
                at,
                author,
                events
                    .len()
                    .checked_sub(target + 1)
                    .and_then(|t| events.get(t)),
            );
            events.extend(event);
        }
        events
    }

    fn event(
        &mut self,
        n: usize,
        at: Timestamp,
        author: usize,
        target: Option<&Event>,
    ) -> Option<Event> {
        let key = self.keys.get(author)?;
        let reaction = n % 3 == 2;
        let mut event = EventBuilder::new(Kind(if reaction { 7 } else { 1 }), at);
        if let Some(target) = target.filter(|_| !n.is_multiple_of(3)) {
            event = event.tag(["e".to_owned(), target.id().to_string()]);
            event = event.tag(["p".to_owned(), target.pubkey().to_string()]);
        }
        event = if reaction {
            event.content("+")
        } else {
            event
                .tag(["t".to_owned(), format!("topic{}", n % 97)])
                .content("Eine Nachricht, wie man sie so schreibt. ".repeat(1 + n % 12))
        };
        Some(event.sign(key))
    }
}
