//! Reports (NIP-56): found in the change feed, counted by reporter, and put into the queue.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use stentor_event::{Event, EventId, Filter, Kind, PublicKey, TagFilter, Timestamp, Viewer};
use stentor_store::{Seq, StoreError};

use super::queue;
use crate::config::Reporters;
use crate::holdings::newest;
use crate::state::{State, now};

/// Reports (NIP-56).
const REPORT: Kind = Kind(1_984);
/// The reader's name in the feed.
const READER: &str = "moderation";
/// Entries of the feed read at once.
const BATCH: usize = 512;
/// Entries after which the position is written down.
const REMEMBER: u64 = 4_096;
/// Reports on one event that are looked at.
const LOOKED_AT: usize = 1_000;
/// Events that one report may put into the queue.
const TARGETS: usize = 16;
/// Time until a failed read is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Reads reports as they come, until it is dropped. After a restart it goes on where it was; a report that is read twice
/// counts once, as reporters are counted, not reports.
pub(crate) async fn read_reports(state: Arc<State>) {
    let mut commits = state.commits.subscribe();
    let mut position = state.store.cursor(READER).unwrap_or_default();
    let mut remembered = position;
    loop {
        commits.mark_unchanged();
        match read_on(&state, &mut position, &mut remembered).await {
            Ok(()) => {
                if commits.changed().await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "reading reports");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Reads up to the end of the feed.
async fn read_on(
    state: &State,
    position: &mut Seq,
    remembered: &mut Seq,
) -> Result<(), StoreError> {
    let viewer = Viewer::operator();
    loop {
        let changes = state
            .store
            .changes(*position, BATCH, &viewer, now())
            .await?;
        let Some(last) = changes.last().map(|change| change.seq) else {
            return Ok(());
        };
        let events = changes.into_iter().filter_map(|change| change.event);
        for report in events.filter(|event| event.kind() == REPORT) {
            consider(state, &report).await?;
        }
        *position = last;
        if last.0 - remembered.0 >= REMEMBER {
            state.store.set_cursor(READER, last).await?;
            *remembered = last;
        }
    }
}

/// Puts what is reported into the queue, when enough have reported it.
async fn consider(state: &State, report: &Event) -> Result<(), StoreError> {
    let settings = Arc::clone(&state.settings());
    let config = &settings.config.moderation;
    if !counts(state, &report.pubkey(), config.reporters) {
        return Ok(());
    }
    let view = report.view();
    let why = reason(report);
    let mut targets: Vec<EventId> = view
        .tags()
        .filter(|tag| tag.name().is(b"e"))
        .filter_map(|tag| EventId::from_hex(&tag.get(1)?.unescape()))
        .take(TARGETS)
        .collect();
    if targets.is_empty() {
        // A report on a person: what an admin is to look at is the report itself.
        targets.push(report.id());
    }
    for target in targets {
        let reporters = if target == report.id() {
            1
        } else {
            reporters(state, target, config.reporters).await?
        };
        let enough = target == report.id() || reporters >= config.reports as usize;
        if enough {
            let added = queue::add(&state.access, target, &why, 1, config.queue).await;
            if let Err(error) = added {
                tracing::warn!(%error, "a report could not be put into the moderation queue");
            }
        }
    }
    Ok(())
}

/// Whether a report of this key counts.
fn counts(state: &State, reporter: &PublicKey, whose: Reporters) -> bool {
    let (settings, lists) = (state.settings(), state.lists());
    match whose {
        Reporters::Anyone => true,
        Reporters::Members => settings.standing(&lists).is_member(reporter),
        Reporters::Nobody => false,
    }
}

/// How many have reported the event whose reports count.
async fn reporters(state: &State, target: EventId, whose: Reporters) -> Result<usize, StoreError> {
    let reports = Filter {
        kinds: Some(vec![REPORT]),
        tags: vec![TagFilter::new(b'e', [target.to_string().into_bytes()])],
        ..Filter::default()
    };
    let found = newest(&state.store, reports, LOOKED_AT, Timestamp(now().0)).await?;
    let keys: HashSet<PublicKey> = found.iter().map(Event::pubkey).collect();
    Ok(keys.iter().filter(|key| counts(state, key, whose)).count())
}

/// What the report says: the type of report, and the reporter's words.
fn reason(report: &Event) -> String {
    let view = report.view();
    let named = view.tags().filter(|tag| {
        let name = tag.name();
        name.is(b"e") || name.is(b"p") || name.is(b"x")
    });
    let kind = named
        .filter_map(|tag| tag.get(2))
        .map(|kind| kind.to_text());
    let kind = kind.into_iter().find(|kind| !kind.is_empty());
    let words = String::from_utf8_lossy(&view.content()).into_owned();
    match kind {
        Some(kind) if words.is_empty() => format!("reported: {kind}"),
        Some(kind) => format!("reported: {kind}: {words}"),
        None => format!("reported: {words}"),
    }
}
