//! Archives with something in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use stentor_event::{Event, EventBuilder, EventId, Filter, Kind, Timestamp, Viewer};
use stentor_sql::testing::House;
use stentor_store::{Budget, Query, ScanLimits, Submission};
use tokio::sync::watch;

use crate::config::Config;
use crate::error::Error;
use crate::export::out::{self, Exported, Wish};
use crate::export::{Format, Imported, Place, Source};
use crate::ground::Ground;
use crate::provenance::{How, Pair, PairReader, credit};
use crate::relay_url::RelayUrl;
use crate::role::Observatory;
use crate::table::{RelayId, mention};

/// A day in May 2024.
pub const DAY: u64 = 19_844 * 86_400;
/// Relays of the archives here.
pub const RELAYS: [&str; 3] = ["wss://a.example/", "wss://b.example/", "wss://c.example/"];
/// Bytes of a part where that does not matter.
pub const PART: u64 = 1 << 20;

/// An archive.
pub struct Archive {
    /// The folder in which it all is.
    _house: House,
    pub ground: Arc<Ground>,
}

/// What is in an archive: events, and who holds them since when and how.
pub type Contents = (
    BTreeSet<EventId>,
    BTreeSet<(EventId, String, u64, &'static str)>,
);

/// An event of this number: three kinds, over five days, with content that has to be escaped.
pub fn event(number: u64) -> Event {
    let kind = Kind([1, 7, 30_023][(number % 3) as usize]);
    let time = Timestamp(DAY + number % 5 * 86_400 + number * 37 % 86_000);
    let key = crate::testing::key((number % 7 + 1) as u8);
    EventBuilder::new(kind, time)
        .content(format!("\"{number}\"\n\u{1}\t\\ \u{1f980} ü"))
        .tag(["d".to_owned(), number.to_string()])
        .tag(["t", "a\nb\"c"])
        .sign(&key)
}

impl Archive {
    /// An empty one, which knows three relays.
    pub async fn new(house: House) -> Self {
        Self::with(house, Config::default()).await
    }

    /// An empty one with this configuration, which knows three relays.
    pub async fn with(house: House, config: Config) -> Self {
        let ground = crate::testing::ground(&house, config).await;
        for url in RELAYS {
            let url = RelayUrl::parse(url).unwrap();
            let taken = ground.records.write(move |tx| {
                let (id, _) = mention(tx, &url, "test", None, 5)?;
                let sql = "UPDATE observatory_relays SET state = 'relay', uptime_day = 0.5, name = 'a\"b', negentropy = TRUE WHERE id = ?";
                tx.execute(sql, (id.0,))?;
                Ok::<_, stentor_sql::Error>(())
            });
            taken.await.unwrap();
        }
        Self {
            _house: house,
            ground,
        }
    }

    /// One with so many events, each held by some relays.
    pub async fn filled(house: House, events: u64) -> Self {
        let archive = Self::new(house).await;
        archive.add((0..events).map(event).collect()).await;
        archive
    }

    /// Adds events, each held by the first relay and by another.
    pub async fn add(&self, events: Vec<Event>) {
        let submission = |event: &Event| Submission {
            event: event.clone(),
            verified: true,
        };
        let ground = &self.ground;
        for events in events.chunks(500) {
            let batch = events.iter().map(submission).collect();
            ground
                .archive
                .submit(batch, ground.clock.now())
                .await
                .unwrap();
            let ids: Vec<EventId> = events.iter().map(Event::id).collect();
            let numbers = ground.archive.numbers(&ids).await.unwrap();
            let pairs = numbers.into_iter().zip(events).flat_map(|(number, event)| {
                let number = number.unwrap().0;
                let created_ms = event.created_at().0 * 1_000;
                let pair = |relay: i64, how| Pair {
                    number,
                    relay: RelayId(relay),
                    seen_ms: created_ms + number,
                    created_ms,
                    how,
                };
                [
                    pair(1, How::Live),
                    pair(2 + (number % 2) as i64, How::Fetched),
                ]
            });
            let pairs: Vec<Pair> = pairs.collect();
            let credited = ground.records.write(move |tx| credit(tx, &pairs));
            let _: u64 = credited.await.unwrap();
        }
    }

    /// All that is in it.
    pub async fn contents(&self) -> Contents {
        let mut scan = self.ground.archive.scan(Query {
            filters: Arc::from([Filter::default()]),
            now: self.ground.clock.now(),
            before: None,
            limits: ScanLimits { cap: 0, rows: 0 },
        });
        let budget = Budget {
            events: 1_000,
            bytes: 1 << 20,
            rows: 10_000,
        };
        let mut ids = BTreeMap::new();
        loop {
            let batch = scan.next(&Viewer::operator(), budget).await.unwrap();
            for stored in batch.events {
                let event = Event::parse(&stored.json).unwrap();
                ids.insert(stored.number.0, event.id());
            }
            if batch.end.is_some() {
                break;
            }
        }
        let mut pairs = BTreeSet::new();
        let mut reader = PairReader::new(&self.ground.records, 0..u64::MAX);
        while let Some(batch) = reader.next().await.unwrap() {
            for pair in batch {
                let url = RELAYS[pair.relay.0 as usize - 1].to_owned();
                pairs.insert((ids[&pair.number], url, pair.seen_ms, pair.how.as_str()));
            }
        }
        (ids.into_values().collect(), pairs)
    }

    /// A place by the name of it.
    pub fn place(&self, name: &str) -> Place {
        let ground = &self.ground;
        Place::new(name, &ground.config.export, &ground.folder, &ground.dialer).unwrap()
    }

    /// Exports to a place.
    pub async fn export(&self, to: &str, wish: Wish, part: u64) -> Result<Exported, Error> {
        let (_stop, never) = watch::channel(false);
        out::run(
            &self.ground,
            (wish, part),
            &self.place(to),
            (&never, &|_| ()),
        )
        .await
    }

    /// Exports to a place until so many files were written.
    pub async fn ended(&self, to: &str, wish: Wish, files: u64) -> Exported {
        let (stop, stopped) = watch::channel(false);
        let report = |done: &Exported| {
            if done.files >= files {
                stop.send_replace(true);
            }
        };
        let (place, going) = (
            self.place(to),
            (&stopped, &report as &(dyn Fn(&_) + Send + Sync)),
        );
        let done = out::run(&self.ground, (wish, PART), &place, going).await;
        done.unwrap()
    }

    /// Imports from a place; which files were broken, too.
    pub async fn import(&self, from: &str) -> Result<(Imported, Vec<String>), Error> {
        self.import_from(self.place(from)).await
    }

    /// Imports from a place that somebody else's configuration leads to.
    pub async fn import_from(&self, place: Place) -> Result<(Imported, Vec<String>), Error> {
        let source = Source::open(place).await?;
        let provenance = source.has_provenance();
        let total = source.rows(provenance);
        let (lines, broken) = source.lines(provenance);
        let (_stop, never) = watch::channel(false);
        let observatory = Observatory {
            ground: self.ground.clone(),
        };
        let done = observatory
            .import(Box::new(lines), total, &never, |_| ())
            .await?;
        let broken = broken.await.unwrap().into_iter().map(|broken| {
            println!("{}: {}", broken.file, broken.problem);
            broken.file
        });
        Ok((done, broken.collect()))
    }
}

/// All of it, in this form.
pub fn whole(format: Format) -> Wish {
    Wish {
        format,
        provenance: true,
        ..Wish::default()
    }
}

/// The files below a folder, by path, with their hashes.
pub fn files(folder: &Path) -> BTreeMap<String, [u8; 32]> {
    fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, [u8; 32]>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                let hash = Sha256::digest(std::fs::read(&path).unwrap()).into();
                files.insert(name.to_owned(), hash);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}
