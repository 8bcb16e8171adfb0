//! The relay as the program sees it: made once, told of commits, asked for sessions.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use http::StatusCode;
use stentor_event::{PublicKey, Timestamp};
use stentor_serve::{ConnectionInfo, Outbox, Refusal, SessionFactory};
use stentor_store::search::Search;
use stentor_store::{CommitObserver, Committed, EventStore};

use crate::config::Config;
use crate::connection::Connection;
use crate::error::RelayError;
use crate::state::{Settings, State, now};

/// How often the levels are measured and the limiters swept.
const TICK: Duration = Duration::from_secs(5);

/// The relay. Cloning it shares it.
#[derive(Clone)]
pub struct Relay {
    pub(crate) state: Arc<State>,
}

impl Relay {
    /// A relay over a store, which is told to report its commits here. `own_key` is the relay's own public key, if it has
    /// one.
    ///
    /// # Errors
    /// [`RelayError::Config`] for a value out of range.
    pub fn new(
        config: Config,
        store: Arc<dyn EventStore>,
        own_key: Option<PublicKey>,
    ) -> Result<Self, RelayError> {
        let settings = Settings::new(config, None)?;
        let state = Arc::new(State::new(settings, Arc::clone(&store), own_key));
        store.observe(Arc::new(Observer {
            state: Arc::downgrade(&state),
        }));
        Ok(Self { state })
    }

    /// Offers full-text search (NIP-50) from now on, as far as the configuration allows it. Has an effect once.
    pub fn offer_search(&self, search: Arc<Search>) {
        // A second one would search the same store.
        let _ = self.state.search.set(search);
    }

    /// Puts another configuration into force, for the connections that are open as well. What concerns the WebSocket itself
    /// (message size, queues) holds for new connections.
    ///
    /// # Errors
    /// [`RelayError::Config`]; the old one stays in force then.
    pub fn reconfigure(&self, config: Config) -> Result<(), RelayError> {
        Ok(self.state.reconfigure(config)?)
    }

    /// How many connections and subscriptions there are.
    pub fn counts(&self) -> (usize, usize) {
        (
            self.state.connections.load(Ordering::Relaxed),
            self.state.registry.len(),
        )
    }

    /// Keeps metrics and limiters in order, and purges expired events: `purge` is called with the time whenever a purge is
    /// due. Runs until it is dropped.
    pub async fn run<P, F>(self, purge: P)
    where
        P: Fn(Timestamp) -> F,
        F: Future<Output = ()>,
    {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut purged = Instant::now();
        loop {
            ticks.tick().await;
            self.tick();
            let every = self.state.settings().config.purge_seconds;
            if every != 0 && purged.elapsed() >= Duration::from_secs(every) {
                purge(now()).await;
                purged = Instant::now();
            }
        }
    }

    fn tick(&self) {
        let state = &self.state;
        state.meters.sweep();
        let unauthenticated = state.unauthenticated.load(Ordering::Relaxed);
        state.metrics.levels(
            state.registry.len(),
            unauthenticated,
            state.in_flight.load(Ordering::Relaxed),
        );
    }
}

impl SessionFactory for Relay {
    type Session = Connection;

    fn admit(&self, _info: &ConnectionInfo) -> Result<(), Refusal> {
        let most = self
            .state
            .settings()
            .config
            .limits
            .connections_unauthenticated;
        if most != 0 && self.state.unauthenticated.load(Ordering::Relaxed) >= most {
            let detail = "too many connections that have not authenticated";
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(10));
        }
        Ok(())
    }

    fn open(&self, info: &Arc<ConnectionInfo>, outbox: &Outbox) -> Connection {
        Connection::new(Arc::clone(&self.state), Arc::clone(info), outbox.clone())
    }
}

/// Passes commits on to the subscribers. The store holds it, so it does not hold the store.
struct Observer {
    state: Weak<State>,
}

impl CommitObserver for Observer {
    fn committed(&self, events: &[Committed]) {
        let Some(state) = self.state.upgrade() else {
            return;
        };
        let begun = Instant::now();
        let settings = state.settings();
        let tally = state
            .registry
            .pass(events, &settings.rules, settings.hold());
        state.metrics.passed(tally, begun.elapsed());
    }
}
