//! A running observatory.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use stentor_event::{EventId, Filter, SecretKey, Timestamp, Viewer, VisibilityRules};
use stentor_net::dial::{self, Dialer};
use stentor_observatory::{Clock, Config, Observatory, Parts, Question};
use stentor_serve::ops::Readiness;
use stentor_serve::supervisor::Supervisor;
use stentor_simulation::{Character, Network, Spec};
use stentor_sql::testing::House;
use stentor_store::embedded::{Options, Store};
use stentor_store::{Budget, Direction, EventStore, Keep, OutlineQuery, RelayScope, memory};
use tokio::time::{sleep, timeout};

/// How long anything here may take, with everything else that runs beside it.
const LIMIT: Duration = Duration::from_secs(240);
/// How often it is looked whether something has come to pass.
const LOOK: Duration = Duration::from_millis(50);

/// What an observatory is opened with.
pub struct Setting<'a> {
    pub house: &'a House,
    pub config: Config,
    pub clock: Clock,
    /// The addresses that strangers may lead to, and by which names are looked up.
    pub outbound: dial::Config,
}

impl<'a> Setting<'a> {
    /// On the system's time; strangers may lead to all of the loopback network.
    pub fn new(house: &'a House, config: Config) -> Self {
        Self {
            house,
            config,
            clock: Clock::system(),
            outbound: outbound(),
        }
    }

    /// Opens and starts it.
    pub async fn start(self) -> Service {
        let records = self.house.open().await;
        stentor_bus::close(&records).await.unwrap();
        let options = Options {
            keep: Keep::History,
            verifiers: 1,
            ..Options::default()
        };
        let archive = self.house.folder().join("archive");
        let archive = Arc::new(Store::open(&archive, options).unwrap());
        let own = Arc::new(memory::Store::new(Keep::Current, RelayScope::default()));
        let peer = stentor_peer::Config {
            answer_seconds: 2,
            handshake_seconds: 3,
            ..stentor_peer::Config::default()
        };
        let parts = Parts {
            config: self.config,
            folder: self.house.folder().to_owned(),
            records,
            archive: archive.clone(),
            own: own.clone(),
            rules: Arc::default(),
            bus: None,
            dialer: Dialer::new(&self.outbound).unwrap(),
            peer,
            clock: self.clock,
            monitor_key: monitor_key(),
            archive_key: archive_key(),
        };
        let observatory = Observatory::open(parts).await.unwrap();
        let mut supervisor = Supervisor::new(Readiness::new());
        observatory.start(&mut supervisor);
        Service {
            observatory,
            supervisor,
            archive,
            own,
            clock: self.clock,
        }
    }
}

/// A running observatory.
pub struct Service {
    pub observatory: Observatory,
    supervisor: Supervisor,
    pub archive: Arc<Store>,
    pub own: Arc<memory::Store>,
    pub clock: Clock,
}

impl Service {
    /// The answer to a question; nothing where there is none.
    pub async fn asked(&self, path: &str, query: &str) -> Option<Value> {
        let question = Question::parse(path, query).unwrap();
        let rules = Arc::<VisibilityRules>::default();
        let answer = self.observatory.answer(&question, rules).await;
        answer.ok().map(|answer| answer.body)
    }

    /// The answer to a question that has one.
    pub async fn ask(&self, path: &str, query: &str) -> Value {
        let answer = self.asked(path, query).await;
        answer.unwrap_or_else(|| panic!("no answer to {path}?{query}"))
    }

    /// The rows of all pages of a list.
    pub async fn rows(&self, path: &str, query: &str, rows: &str) -> Vec<Value> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let query = format!("{query}&limit=500&after={after}");
            let page = self.ask(path, &query).await;
            found.extend(page[rows].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => return found,
            }
        }
    }

    /// All that is known of a relay or a candidate.
    pub async fn relay(&self, url: &str) -> Option<Value> {
        self.asked(&format!("relays/{}", encoded(url)), "").await
    }

    /// The coverage of a relay.
    pub async fn coverage(&self, url: &str) -> Vec<Value> {
        let path = format!("relays/{}/coverage", encoded(url));
        self.rows(&path, "", "intervals").await
    }

    /// The URLs of relays, or of candidates.
    pub async fn urls(&self, state: &str) -> BTreeSet<String> {
        let query = format!("state={state}");
        let rows = self.rows("relays", &query, "relays").await;
        let url = |row: &Value| row["url"].as_str().unwrap().to_owned();
        rows.iter().map(url).collect()
    }

    /// What is in the archive.
    pub async fn archived(&self) -> BTreeSet<EventId> {
        ids(&*self.archive).await
    }

    /// Ends it: its services, and the archive.
    pub async fn stop(self) {
        let in_time = self.supervisor.shutdown(Duration::from_secs(5)).await;
        assert!(in_time, "O5.1: shutdown reaches all within 5 s");
        drop(self.observatory);
        self.archive.close().await.unwrap();
    }
}

/// Waits until something is so; `what` is said where it does not come to pass.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            sleep(LOOK).await;
        }
    };
    let waited = timeout(LIMIT, waiting).await;
    assert!(waited.is_ok(), "did not come to pass: {what}");
}

/// Waits until nothing is wrong any more; says what is where that takes too long.
pub async fn until_right(mut wrong: impl AsyncFnMut() -> Vec<String>) {
    let mut last = Vec::new();
    let waiting = async {
        loop {
            last = wrong().await;
            if last.is_empty() {
                return;
            }
            // It asks a lot.
            sleep(LOOK * 20).await;
        }
    };
    let waited = timeout(LIMIT, waiting).await;
    assert!(waited.is_ok(), "still wrong: {last:#?}");
}

/// The ids of all that a store has.
pub async fn ids(store: &dyn EventStore) -> BTreeSet<EventId> {
    let mut scan = store.outline(OutlineQuery {
        filter: Filter::default(),
        now: Timestamp(now()),
        direction: Direction::NewestFirst,
        rows: 0,
    });
    let budget = Budget {
        events: usize::MAX,
        bytes: usize::MAX,
        rows: 100_000,
    };
    let mut ids = BTreeSet::new();
    loop {
        let batch = scan.next(&Viewer::operator(), budget).await.unwrap();
        ids.extend(batch.outlines.iter().map(|one| one.id));
        if batch.end {
            return ids;
        }
    }
}

/// A part of a path.
pub fn encoded(url: &str) -> String {
    url.replace('%', "%25")
        .replace(':', "%3A")
        .replace('/', "%2F")
}

/// Now, in Unix seconds.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// The key of the monitor.
pub fn monitor_key() -> SecretKey {
    SecretKey::from_bytes([1; 32]).unwrap()
}

/// The key that says who archives.
pub fn archive_key() -> SecretKey {
    SecretKey::from_bytes([2; 32]).unwrap()
}

/// Strangers may lead to all of the loopback network.
pub fn outbound() -> dial::Config {
    dial::Config {
        allow: vec!["127.0.0.0/8".to_owned()],
        connect_seconds: 5,
        ..dial::Config::default()
    }
}

/// A network of these characters whose events end an hour ago and go back for some days.
pub fn spec(characters: &[Character], events: usize, days: u64) -> Spec {
    Spec {
        now: now() - 3_600,
        days,
        events,
        pause: Duration::from_millis(20),
        ..Spec::of(7, characters.iter().copied())
    }
}

/// Begins with these relays, and with none that is built in; looks often, and waits for answers for a short time only.
pub fn config(seeds: &[&str]) -> Config {
    let mut config = Config::default();
    config.discover.built_in = false;
    config.discover.seeds = seeds.iter().map(|url| (*url).to_owned()).collect();
    config.discover.interval_seconds = 1;
    config.discover.answer_seconds = 2;
    config.check.answer_seconds = 2;
    config.check.retries = 0;
    config.archive.live = 0;
    config.archive.since = now() - 10 * 86_400;
    config
}

/// The relays of these characters are all that there is behind their URLs.
pub async fn start(spec: Spec) -> Network {
    Network::start(spec).await.unwrap()
}
