//! What all connections share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use stentor_event::{ParseLimits, PublicKey, Timestamp, Viewer, VisibilityRules};
use stentor_store::EventStore;
use stentor_store::search::Search;
use tokio::sync::Semaphore;

use crate::config::{Config, ConfigError};
use crate::fanout::{HoldLimits, Registry};
use crate::metrics::Metrics;
use crate::rates::Meters;

/// COUNTs that take long and are worked on at once, over all connections: they must leave cores to the others.
const LONG_COUNTS: usize = 1;
/// How long the number of events is remembered.
const REMEMBERED: Duration = Duration::from_secs(10);

/// The configuration with what follows from it.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// The public URLs, normalised.
    pub(crate) urls: Vec<String>,
    pub(crate) rules: Arc<VisibilityRules>,
    pub(crate) parse: ParseLimits,
    /// The viewer of connections that have not authenticated.
    pub(crate) anonymous: Arc<Viewer>,
}

impl Settings {
    /// Checks a configuration and draws the conclusions. Visibility rules that stay the same stay the same object.
    pub(crate) fn new(config: Config, before: Option<&Self>) -> Result<Self, ConfigError> {
        config.check()?;
        let rules = config.privacy.rules();
        let rules = before
            .map(|before| &before.rules)
            .filter(|old| **old == rules)
            .cloned()
            .unwrap_or(rules);
        Ok(Self {
            urls: config.public_urls()?,
            parse: config.limits.parse(),
            anonymous: Arc::new(Viewer::anonymous(Arc::clone(&rules))),
            rules,
            config,
        })
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
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) registry: Registry,
    pub(crate) meters: Meters,
    pub(crate) metrics: Metrics,
    /// The relay's own key (NIP-11 `self`).
    pub(crate) own_key: Option<PublicKey>,
    /// Connections that are open, and those of them that have not authenticated.
    pub(crate) connections: AtomicUsize,
    pub(crate) unauthenticated: AtomicUsize,
    /// Bytes of events on their way into the store.
    pub(crate) in_flight: AtomicUsize,
    /// Full-text search, once there is any.
    pub(crate) search: OnceLock<Arc<Search>>,
    /// Turns for COUNTs that take long.
    pub(crate) long_counts: Semaphore,
    /// How many events there are, and when that was asked.
    events: Mutex<Option<(Instant, u64)>>,
}

impl State {
    pub(crate) fn new(
        settings: Settings,
        store: Arc<dyn EventStore>,
        own_key: Option<PublicKey>,
    ) -> Self {
        Self {
            settings: ArcSwap::from_pointee(settings),
            store,
            registry: Registry::default(),
            meters: Meters::default(),
            metrics: Metrics::new(),
            own_key,
            connections: AtomicUsize::new(0),
            unauthenticated: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            search: OnceLock::new(),
            long_counts: Semaphore::new(LONG_COUNTS),
            events: Mutex::new(None),
        }
    }

    /// The settings of this moment.
    pub(crate) fn settings(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Puts another configuration into force.
    pub(crate) fn reconfigure(&self, config: Config) -> Result<(), ConfigError> {
        let settings = Settings::new(config, Some(&self.settings.load()))?;
        self.settings.store(Arc::new(settings));
        Ok(())
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
