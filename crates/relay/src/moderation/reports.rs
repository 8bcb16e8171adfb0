//! Reports (NIP-56): found in the change feed, counted by reporter, and put into the queue.

use std::sync::Arc;
use std::time::Duration;

use stentor_event::{Event, EventId, Filter, Kind, PublicKey, TagFilter, Viewer};
use stentor_store::{Seq, StoreError};

use super::count::{self, Bounds};
use super::queue;
use crate::config::{Moderation, Reporters};
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
/// Events that one report may put into the queue.
const TARGETS: usize = 16;
/// Time until a failed read is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Reads reports as they come, until it is dropped. After a restart it goes on where it was; a report that is read twice
/// counts once, as it is written down who has reported what ([`count`]).
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
    for target in present(state, targets).await? {
        judge(state, report, target, config).await?;
    }
    Ok(())
}

/// Those of these events that are here: what is not needs no moderation.
async fn present(state: &State, mut ids: Vec<EventId>) -> Result<Vec<EventId>, StoreError> {
    ids.sort_unstable();
    ids.dedup();
    let most = ids.len();
    let filter = Filter {
        ids: Some(ids),
        ..Filter::default()
    };
    let found = newest(&state.store, filter, most, now()).await?;
    Ok(found.iter().map(Event::id).collect())
}

/// Counts a report of an event, and puts that into the queue when enough have reported it.
async fn judge(
    state: &State,
    report: &Event,
    target: EventId,
    config: &Moderation,
) -> Result<(), StoreError> {
    let bounds = Bounds {
        per_key: config.reports_per_key,
        queue: config.queue,
    };
    let (by, at) = (report.pubkey(), now().0 as i64);
    let noted = count::note(state.access.records(), target, by, bounds, at).await;
    let reporters = noted.unwrap_or_else(|error| {
        tracing::warn!(%error, "a report could not be counted");
        Vec::new()
    });
    if reporters.is_empty() {
        return Ok(());
    }
    // Of a report on a person it is one, and nobody suspects the report.
    let on_person = target == report.id();
    let (counted, trusted) = if on_person {
        (config.reports as usize, 0)
    } else {
        still_reporting(state, target, reporters, config).await?
    };
    let enough = config.reports as usize;
    if counted >= enough {
        let (why, suspect) = (reason(report), trusted >= enough);
        let added = queue::add(&state.access, target, &why, suspect, config.queue).await;
        if let Err(error) = added {
            tracing::warn!(%error, "a report could not be put into the moderation queue");
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

/// How many of those who have reported the event count and have not taken it back, as far as that makes a difference, and
/// how many of these are members.
async fn still_reporting(
    state: &State,
    target: EventId,
    reporters: Vec<PublicKey>,
    config: &Moderation,
) -> Result<(usize, usize), StoreError> {
    let enough = config.reports as usize;
    let (members, mut others): (Vec<_>, Vec<_>) = reporters
        .into_iter()
        .partition(|key| counts(state, key, Reporters::Members));
    others.retain(|key| counts(state, key, config.reporters));
    let trusted = stand_by(state, target, &members, enough).await?;
    let missing = enough.saturating_sub(trusted);
    let others = stand_by(state, target, &others, missing).await?;
    Ok((trusted + others, trusted))
}

/// How many of these keys have a report of this event in the store; no more than `most` are looked for.
async fn stand_by(
    state: &State,
    target: EventId,
    keys: &[PublicKey],
    most: usize,
) -> Result<usize, StoreError> {
    let mut found = 0;
    for key in keys {
        if found >= most {
            break;
        }
        let reports = Filter {
            authors: Some(vec![*key]),
            kinds: Some(vec![REPORT]),
            tags: vec![TagFilter::new(b'e', [target.to_string().into_bytes()])],
            ..Filter::default()
        };
        found += newest(&state.store, reports, 1, now()).await?.len();
    }
    Ok(found)
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
