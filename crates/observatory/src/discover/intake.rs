//! Where all sources bring what they have found: the one place where candidates are taken up (O1.1).
//!
//! Mentions and the cursor of their source are written in one transaction, so that a source that is interrupted neither loses a
//! mention nor counts one twice. When there are as many candidates as the configuration allows, or as many of one host, URLs that are
//! not known yet are dropped and counted; those that are known are counted as mentioned all the same (`verdict`). A source that is not
//! where its reader believes it to be is not written to: a transaction of a service that was dropped may still be on its way when the
//! service begins anew.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use super::hosts::Hosts;
use super::places::{Places, Refused};
use super::source::Source;
use super::verdict::{Verdict, judge, write};
use super::{metrics, named};
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::signals::Topic;
use crate::table::{Cursor, cursor_in, set_cursor};

/// Mentions after which a source writes what it has: transactions stay short.
pub(super) const ENOUGH: usize = 500;

/// What a source has found and not written yet.
#[derive(Debug, Default)]
pub(super) struct Mentions(pub Found);

/// What was found: each URL of each source once.
pub(super) type Found = BTreeMap<(RelayUrl, Source), Times>;

/// One URL of one source.
#[derive(Debug)]
pub(super) struct Times {
    /// How often it was mentioned.
    pub times: i64,
    /// Where first.
    pub first_in: Option<String>,
}

impl Mentions {
    /// Adds a mention. `found_in` is asked for only when it is the first of its URL.
    pub fn add(
        &mut self,
        url: RelayUrl,
        source: Source,
        found_in: impl FnOnce() -> Option<String>,
    ) {
        let found = self.0.entry((url, source)).or_insert_with(|| Times {
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
    pub(super) ground: Arc<Ground>,
    /// Candidates and relays that there are, by our own account.
    pub(super) hosts: Mutex<Hosts>,
    /// What the configuration names.
    pub(super) named: HashSet<RelayUrl>,
    /// One writes at a time, so that the limit holds.
    turn: tokio::sync::Mutex<()>,
}

impl Intake {
    /// Counts the candidates and relays that there are.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn open(ground: Arc<Ground>) -> Result<Self, Error> {
        let hosts = Hosts::load(&ground.records).await?;
        Ok(Self {
            hosts: Mutex::new(hosts),
            named: named::configured(&ground.config),
            turn: tokio::sync::Mutex::default(),
            ground,
        })
    }

    /// Writes these mentions and how far their source has got; returns the latter. What there is no room for is dropped.
    ///
    /// # Errors
    /// Those of the records, and [`Error::Invalid`] when the source was somewhere else: what was begun before it was interrupted has
    /// been written after all, or another node reads it, too.
    pub async fn take(&self, mentions: Mentions, step: Step) -> Result<Cursor, Error> {
        let to = step.to.clone();
        // Some of them are dropped rather than none taken.
        self.write(mentions, step, false).await.map(|_| to)
    }

    /// The same for all of these mentions or none: when there is no room for one, nothing is written, and the source is where it was.
    /// What is of a host that is full is dropped all the same.
    ///
    /// # Errors
    /// See [`Self::take`].
    pub async fn take_all(&self, mentions: Mentions, step: Step) -> Result<Option<Cursor>, Error> {
        let to = step.to.clone();
        let written = self.write(mentions, step, true).await?;
        Ok(written.then_some(to))
    }

    /// Whether anything was written.
    async fn write(&self, mentions: Mentions, step: Step, all: bool) -> Result<bool, Error> {
        let _turn = self.turn.lock().await;
        let mentions = Arc::new(mentions.0);
        let config = &self.ground.config.discover;
        let urls = mentions.keys().map(|(url, _)| url);
        let places = Places::of(config, &self.hosts.lock(), &self.named, urls);
        let batch = mentions.clone();
        let now_ms = self.ground.clock.now_ms();
        let written = self.ground.records.write(move |tx| {
            if cursor_in(tx, &step.name)? != step.from {
                let problem = format!("{} was read by somebody else, too", step.name);
                return Err(Error::Invalid(problem));
            }
            let verdicts = judge(tx, &batch, places.clone())?;
            if all && verdicts.contains(&Verdict::Refused(Refused::Room)) {
                return Ok(None);
            }
            let taken = write(tx, &batch, &verdicts, now_ms)?;
            set_cursor(tx, &step.name, &step.to, now_ms)?;
            Ok(Some(taken))
        });
        let Some(taken) = written.await? else {
            return Ok(false);
        };
        for ((_, source), found) in mentions.iter() {
            metrics::mentioned(*source, u64::try_from(found.times).unwrap_or(0));
        }
        metrics::dropped(taken.no_room, taken.of_full_hosts);
        if !taken.new.is_empty() {
            let mut hosts = self.hosts.lock();
            taken.new.iter().for_each(|url| hosts.found(url));
            drop(hosts);
            self.ground.signals.candidates.notify_one();
            self.ground.signals.changed(Topic::Relays);
        }
        Ok(true)
    }

    /// Counts candidates and relays anew: others take some up, too.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn recount(&self) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        let hosts = Hosts::load(&self.ground.records).await?;
        *self.hosts.lock() = hosts;
        Ok(())
    }
}
