//! The operator's plugins (R4.3), asked about events that come from another relay or go to one.

use std::sync::Arc;

use stentor_event::Event;

use super::error::SyncError;
use super::home::Arrival;
use crate::config::SourceType;
use crate::policy::Source;
use crate::service::{Relay, Ruling};

/// The plugins of a running relay.
#[derive(Clone)]
pub(super) struct Plugins {
    relay: Relay,
    /// The other relay.
    url: Arc<str>,
}

/// What the plugins let through, and how many events they had something against.
pub(super) struct Ruled {
    pub events: Vec<Event>,
    pub refused: u64,
    /// Events whose signature is wrong: nobody is asked about them.
    pub forged: u64,
}

impl Plugins {
    pub fn new(relay: Relay, url: &str) -> Self {
        Self {
            relay,
            url: url.into(),
        }
    }

    /// The running relay.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Asks about events that have come. `None`: no plugin wants to be asked; the signatures have not been looked at then.
    ///
    /// # Errors
    /// [`SyncError::Unavailable`] when the node ends.
    pub async fn coming(
        &self,
        events: &[Event],
        arrival: Arrival,
    ) -> Result<Option<Ruled>, SyncError> {
        let (kind, source) = match arrival {
            Arrival::Stored => (SourceType::Sync, Source::Sync(Arc::clone(&self.url))),
            Arrival::Live => (SourceType::Stream, Source::Stream(Arc::clone(&self.url))),
        };
        if !self.relay.asks_plugins(kind) {
            return Ok(None);
        }
        let (events, before) = (events.to_vec(), events.len());
        let verify = move || {
            let events = events.into_iter();
            let good = events.filter(|event| event.verify_signature().is_ok());
            good.collect::<Vec<Event>>()
        };
        let verified = tokio::task::spawn_blocking(verify).await;
        let verified = verified.map_err(|error| SyncError::Unavailable(error.to_string()))?;
        let forged = (before - verified.len()) as u64;
        Ok(Some(Ruled {
            forged,
            ..self.ask(verified, source).await
        }))
    }

    /// Asks about events of ours that are about to be sent.
    pub async fn going(&self, events: Vec<Event>) -> Ruled {
        if !self.relay.asks_plugins(SourceType::Stored) {
            return Ruled {
                events,
                refused: 0,
                forged: 0,
            };
        }
        self.ask(events, Source::Stored).await
    }

    async fn ask(&self, events: Vec<Event>, source: Source) -> Ruled {
        let asked = events.len();
        let rulings = self.relay.ask_plugins_about_all(&events, &source).await;
        let accepted = events.into_iter().zip(rulings);
        let accepted = accepted.filter(|(_, ruling)| *ruling == Ruling::Accepted);
        let events: Vec<Event> = accepted.map(|(event, _)| event).collect();
        Ruled {
            refused: (asked - events.len()) as u64,
            events,
            forged: 0,
        }
    }
}
