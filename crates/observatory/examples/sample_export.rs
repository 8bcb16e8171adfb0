//! Writes an export of a small archive in both forms below a folder, and what is in it as `truth.json`: what `tests-py` reads.
//!
//! ```sh
//! cargo run -p stentor-observatory --example sample_export -- FOLDER
//! ```

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};
use stentor_net::dial::Dialer;
use stentor_observatory::{Clock, Config, Format, Observatory, Parts, Wish};
use stentor_sql::{Database, DatabaseConfig};
use stentor_store::embedded::{Options, Store};
use stentor_store::{EventStore, Keep, RelayScope, memory};
use tokio::sync::watch;

/// 2024-05-01.
const DAY: u64 = 1_714_521_600;
const EVENTS: u64 = 1_000;
const RELAYS: [&str; 3] = ["wss://a.example/", "wss://b.example/", "wss://c.example/"];

type Anything<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Anything<()> {
    let folder = std::env::args_os().nth(1).ok_or("a folder is missing")?;
    let folder = PathBuf::from(folder);
    let data = tempfile::tempdir()?;
    let (observatory, records) = open(data.path()).await?;
    let (_stop, never) = watch::channel(false);
    // Relays are known by having answered; here it is said of them.
    let lines = lines()?;
    let total = lines.lines().count() as u64;
    let input = || Box::new(std::io::Cursor::new(lines.clone().into_bytes()));
    observatory.import(input(), total, &never, |_| ()).await?;
    records.write(known).await?;
    let taken = observatory.import(input(), total, &never, |_| ()).await?;
    for format in [Format::Parquet, Format::Jsonl] {
        let name = if format == Format::Parquet {
            "parquet"
        } else {
            "jsonl"
        };
        let to = folder.join(name);
        let place = observatory.place(to.to_str().ok_or("a folder that is not UTF-8")?)?;
        let wish = Wish {
            format,
            provenance: true,
            ..Wish::default()
        };
        observatory.export(wish, &place, &never, |_| ()).await?;
    }
    let truth = json!({
        "events": EVENTS,
        "pairs": taken.pairs,
        "relays": RELAYS.len(),
        "days": 5,
        "notes": (0..EVENTS).filter(|number| kind(*number) == 1).count(),
    });
    std::fs::write(folder.join("truth.json"), truth.to_string())?;
    Ok(())
}

async fn open(data: &Path) -> Anything<(Observatory, Database)> {
    let path = data.join("records.sqlite");
    let records = Database::open(&DatabaseConfig {
        path,
        ..DatabaseConfig::default()
    })
    .await?;
    let options = Options {
        keep: Keep::History,
        ..Options::default()
    };
    let archive: Arc<dyn EventStore> = Arc::new(Store::open(&data.join("archive"), options)?);
    let parts = Parts {
        config: Config::default(),
        folder: data.to_owned(),
        records: records.clone(),
        archive,
        own: Arc::new(memory::Store::new(Keep::Current, RelayScope::default())),
        rules: Arc::default(),
        bus: None,
        dialer: Dialer::new(&stentor_net::dial::Config::default())?,
        peer: stentor_peer::Config::default(),
        clock: Clock::system(),
        monitor_key: SecretKey::from_bytes([1; 32])?,
        archive_key: SecretKey::from_bytes([2; 32])?,
    };
    Ok((Observatory::open(parts).await?, records))
}

const fn kind(number: u64) -> u16 {
    if number % 10 < 6 { 1 } else { 7 }
}

/// Events, each held by the first relay, and by another when its number is even; the second relay has them half a second later.
fn lines() -> Anything<String> {
    let (mut events, mut pairs) = (String::new(), String::new());
    for number in 0..EVENTS {
        let time = DAY + number % 5 * 86_400 + number;
        let key = SecretKey::from_bytes([(number % 20 + 1) as u8; 32])?;
        let event = EventBuilder::new(Kind(kind(number)), Timestamp(time))
            .content(format!("\"{number}\" \u{1f980}\n"))
            .tag(["t", if number % 4 == 0 { "nostr" } else { "other" }])
            .sign(&key);
        writeln!(events, "{}", std::str::from_utf8(event.json())?)?;
        let mut pair = |relay: usize, how: &str, seen_ms: u64| {
            let url = RELAYS.get(relay).unwrap_or(&"");
            writeln!(
                pairs,
                "{}",
                json!(["pair", event.id().to_string(), url, how, seen_ms])
            )
        };
        pair(0, "live", time * 1_000 + 200)?;
        if number % 2 == 0 {
            pair(1 + (number % 4 / 2) as usize, "live", time * 1_000 + 700)?;
        }
    }
    Ok(events + &pairs)
}

/// Says of the relays that they are, and what they were asked about.
fn known(tx: &mut stentor_sql::Transaction<'_>) -> Result<(), stentor_sql::Error> {
    tx.execute("UPDATE observatory_relays SET state = 'relay', proven_ms = found_ms, software = 'strfry', uptime_month = 0.99", ())?;
    tx.execute(
        "INSERT INTO observatory_filters (id, filter) VALUES (1, '{}')",
        (),
    )?;
    for (relay, since, until, state) in [
        (1, 0, DAY as i64 + 10 * 86_400, "complete"),
        (2, 0, DAY as i64 + 86_399, "complete"),
        (2, DAY as i64 + 86_400, DAY as i64 + 10 * 86_400, "capped"),
    ] {
        tx.execute(
            "INSERT INTO observatory_coverage (relay, filter, since, until, state, reason, method, events, at_ms)
             VALUES (?, 1, ?, ?, ?, NULL, 'negentropy', 10, 5)",
            (relay, since, until, state),
        )?;
    }
    Ok(())
}
