//! Following a node, without a connection and without a clock (G6.4).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use stentor_net::retry::Backoff;

use crate::decode::{Decoded, Decoder, TooLarge};
use crate::envelope::Envelope;
use crate::options::Since;

/// Silence after which a connection is taken for dead: three times what a node lets pass.
pub const SILENCE: Duration = Duration::from_secs(45);
/// The bounds of the first wait and of the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// No node is believed that wants to be left alone for longer.
const LONGEST_HINT: Duration = Duration::from_secs(300);
/// Logs whose positions are remembered; a node has two.
const SOURCES: usize = 64;

/// An envelope, and where it leaves the reader.
#[derive(Debug, Clone)]
pub struct Event {
    /// Goes on behind it; opaque. To be kept together with what was made of the envelope.
    pub cursor: Option<String>,
    /// What has happened.
    pub envelope: Envelope,
}

/// What could not be told, or was told twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// What came before this cursor is no longer kept: whoever keeps a state reads it anew.
    Resync {
        /// Where it goes on.
        oldest: String,
    },
    /// This client was too slow. It comes back for what it has missed.
    Lagged {
        /// So many envelopes.
        missed: u64,
    },
    /// An envelope was seen before, and is left out.
    Repeated {
        /// The log.
        source: String,
        /// Its position.
        seq: u64,
        /// The last position before.
        last: u64,
    },
}

/// What a stream tells.
#[derive(Debug, Clone)]
pub enum Told {
    /// An envelope, once.
    Event(Box<Event>),
    /// Something is missing, or was repeated.
    Gap(Gap),
    /// The node ends the stream, as the credential is not good any more: why, in its words. It is tried again all the same.
    End(String),
}

/// Bytes that are no stream of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An event does not end.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The data of an event are not what they should be.
    #[error("not an envelope: {0}")]
    Data(String),
}

/// Follows a node. For each connection: [`begin`](Self::begin), [`bytes`](Self::bytes) until its end, and [`ended`](Self::ended) for
/// how long to wait.
#[derive(Debug)]
pub struct Follow {
    cursor: Option<String>,
    decoder: Decoder,
    backoff: Backoff,
    /// What the node has asked to wait, once.
    hint: Duration,
    /// The last position in each log.
    seen: HashMap<String, u64>,
    heard: Option<Instant>,
}

impl Follow {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(since: &Since) -> Self {
        let cursor = match since {
            Since::Cursor(cursor) => Some(cursor.clone()),
            Since::Now | Since::Oldest => None,
        };
        Self {
            cursor,
            decoder: Decoder::new(),
            backoff: Backoff::new(FIRST, LONGEST),
            hint: Duration::ZERO,
            seen: HashMap::new(),
            heard: None,
        }
    }

    /// What to send as `Last-Event-ID`.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// A connection is being made.
    pub fn begin(&mut self, now: Instant) {
        self.decoder = Decoder::new();
        self.heard = Some(now);
    }

    /// When the connection is to be given up unless something is heard before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.heard.map(|heard| heard + SILENCE)
    }

    /// Takes what was received.
    ///
    /// # Errors
    /// [`Fault`]: the connection is to be ended.
    pub fn bytes(&mut self, bytes: &[u8], now: Instant) -> Result<Vec<Told>, Fault> {
        self.heard = Some(now);
        let mut decoded = Vec::new();
        let pushed = self.decoder.push(bytes, &mut decoded);
        let mut told = Vec::new();
        for one in decoded {
            told.extend(self.tell(one)?);
        }
        pushed?;
        Ok(told)
    }

    /// The node wants to be asked again only after this time.
    pub fn hinted(&mut self, after: Duration) {
        self.hint = after.min(LONGEST_HINT);
    }

    /// The connection has ended, or there was none: how long to wait. `chance` is any of all 64-bit numbers with the same probability.
    pub fn ended(&mut self, chance: u64) -> Duration {
        self.heard = None;
        let hint = std::mem::take(&mut self.hint);
        self.backoff.next(chance).max(hint)
    }

    /// Whether an answer of this status will not be another one later: the request is wrong, or the credential is.
    #[must_use]
    pub const fn is_final(status: u16) -> bool {
        status < 500 && !matches!(status, 408 | 425 | 429)
    }

    fn tell(&mut self, decoded: Decoded) -> Result<Option<Told>, Fault> {
        let (id, name, data) = match decoded {
            Decoded::Retry(after) => {
                self.hinted(after);
                return Ok(None);
            }
            Decoded::Position(id) => {
                self.position(Some(id));
                return Ok(None);
            }
            Decoded::Event { id, name, data } => (id, name, data),
        };
        let told = match name.as_str() {
            "" | "message" => Some(self.envelope(&data, id.clone())?),
            "resync_required" => {
                let Resync { oldest } = read(&data)?;
                self.seen.clear();
                Some(Told::Gap(Gap::Resync { oldest }))
            }
            "lagged" => {
                let Lagged { missed } = read(&data)?;
                Some(Told::Gap(Gap::Lagged { missed }))
            }
            "end" => Some(Told::End(read::<End>(&data)?.reason)),
            // What a later node says besides.
            _ => None,
        };
        self.position(id);
        Ok(told)
    }

    fn envelope(&mut self, data: &str, cursor: Option<String>) -> Result<Told, Fault> {
        let envelope: Envelope = read(data)?;
        // What is in no log passes: it was never told before.
        let Some(seq) = envelope.seq.as_deref() else {
            return Ok(Told::Event(Box::new(Event { cursor, envelope })));
        };
        let seq: u64 = seq.parse().map_err(|_| Fault::Data("seq".into()))?;
        let has_room = self.seen.len() < SOURCES;
        match self.seen.get_mut(&envelope.source) {
            Some(last) if seq <= *last => {
                let (source, last) = (envelope.source, *last);
                return Ok(Told::Gap(Gap::Repeated { source, seq, last }));
            }
            Some(last) => *last = seq,
            None if has_room => {
                self.seen.insert(envelope.source.clone(), seq);
            }
            None => {}
        }
        Ok(Told::Event(Box::new(Event { cursor, envelope })))
    }

    /// The node has told everything up to here: it serves us.
    fn position(&mut self, cursor: Option<String>) {
        if let Some(cursor) = cursor {
            self.cursor = Some(cursor);
            self.backoff.reset();
        }
    }
}

#[derive(Deserialize)]
struct Resync {
    oldest: String,
}

#[derive(Deserialize)]
struct Lagged {
    missed: u64,
}

#[derive(Deserialize)]
struct End {
    reason: String,
}

fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, Fault> {
    serde_json::from_str(data).map_err(|error| Fault::Data(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope(cursor: &str, seq: u64) -> String {
        format!(
            "id: {cursor}\ndata: {{\"id\":\"i\",\"source\":\"/nostr\",\"type\":\"nostr.event.stored\",\"seq\":\"{seq}\",\"data\":{{\"n\":{seq}}}}}\n\n"
        )
    }

    /// What is told, in short.
    fn heard(follow: &mut Follow, text: &str) -> Vec<String> {
        let told = follow.bytes(text.as_bytes(), Instant::now()).unwrap();
        told.iter()
            .map(|one| match one {
                Told::Event(event) => event.envelope.data.get().to_owned(),
                Told::Gap(gap) => format!("{gap:?}"),
                Told::End(reason) => reason.clone(),
            })
            .collect()
    }

    #[test]
    fn g6_4_each_envelope_is_told_once_and_the_cursor_moves() {
        let mut follow = Follow::new(&Since::Now);
        follow.begin(Instant::now());
        assert_eq!(follow.cursor(), None);
        assert!(heard(&mut follow, "id: a\n\n").is_empty());
        assert_eq!(follow.cursor(), Some("a"));
        let both = envelope("b", 5) + &envelope("c", 6);
        assert_eq!(heard(&mut follow, &both), [r#"{"n":5}"#, r#"{"n":6}"#]);
        // A connection that was cut in the middle leaves nothing behind.
        assert!(heard(&mut follow, &envelope("d", 7)[..20]).is_empty());
        follow.begin(Instant::now());
        assert_eq!(follow.cursor(), Some("c"));
        let again = envelope("c", 6) + &envelope("d", 7);
        let repeated = Gap::Repeated {
            source: "/nostr".into(),
            seq: 6,
            last: 6,
        };
        assert_eq!(
            heard(&mut follow, &again),
            [format!("{repeated:?}"), r#"{"n":7}"#.into()]
        );
    }

    #[test]
    fn g6_4_gaps_are_told_and_a_log_may_begin_anew_behind_one() {
        let mut follow = Follow::new(&Since::Cursor("kept".into()));
        assert_eq!(follow.cursor(), Some("kept"));
        heard(&mut follow, &envelope("b", 5));
        let resync = "id: c\nevent: resync_required\ndata: {\"oldest\":\"c\"}\n\n".to_owned();
        let told = heard(&mut follow, &(resync + &envelope("d", 1)));
        assert_eq!(told, [r#"Resync { oldest: "c" }"#, r#"{"n":1}"#]);
        let end = "event: lagged\ndata: {\"missed\":3}\n\nevent: end\ndata: {\"reason\":\"revoked\"}\n\nevent: later\ndata: x\n\n";
        assert_eq!(heard(&mut follow, end), ["Lagged { missed: 3 }", "revoked"]);
        assert_eq!(follow.cursor(), Some("d"));
    }

    #[test]
    fn g6_4_waits_double_with_full_jitter_and_obey_the_node() {
        let mut follow = Follow::new(&Since::Now);
        let longest: Vec<u64> = (0..7)
            .map(|_| follow.ended(u64::MAX).as_millis() as u64 + 1)
            .collect();
        assert_eq!(
            longest,
            [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
        );
        // A refusal for now is no success; a position is.
        heard(&mut follow, "retry: 40000\n\n");
        assert_eq!(follow.ended(0), Duration::from_secs(40));
        assert_eq!(follow.ended(0), Duration::ZERO, "the hint was for once");
        heard(&mut follow, "id: a\n\n");
        assert!(follow.ended(u64::MAX) < Duration::from_secs(1));
        follow.hinted(Duration::MAX);
        assert_eq!(follow.ended(0), Duration::from_secs(300));
        assert!(
            Follow::is_final(401)
                && Follow::is_final(404)
                && !Follow::is_final(429)
                && !Follow::is_final(503)
        );
    }

    #[test]
    fn g6_4_silence_has_a_deadline_that_moves() {
        let (mut follow, now) = (Follow::new(&Since::Now), Instant::now());
        assert_eq!(follow.deadline(), None);
        follow.begin(now);
        assert_eq!(follow.deadline(), Some(now + SILENCE));
        let later = now + Duration::from_secs(15);
        follow.bytes(b": quiet\n\n", later).unwrap();
        assert_eq!(follow.deadline(), Some(later + SILENCE));
        follow.ended(0);
        assert_eq!(follow.deadline(), None);
    }

    #[test]
    fn g6_4_what_is_no_envelope_ends_the_connection() {
        for text in ["data: {}\n\n", "data: x\n\n", "event: lagged\ndata: {}\n\n"] {
            let mut follow = Follow::new(&Since::Now);
            assert!(
                follow.bytes(text.as_bytes(), Instant::now()).is_err(),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn g6_4_whatever_the_node_repeats_each_position_is_told_once_and_in_order(
            runs in proptest::collection::vec((0_u64..20, 1_u64..20), 1..10),
        ) {
            let mut follow = Follow::new(&Since::Oldest);
            let mut told = Vec::new();
            for (from, count) in runs {
                follow.begin(Instant::now());
                let text: String = (from..from + count).map(|seq| envelope("x", seq)).collect();
                let envelopes = heard(&mut follow, &text).into_iter().filter(|one| one.starts_with('{'));
                told.extend(envelopes.map(|one| one[5..one.len() - 1].parse::<u64>().unwrap()));
            }
            prop_assert!(told.is_sorted_by(|one, other| one < other), "{told:?}");
        }
    }
}
