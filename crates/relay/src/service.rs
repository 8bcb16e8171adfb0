//! The relay as the program sees it: made once, told of commits, asked for sessions.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use stentor_event::{EventId, SecretKey, Timestamp};
use stentor_serve::{ConnectionInfo, Outbox, Refusal, SessionFactory};
use stentor_sql::Database;
use stentor_store::{CommitObserver, Committed, EventStore};
use tokio::sync::mpsc;

use crate::access::Access;
use crate::config::Config;
use crate::connection::Connection;
use crate::error::RelayError;
use crate::management::Management;
use crate::moderation::queue;
use crate::policy::connection::Arriving;
use crate::state::{State, now};
use crate::sync::{Home, Sizes};
use crate::{membership, moderation};

/// How often the levels are measured and the limiters swept.
const TICK: Duration = Duration::from_secs(5);

/// The relay. Cloning it shares it.
#[derive(Clone)]
pub struct Relay {
    pub(crate) state: Arc<State>,
    waiting_hits: Arc<tokio::sync::Mutex<mpsc::Receiver<(EventId, String)>>>,
}

impl Relay {
    /// A relay over a store, which is told to report its commits here, with its lists in `records`. `own_key` is the
    /// relay's own key.
    ///
    /// # Errors
    /// [`RelayError::Config`] for a value out of range, [`RelayError::Access`] when the lists cannot be read.
    pub async fn new(
        config: Config,
        store: Arc<dyn EventStore>,
        records: Database,
        own_key: SecretKey,
    ) -> Result<Self, RelayError> {
        let access = Arc::new(Access::open(records).await?);
        let (hits, waiting_hits) = queue::channel();
        let own_key = Arc::new(own_key);
        let state = State::new(config, Arc::clone(&store), access, own_key, hits)?;
        let state = Arc::new(state);
        store.observe(Arc::new(Observer {
            state: Arc::downgrade(&state),
        }));
        Ok(Self {
            state,
            waiting_hits: Arc::new(tokio::sync::Mutex::new(waiting_hits)),
        })
    }

    /// Who is a member, who and what is banned or allowed.
    pub fn access(&self) -> &Arc<Access> {
        &self.state.access
    }

    /// Our side of a synchronisation with other relays, under the settings of this moment.
    pub fn home(&self) -> Home {
        let settings = self.state.settings();
        let limits = &settings.config.limits;
        let sizes = Sizes {
            event_bytes: limits.event_bytes,
            tags: limits.tags,
        };
        Home::new(
            Arc::clone(&self.state.store),
            Arc::clone(&self.state.access),
            Arc::clone(&settings.rules),
            sizes,
        )
    }

    /// What admins can do.
    pub fn management(&self) -> Management {
        Management::new(
            Arc::clone(&self.state.access),
            Arc::clone(&self.state.store),
        )
    }

    /// Lets what is decided about members and addresses take effect on who is connected, and publishes who is a member
    /// (NIP-43). Runs until it is dropped.
    pub async fn run_membership(self) {
        tokio::join!(
            membership::publish(Arc::clone(&self.state)),
            enforce(&self.state)
        );
    }

    /// Fills the moderation queue. Runs until it is dropped.
    pub async fn run_moderation(self) {
        tokio::join!(
            moderation::read_reports(Arc::clone(&self.state)),
            queue::write_hits(Arc::clone(&self.state), self.waiting_hits)
        );
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

    fn admit(&self, info: &ConnectionInfo) -> Result<(), Refusal> {
        let (settings, lists) = (self.state.settings(), self.state.lists());
        let most = settings.config.limits.connections_unauthenticated;
        let open = self.state.unauthenticated.load(Ordering::Relaxed);
        settings.policy.connection.admit(&Arriving {
            client: info.client,
            lists: &lists,
            unauthenticated: (open, most),
        })
    }

    fn open(&self, info: &Arc<ConnectionInfo>, outbox: &Outbox) -> Connection {
        Connection::new(Arc::clone(&self.state), Arc::clone(info), outbox.clone())
    }
}

/// Closes connections that are not let in any more, whenever the lists have changed.
async fn enforce(state: &State) {
    let mut changes = state.access.watch();
    while changes.changed().await.is_ok() {
        state.review_presence(false);
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
        let lists = state.lists();
        let banned = |committed: &Committed| {
            let event = &committed.event;
            lists.bans(&event.pubkey()) || lists.bans_event(&event.id())
        };
        let any = lists.bans_anything() && events.iter().any(banned);
        let tally = if any {
            let wanted: Vec<Committed> = events
                .iter()
                .filter(|event| !banned(event))
                .cloned()
                .collect();
            let unwanted = events.iter().filter(|event| banned(event));
            state.remove_banned(unwanted.map(|committed| committed.event.id()).collect());
            state
                .registry
                .pass(&wanted, &settings.rules, settings.hold())
        } else {
            state
                .registry
                .pass(events, &settings.rules, settings.hold())
        };
        state.metrics.passed(tally, begun.elapsed());
        state.commits.send_replace(());
    }
}
