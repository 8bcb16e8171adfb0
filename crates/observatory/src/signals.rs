//! What services tell each other of without knowing each other: that there is something new to look for in the records.
//!
//! A signal carries nothing. Whoever misses one looks again after its interval, so that nothing depends on it but how soon.

use tokio::sync::{Notify, watch};

/// What pages show, by who writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Which relays and candidates there are.
    Relays,
    /// How they do.
    Checks,
    /// What the archive has asked for and got.
    Archive,
    /// What is counted of it.
    Statistics,
}

impl Topic {
    /// All of them, in the order of their counts.
    pub const ALL: [Self; 4] = [Self::Relays, Self::Checks, Self::Archive, Self::Statistics];
}

/// How often each topic has changed, in the order of [`Topic::ALL`].
pub(crate) type Changes = [u64; Topic::ALL.len()];

/// The signals.
#[derive(Debug)]
pub(crate) struct Signals {
    /// There are new candidates.
    pub candidates: Notify,
    /// There are new relays.
    pub relays: Notify,
    /// Checks have been written.
    pub checks: Notify,
    /// Alerts have been written.
    pub alerts: Notify,
    /// Whether our own network is up; `None` while nobody has looked.
    own_network: watch::Sender<Option<bool>>,
    /// How often what pages show has changed.
    changes: watch::Sender<Changes>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            candidates: Notify::new(),
            relays: Notify::new(),
            checks: Notify::new(),
            alerts: Notify::new(),
            own_network: watch::Sender::new(None),
            changes: watch::Sender::default(),
        }
    }
}

impl Signals {
    /// Says whether our own network is up (O2.3).
    pub fn set_own_network(&self, up: bool) {
        self.own_network.send_if_modified(|known| {
            let news = *known != Some(up);
            *known = Some(up);
            news
        });
    }

    /// Says that what pages show of a topic may have changed: a batch has been written.
    pub fn changed(&self, topic: Topic) {
        self.changes.send_modify(|counts| {
            if let Some(count) = counts.get_mut(topic as usize) {
                *count = count.wrapping_add(1);
            }
        });
    }

    /// Follows what pages show. What has changed already counts as seen.
    pub fn changes(&self) -> watch::Receiver<Changes> {
        self.changes.subscribe()
    }

    /// Follows whether our own network is up.
    pub fn own_network(&self) -> watch::Receiver<Option<bool>> {
        self.own_network.subscribe()
    }
}
