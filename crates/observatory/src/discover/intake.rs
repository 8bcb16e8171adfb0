//! Where all sources bring what they have found: the one place where candidates are taken up (O1.1).
//!
//! Mentions and the cursor of their source are written in one transaction, so that a source that is interrupted neither loses a
//! mention nor counts one twice. When there are as many candidates as the configuration allows, URLs that are not known yet are
//! dropped and counted; those that are known are counted as mentioned all the same. A source that is not where its reader believes it
//! to be is not written to: a transaction of a service that was dropped may still be on its way when the service begins anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stentor_sql::Transaction;
use tokio::sync::Mutex;

use super::source::Source;
use super::{candidates, metrics};
use crate::clock::stored;
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::signals::Topic;
use crate::table::{Cursor, RelayId, State, cursor_in, id_of, mention, set_cursor};

/// Mentions after which a source writes what it has: transactions stay short.
pub(super) const ENOUGH: usize = 500;

/// What a source has found and not written yet.
#[derive(Debug, Default)]
pub(super) struct Mentions(BTreeMap<(RelayUrl, Source), Found>);

/// One URL of one source.
#[derive(Debug)]
struct Found {
    times: i64,
    first_in: Option<String>,
}

impl Mentions {
    /// Adds a mention. `found_in` is asked for only when it is the first of its URL.
    pub fn add(
        &mut self,
        url: RelayUrl,
        source: Source,
        found_in: impl FnOnce() -> Option<String>,
    ) {
        let found = self.0.entry((url, source)).or_insert_with(|| Found {
            times: 0,
            first_in: found_in(),
        });
        found.times += 1;
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is time to write them.
    pub fn are_enough(&self) -> bool {
        self.0.len() >= ENOUGH
    }
}

/// What became of mentions.
#[derive(Debug, Default)]
struct Taken {
    new: u64,
    dropped: u64,
}

/// A source got from one place to another.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The name of its cursor.
    pub name: String,
    /// Where it was.
    pub from: Cursor,
    /// Where it is.
    pub to: Cursor,
}

/// Takes mentions up. Shared by all sources.
pub(super) struct Intake {
    ground: Arc<Ground>,
    /// Candidates that there are, by our own account.
    candidates: AtomicU64,
    /// One writes at a time, so that the limit holds.
    turn: Mutex<()>,
}

impl Intake {
    /// Counts the candidates that there are.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn open(ground: Arc<Ground>) -> Result<Self, Error> {
        let candidates = candidates::count(&ground.records).await?;
        Ok(Self {
            ground,
            candidates: AtomicU64::new(candidates),
            turn: Mutex::default(),
        })
    }

    /// Writes these mentions and how far their source has got; returns the latter.
    ///
    /// # Errors
    /// Those of the records, and [`Error::Invalid`] when the source was somewhere else: what was begun before it was interrupted has
    /// been written after all, or another node reads it, too.
    pub async fn take(&self, mentions: Mentions, step: Step) -> Result<Cursor, Error> {
        let _turn = self.turn.lock().await;
        let most = u64::try_from(self.ground.config.discover.candidates).unwrap_or(u64::MAX);
        let room = most.saturating_sub(self.candidates.load(Ordering::Relaxed));
        let mentions = Arc::new(mentions.0);
        let (batch, to) = (mentions.clone(), step.to.clone());
        let now_ms = self.ground.clock.now_ms();
        let written = self.ground.records.write(move |tx| {
            if cursor_in(tx, &step.name)? != step.from {
                let problem = format!("{} was read by somebody else, too", step.name);
                return Err(Error::Invalid(problem));
            }
            let taken = write(tx, &batch, room, now_ms)?;
            set_cursor(tx, &step.name, &step.to, now_ms)?;
            Ok(taken)
        });
        let taken = written.await?;
        for ((_, source), found) in mentions.iter() {
            metrics::mentioned(*source, u64::try_from(found.times).unwrap_or(0));
        }
        metrics::dropped(taken.dropped);
        if taken.new > 0 {
            self.candidates.fetch_add(taken.new, Ordering::Relaxed);
            self.ground.signals.candidates.notify_one();
            self.ground.signals.changed(Topic::Relays);
        }
        Ok(to)
    }

    /// Counts the candidates anew: others take some up, too.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn recount(&self) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        let candidates = candidates::count(&self.ground.records).await?;
        self.candidates.store(candidates, Ordering::Relaxed);
        Ok(())
    }

    /// A candidate is none any more.
    pub fn promoted(&self) {
        let less = |candidates: u64| Some(candidates.saturating_sub(1));
        // The closure never declines.
        let _ = self
            .candidates
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// How many candidates there may be beside those that there are.
///
/// # Errors
/// Those of the records.
pub(crate) async fn room(ground: &Ground) -> Result<u64, Error> {
    let most = u64::try_from(ground.config.discover.candidates).unwrap_or(u64::MAX);
    Ok(most.saturating_sub(candidates::count(&ground.records).await?))
}

/// Takes up what an export names, while there is room: what each URL is now, and how many are new. Who counts candidates in this
/// process learns of them with its next count.
///
/// # Errors
/// Those of the records.
pub(crate) async fn imported(
    ground: &Ground,
    urls: BTreeSet<RelayUrl>,
    room: u64,
) -> Result<(BTreeMap<RelayUrl, (RelayId, State)>, u64), Error> {
    let now_ms = ground.clock.now_ms();
    let written = ground.records.write(move |tx| {
        let mut mentions = Mentions::default();
        for url in &urls {
            mentions.add(url.clone(), Source::Export, || None);
        }
        let taken = write(tx, &mentions.0, room, now_ms)?;
        let mut found = BTreeMap::new();
        for url in &urls {
            let row: Option<(i64, String)> = tx.fetch_optional(
                "SELECT id, state FROM observatory_relays WHERE url = ?",
                (url.as_str(),),
            )?;
            if let Some((id, state)) = row {
                found.insert(url.clone(), (RelayId(id), State::parse(&state)));
            }
        }
        Ok::<_, stentor_sql::Error>((found, taken.new))
    });
    let (found, new) = written.await?;
    if new > 0 {
        ground.signals.candidates.notify_one();
    }
    Ok((found, new))
}

/// Takes up what is new while there is room for it, and counts the mentions of what is known.
fn write(
    tx: &mut Transaction<'_>,
    mentions: &BTreeMap<(RelayUrl, Source), Found>,
    room: u64,
    now_ms: u64,
) -> Result<Taken, stentor_sql::Error> {
    let mut taken = Taken::default();
    for ((url, source), found) in mentions {
        let id = if taken.new < room {
            let (id, new) = mention(tx, url, source.as_str(), found.first_in.as_deref(), now_ms)?;
            taken.new += u64::from(new);
            Some(id)
        } else {
            id_of(tx, url)?
        };
        match id {
            Some(id) => count(tx, id, *source, found.times, now_ms)?,
            None => taken.dropped += 1,
        }
    }
    Ok(taken)
}

fn count(
    tx: &mut Transaction<'_>,
    id: RelayId,
    source: Source,
    times: i64,
    now_ms: u64,
) -> Result<(), stentor_sql::Error> {
    tx.execute(
        "INSERT INTO observatory_mentions (relay, source, mentions, first_ms, last_ms) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (relay, source) DO UPDATE SET mentions = observatory_mentions.mentions + excluded.mentions,
         last_ms = excluded.last_ms",
        (id.0, source.as_str(), times, stored(now_ms)),
    )?;
    Ok(())
}
