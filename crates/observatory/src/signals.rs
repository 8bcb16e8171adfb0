//! What services tell each other of without knowing each other: that there is something new to look for in the records.
//!
//! A signal carries nothing. Whoever misses one looks again after its interval, so that nothing depends on it but how soon.

use tokio::sync::{Notify, watch};

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
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            candidates: Notify::new(),
            relays: Notify::new(),
            checks: Notify::new(),
            alerts: Notify::new(),
            own_network: watch::Sender::new(None),
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

    /// Follows whether our own network is up.
    pub fn own_network(&self) -> watch::Receiver<Option<bool>> {
        self.own_network.subscribe()
    }
}
