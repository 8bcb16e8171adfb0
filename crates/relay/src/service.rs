//! The relay as the program sees it: made once, told of commits, asked for sessions.

use std::borrow::Cow;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt, stream};
use stentor_event::{Event, EventId, SecretKey, Timestamp, VisibilityRules};
use stentor_net::dial::Dialer;
use stentor_serve::{ConnectionInfo, Outbox, Refusal, SessionFactory};
use stentor_sql::Database;
use stentor_store::search::Search;
use stentor_store::{CommitObserver, Committed, EventStore, StoreError};
use tokio::sync::mpsc;

use crate::access::Access;
use crate::config::{Config, Plugin, SourceType, WriteRule};
use crate::connection::Connection;
use crate::error::RelayError;
use crate::management::Management;
use crate::moderation::queue;
use crate::moderation::suspects::Queued;
use crate::nip05::Verifier;
use crate::policy::Verdict;
use crate::policy::connection::Arriving;
use crate::policy::write::{Asked, Source};
use crate::retention::{AuthorClasses, Known};
use crate::state::{State, now};
use crate::sync::{Home, Sizes};
use crate::{marmot, membership, moderation, trust};

/// How often the levels are measured and the limiters swept.
const TICK: Duration = Duration::from_secs(5);

/// Events about which plugins are asked at once on behalf of one job.
const ASKED_AT_ONCE: usize = 64;

/// What a relay works with.
#[derive(Clone)]
pub struct Parts {
    /// The events.
    pub store: Arc<dyn EventStore>,
    /// Members, bans and the like.
    pub records: Database,
    /// The relay's own key (NIP-11 `self`).
    pub own_key: SecretKey,
    /// The way to other relays and to web servers.
    pub dialer: Dialer,
    /// Limits of connections to other relays.
    pub peer: stentor_peer::Config,
}

/// What the operator's plugins say of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// It may be taken.
    Accepted,
    /// It may not; the reason, with its NIP-01 prefix. `error:` when there was no answer and `on_failure` is `refuse`.
    Refused(Cow<'static, str>),
    /// It may not, and whoever brought it is not to be told.
    Shadowed,
}

/// The relay. Cloning it shares it.
#[derive(Clone)]
pub struct Relay {
    pub(crate) state: Arc<State>,
    waiting_hits: Arc<tokio::sync::Mutex<mpsc::Receiver<(EventId, String)>>>,
}

impl Relay {
    /// A relay over these parts. The store is told to report its commits here, and rid of what is banned.
    ///
    /// # Errors
    /// [`RelayError::Config`] for a value out of range, [`RelayError::Access`] when the lists cannot be read,
    /// [`RelayError::Store`] when the store cannot be written.
    pub async fn new(config: Config, parts: Parts) -> Result<Self, RelayError> {
        let access = Arc::new(Access::open(parts.records.clone()).await?);
        let (hits, waiting_hits) = queue::channel();
        let store = Arc::clone(&parts.store);
        let removed = moderation::remove_banned(&store, &access.lists()).await;
        let removed = removed.map_err(|error| RelayError::Store(error.to_string()))?;
        if removed > 0 {
            tracing::info!(removed, "events that are banned were still here");
        }
        let state = Arc::new(State::new(config, parts, access, hits)?);
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

    /// Our side of a synchronisation with the relay at this URL, under the settings of this moment.
    pub fn home(&self, url: &str) -> Home {
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
        .asking(self.clone(), url)
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

    /// What search may ask: whose addresses a domain vouches for, and what waits for moderation.
    pub fn search_trust(&self) -> stentor_store::search::Trust {
        let addresses = Arc::clone(&self.state.surroundings.addresses);
        stentor_store::search::Trust {
            domains: Some(Arc::new(Verifier(addresses))),
            spam: Some(Arc::new(Queued(Arc::clone(self.state.access.suspects())))),
        }
    }

    /// What is not for everybody, by the configuration in force.
    pub fn visibility(&self) -> Arc<VisibilityRules> {
        Arc::clone(&self.state.settings().rules)
    }

    /// The public URLs, normalised, by the configuration in force.
    pub fn public_urls(&self) -> Vec<String> {
        self.state.settings().urls.clone()
    }

    /// A receiver that wakes up after every change of the access lists.
    pub fn access_changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.state.access.watch()
    }

    /// The classes of authors that rules of retention can name.
    pub fn author_classes(&self) -> Arc<dyn AuthorClasses> {
        let state = Arc::downgrade(&self.state);
        Arc::new(Known { state })
    }

    /// Removes events of Marmot that have been kept for long enough. Runs until it is dropped.
    pub async fn run_marmot(self) {
        marmot::expire(self.state).await;
    }

    /// Keeps the web of trust, if the policy asks for it. Runs until it is dropped.
    pub async fn run_trust(self) {
        trust::keep(self.state).await;
    }

    /// Fills the moderation queue. Runs until it is dropped.
    pub async fn run_moderation(self) {
        tokio::join!(
            moderation::read_reports(Arc::clone(&self.state)),
            queue::write_hits(Arc::clone(&self.state), self.waiting_hits)
        );
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

    /// What the operator's plugins say of an event that no client has sent: an imported, synchronised or mirrored one, or
    /// one on its way to another relay (R4.3). Id and signature must have been verified. A plugin whose `source_types`
    /// do not name this source is not asked. At most half of a plugin's `waiting` places are taken by such events;
    /// further ones wait here for their turn, so that whoever asks in bulk is slowed down and not refused.
    pub async fn ask_plugins(&self, event: &Event, source: Source) -> Ruling {
        let stage = Arc::clone(&self.state.settings().policy.write);
        let asked = Asked {
            event: event.clone(),
            source,
            authed: None,
            now: now(),
        };
        match stage.ask_plugins(&asked).await {
            Verdict::Refuse(rejection) => Ruling::Refused(rejection.reason),
            Verdict::Shadow => Ruling::Shadowed,
            Verdict::Pass | Verdict::Review(_) | Verdict::Ask => Ruling::Accepted,
        }
    }

    /// [Asks](Self::ask_plugins) about many events, some at once; the answers come in the order of the events.
    pub async fn ask_plugins_about_all(&self, events: &[Event], source: &Source) -> Vec<Ruling> {
        let questions = events.iter().map(|event| {
            let (relay, event, source) = (self.clone(), event.clone(), source.clone());
            async move { relay.ask_plugins(&event, source).await }.boxed()
        });
        let questions: Vec<_> = questions.collect();
        stream::iter(questions)
            .buffered(ASKED_AT_ONCE)
            .collect()
            .await
    }

    /// Whether a plugin wants to be asked about events from there.
    pub fn asks_plugins(&self, source: SourceType) -> bool {
        let settings = self.state.settings();
        let policy = &settings.config.policy;
        let named = |plugin: &Plugin| plugin.source_types.contains(&source);
        settings.policy.write.has(WriteRule::Plugins) && policy.plugins.iter().any(named)
    }

    /// Ends what runs beside the relay, the operator's plugins, in order. To be called when no connection is open any more,
    /// with a time limit: a plugin may take as long as it may for an event. What is dropped without this is killed.
    pub async fn end(&self) {
        let stage = Arc::clone(&self.state.settings().policy.write);
        stage.end().await;
    }

    /// How many connections and subscriptions there are.
    pub fn counts(&self) -> (usize, usize) {
        (
            self.state.connections.load(Ordering::Relaxed),
            self.state.registry.len(),
        )
    }

    /// Removes what is banned here from another store, to which bans apply too. Returns how much there was.
    ///
    /// # Errors
    /// Those of that store.
    pub async fn remove_banned_from(&self, store: &Arc<dyn EventStore>) -> Result<u64, StoreError> {
        moderation::remove_banned(store, &self.access().lists()).await
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
        let banned = |committed: &Committed| lists.bars(&committed.event);
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
