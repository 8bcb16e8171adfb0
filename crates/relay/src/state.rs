//! What all connections share.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use stentor_event::{
    EventId, ParseLimits, PublicKey, SecretKey, Timestamp, Viewer, VisibilityRules,
};
use stentor_net::dial::Dialer;
use stentor_store::EventStore;
use stentor_store::search::Search;
use tokio::sync::{Semaphore, watch};

use crate::access::{Access, Lists};
use crate::config::{Config, ConfigError, parse_keys};
use crate::fanout::{HoldLimits, Registry};
use crate::message::{NegTotals, Receipt};
use crate::metrics::Metrics;
use crate::moderation::queue::{Hits, hit};
use crate::nip05::Addresses;
use crate::policy::rate::Meters;
use crate::policy::{Policy, Standing};
use crate::presence::Presence;
use crate::service::Parts;
use crate::trust::TrustGraph;

/// COUNTs that take long and are worked on at once, over all connections: they must leave cores to the others.
const LONG_COUNTS: usize = 1;
/// How long the number of events is remembered.
const REMEMBERED: Duration = Duration::from_secs(10);

/// What the rules of the policy may look at beside the event.
pub(crate) struct Surroundings {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) trust: Arc<TrustGraph>,
    pub(crate) addresses: Arc<Addresses>,
}

impl Surroundings {
    pub(crate) fn new(store: Arc<dyn EventStore>, dialer: Dialer) -> Self {
        Self {
            addresses: Arc::new(Addresses::new(Arc::clone(&store), dialer)),
            trust: Arc::default(),
            store,
        }
    }
}

/// The configuration with what follows from it.
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) policy: Policy,
    /// The public URLs, normalised.
    pub(crate) urls: Vec<String>,
    pub(crate) rules: Arc<VisibilityRules>,
    pub(crate) parse: ParseLimits,
    /// The viewer of connections that have not authenticated.
    pub(crate) anonymous: Arc<Viewer>,
    /// Keys that the configuration denies.
    denied: HashSet<PublicKey>,
}

impl Settings {
    /// Checks a configuration and draws the conclusions. Visibility rules that stay the same stay the same object.
    pub(crate) fn new(
        config: Config,
        surroundings: &Surroundings,
        before: Option<&Self>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let old = before.map(|before| (&before.config, &before.policy));
        let policy = Policy::new(&config, surroundings, old)?;
        let rules = config.privacy.rules();
        let rules = before
            .map(|before| &before.rules)
            .filter(|old| **old == rules)
            .cloned()
            .unwrap_or(rules);
        Ok(Self {
            urls: config.public_urls()?,
            parse: config.limits.parse(),
            denied: parse_keys("policy.keys.deny", &config.policy.keys.deny)?,
            anonymous: Arc::new(Viewer::anonymous(Arc::clone(&rules))),
            rules,
            policy,
            config,
        })
    }

    /// How keys stand with the relay.
    pub(crate) fn standing<'a>(&'a self, lists: &'a Lists) -> Standing<'a> {
        Standing {
            allowed: &self.policy.allowed,
            denied: &self.denied,
            lists,
        }
    }

    /// What may be held back for one subscription.
    pub(crate) const fn hold(&self) -> HoldLimits {
        HoldLimits {
            events: self.config.limits.held_events,
            bytes: self.config.limits.queue_bytes,
        }
    }
}

/// What all connections share.
pub(crate) struct State {
    settings: ArcSwap<Settings>,
    pub(crate) surroundings: Surroundings,
    pub(crate) access: Arc<Access>,
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) registry: Registry,
    pub(crate) meters: Meters,
    pub(crate) metrics: Metrics,
    /// The relay's own key (NIP-11 `self`).
    pub(crate) own_key: SecretKey,
    /// The way to other relays and to web servers, and the limits of connections to relays.
    pub(crate) dialer: Dialer,
    pub(crate) peer: stentor_peer::Config,
    pub(crate) presence: Presence,
    /// Where commits, which are reported on threads of the store, can leave work.
    runtime: Option<tokio::runtime::Handle>,
    /// Where hits of rules go that somebody should look at.
    pub(crate) hits: Hits,
    /// Wakes up readers of the change feed.
    pub(crate) commits: watch::Sender<()>,
    /// Connections that are open, and those of them that have not authenticated.
    pub(crate) connections: AtomicUsize,
    pub(crate) unauthenticated: AtomicUsize,
    /// Bytes of events on their way into the store.
    pub(crate) in_flight: AtomicUsize,
    /// Turns for verifying signatures of events about which somebody is asked.
    pub(crate) verifications: Semaphore,
    /// Full-text search, once there is any.
    pub(crate) search: OnceLock<Arc<Search>>,
    /// Turns for COUNTs that take long.
    pub(crate) long_counts: Arc<Semaphore>,
    /// What the reconciliations of all connections take.
    pub(crate) negs: Arc<NegTotals>,
    /// How many events there are, and when that was asked.
    events: Mutex<Option<(Instant, u64)>>,
}

impl State {
    pub(crate) fn new(
        config: Config,
        parts: Parts,
        access: Arc<Access>,
        hits: Hits,
    ) -> Result<Self, ConfigError> {
        let Parts {
            store,
            own_key,
            dialer,
            peer,
            ..
        } = parts;
        let surroundings = Surroundings::new(Arc::clone(&store), dialer.clone());
        let settings = Settings::new(config, &surroundings, None)?;
        Ok(Self {
            settings: ArcSwap::from_pointee(settings),
            surroundings,
            access,
            store,
            registry: Registry::default(),
            meters: Meters::default(),
            metrics: Metrics::new(),
            own_key,
            dialer,
            peer,
            presence: Presence::default(),
            runtime: tokio::runtime::Handle::try_current().ok(),
            hits,
            commits: watch::Sender::new(()),
            connections: AtomicUsize::new(0),
            unauthenticated: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            verifications: Semaphore::new(
                std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            ),
            search: OnceLock::new(),
            long_counts: Arc::new(Semaphore::new(LONG_COUNTS)),
            negs: Arc::new(NegTotals::new()),
            events: Mutex::new(None),
        })
    }

    /// What admins and members have decided by now.
    pub(crate) fn lists(&self) -> Guard<Arc<Lists>> {
        self.access.lists()
    }

    /// The settings of this moment.
    pub(crate) fn settings(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Puts another configuration into force.
    pub(crate) fn reconfigure(&self, config: Config) -> Result<(), ConfigError> {
        let settings = Settings::new(config, &self.surroundings, Some(&self.settings.load()))?;
        let narrower = {
            let before = self.settings.load();
            let asked = |config: &Config| (config.access.clone(), config.policy.auth.clone());
            asked(&before.config) != asked(&settings.config)
        };
        self.settings.store(Arc::new(settings));
        self.review_presence(narrower);
        Ok(())
    }

    /// Closes connections that would not be let in now.
    pub(crate) fn review_presence(&self, anonymous: bool) {
        let closed = self
            .presence
            .review(&self.settings(), &self.lists(), anonymous);
        if closed > 0 {
            tracing::info!(
                connections = closed,
                "closed, as they are not let in any more"
            );
        }
    }

    /// Removes events that were on their way into the store when they, or their authors, were banned.
    pub(crate) fn remove_banned(self: &Arc<Self>, ids: Vec<EventId>) {
        let (state, Some(runtime)) = (Arc::clone(self), &self.runtime) else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = state.store.remove(&ids).await {
                tracing::error!(%error, "a banned event could not be removed");
            }
        });
    }

    /// About how many events there are. Asked of the store seldom, as the answer can take it a while.
    pub(crate) fn events(&self) -> u64 {
        let mut events = self.events.lock();
        match *events {
            Some((at, count)) if at.elapsed() < REMEMBERED => count,
            _ => {
                let count = self.store.statistics().events;
                *events = Some((Instant::now(), count));
                count
            }
        }
    }

    /// Reserves room for an event on its way into the store. `false`: the node has too much in flight.
    pub(crate) fn begin(&self, bytes: usize, most: usize) -> bool {
        let before = self.in_flight.fetch_add(bytes, Ordering::Relaxed);
        let fits = most == 0 || before.saturating_add(bytes) <= most;
        if !fits {
            self.finish(bytes);
        }
        fits
    }

    /// Puts a stored event into the moderation queue, if a rule wants somebody to look at it.
    pub(crate) fn review(&self, receipt: &Receipt) {
        if !receipt.reviews.is_empty() {
            hit(&self.hits, receipt.id, receipt.reviews.join("; "));
        }
    }

    /// Gives the room of events back that have been answered.
    pub(crate) fn finish(&self, bytes: usize) {
        self.in_flight.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    Timestamp(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    )
}
