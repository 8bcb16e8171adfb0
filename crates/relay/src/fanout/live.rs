//! A live subscription.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use stentor_event::{Filter, SubscriptionId, relay_message};
use stentor_store::EventNumber;
use stentor_store::search::{Searches, Subject};

use super::Client;

/// A subscription that new events are matched against.
#[derive(Debug)]
pub struct Live {
    client: Arc<Client>,
    prefix: Arc<[u8]>,
    filters: Arc<[Filter]>,
    searches: Option<Arc<Searches>>,
    from: EventNumber,
    phase: AtomicU8,
    held: Mutex<Held>,
}

/// New events that wait until the stored ones have been sent.
#[derive(Debug, Default)]
struct Held {
    events: Vec<Bytes>,
    bytes: usize,
}

/// Most that is held back for one subscription.
#[derive(Debug, Clone, Copy)]
pub struct HoldLimits {
    /// Events.
    pub events: usize,
    /// Bytes of events.
    pub bytes: usize,
}

/// More new events came than are held back for one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many new events came while the stored ones were being sent")]
pub struct HoldOverflow;

/// Stored events are still being sent: new ones are held back.
const HOLDING: u8 = 0;
/// New events go to the outbox.
const LIVE: u8 = 1;
/// More came than is held back: the subscription has a gap and must end.
const OVERFLOWED: u8 = 2;

impl Live {
    /// A subscription that gets events from number `from` on, and holds them back until [`Live::go_live`].
    pub(super) fn new(
        client: Arc<Client>,
        sub: &SubscriptionId,
        filters: Arc<[Filter]>,
        searches: Option<Arc<Searches>>,
        from: EventNumber,
    ) -> Self {
        let mut prefix = Vec::with_capacity(sub.as_str().len() + 16);
        relay_message::event_prefix(&mut prefix, sub);
        Self {
            client,
            prefix: prefix.into(),
            filters,
            searches,
            from,
            phase: AtomicU8::new(HOLDING),
            held: Mutex::default(),
        }
    }

    /// The connection that it belongs to.
    pub(super) const fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// `["EVENT","<id>",`, shared by all its frames.
    pub const fn prefix(&self) -> &Arc<[u8]> {
        &self.prefix
    }

    /// What it costs in memory; see [`values`].
    pub fn values(&self) -> usize {
        values(&self.filters)
    }

    /// What it asks for.
    pub const fn filters(&self) -> &Arc<[Filter]> {
        &self.filters
    }

    /// Whether one of the filters searches.
    pub const fn searches(&self) -> bool {
        self.searches.is_some()
    }

    /// The time that its searches have taken in threads of their own.
    pub fn searched(&self) -> Duration {
        let searches = self.searches.as_ref();
        searches.map_or(Duration::ZERO, |searches| searches.bill.spent())
    }

    /// Whether an event matches the search of the filter at this position, if it has one.
    pub(super) fn holds(&self, filter: u32, event: &Subject<'_>) -> bool {
        let searches = self.searches.as_ref();
        searches.is_none_or(|searches| searches.hold(filter as usize, event))
    }

    /// The first event number that it is told of live; the ones before are stored events to it.
    pub const fn from(&self) -> EventNumber {
        self.from
    }

    /// Whether more came than is held back.
    pub fn has_overflowed(&self) -> bool {
        self.phase.load(Ordering::Acquire) == OVERFLOWED
    }

    /// The stored events are sent. Hands over what was held back, in order; afterwards, new events go to the outbox.
    ///
    /// # Errors
    /// [`HoldOverflow`]: some were lost, so the subscription must end.
    pub fn go_live(&self, mut emit: impl FnMut(&[Bytes])) -> Result<(), HoldOverflow> {
        loop {
            let events = {
                let mut held = self.held.lock();
                if self.has_overflowed() {
                    return Err(HoldOverflow);
                }
                if held.events.is_empty() {
                    *held = Held::default();
                    self.phase.store(LIVE, Ordering::Release);
                    return Ok(());
                }
                std::mem::take(&mut *held).events
            };
            emit(&events);
        }
    }

    /// Whether a new event goes to the outbox now; if not, it has been held back, or lost.
    pub(super) fn take(&self, body: &Bytes, limits: HoldLimits) -> bool {
        match self.phase.load(Ordering::Acquire) {
            LIVE => true,
            HOLDING => self.hold(body, limits),
            _ => false,
        }
    }

    /// Holds an event back, unless the subscription went live meanwhile.
    fn hold(&self, body: &Bytes, limits: HoldLimits) -> bool {
        let mut held = self.held.lock();
        if self.phase.load(Ordering::Acquire) != HOLDING {
            return !self.has_overflowed();
        }
        held.bytes += body.len();
        if held.events.len() >= limits.events || held.bytes > limits.bytes {
            *held = Held::default();
            self.phase.store(OVERFLOWED, Ordering::Release);
        } else {
            held.events.push(body.clone());
        }
        false
    }
}

/// What these filters cost in memory, in values: an id, an author or a kind is one, and so is every 32 bytes that a tag value or a
/// search has or has begun.
pub fn values(filters: &[Filter]) -> usize {
    filters.iter().map(of_filter).sum()
}

/// Bytes of text that are one value.
const VALUE_BYTES: usize = 32;

fn of_filter(filter: &Filter) -> usize {
    let of_text = |bytes: usize| bytes.div_ceil(VALUE_BYTES).max(1);
    let tags = filter.tags.iter().flat_map(|tag| &tag.values);
    filter.ids.as_ref().map_or(0, Vec::len)
        + filter.authors.as_ref().map_or(0, Vec::len)
        + filter.kinds.as_ref().map_or(0, Vec::len)
        + tags.map(|value| of_text(value.len())).sum::<usize>()
        + filter.search.as_ref().map_or(0, |text| of_text(text.len()))
}
