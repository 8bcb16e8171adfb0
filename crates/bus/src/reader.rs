//! One reader of both logs: everything behind its cursor once and in the order of each log, then live without a gap (G1.4).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::bus::{From, Shared, now};
use crate::cursor::Cursor;
use crate::entry::{Entry, Page};
use crate::envelope::Envelope;
use crate::hub::Subscriber;
use crate::queue::Next;
use crate::selection::Selection;
use crate::{BusError, Log, ReadError, feed, oldest, outbox};

/// Entries of a log that are read at once.
const READ: u64 = 256;
/// So far from the end of the feed a reader can be the first to become live: what is between is read for it.
const NEAR: u64 = 512;

/// An envelope for a reader.
#[derive(Debug, Clone)]
pub struct Delivery {
    entry: Arc<Entry>,
    /// Where the reader has got to with it.
    pub cursor: Cursor,
    is_verbose: bool,
}

impl Delivery {
    /// The envelope.
    pub fn envelope(&self) -> &Envelope {
        &self.entry.envelope
    }

    /// The envelope as CloudEvents writes it, with the detail if the reader has a right to it.
    pub fn json(&self) -> &str {
        if self.is_verbose {
            self.envelope().full_json()
        } else {
            self.envelope().json()
        }
    }
}

/// Where the reader gets its entries from.
enum Source {
    /// It has to find out where it begins.
    Begin(From, Box<Selection>),
    /// The logs.
    Logs(Box<Selection>),
    /// Its queue.
    Live(Arc<Subscriber>),
}

/// Reads both logs. Leaves the list of live readers when it is dropped.
pub struct Reader {
    shared: Arc<Shared>,
    is_verbose: bool,
    /// `None` only while it is moved from one to another.
    source: Option<Source>,
    cursor: Option<Cursor>,
    /// What was read from the logs and not yet delivered.
    read: VecDeque<Arc<Entry>>,
    /// Where the reader is when that is delivered.
    read_to: Option<Cursor>,
    /// What was taken from the queue and is being asked about: kept here, as the future that asks may be dropped.
    held: Option<Arc<Entry>>,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, from: From, selection: Selection) -> Self {
        Self {
            shared,
            is_verbose: selection.is_verbose(),
            source: Some(Source::Begin(from, Box::new(selection))),
            cursor: None,
            read: VecDeque::new(),
            read_to: None,
            held: None,
        }
    }

    /// Where the reader has got to, with what was passed over because it is not for it; `None` before the first call of
    /// [`Reader::next`] has found out where it begins.
    pub fn cursor(&self) -> Option<Cursor> {
        match &self.source {
            Some(Source::Live(subscriber)) => {
                let queue = subscriber.queue.lock();
                match self.cursor {
                    // All that was looked through for it has been delivered.
                    Some(cursor) if queue.is_idle() && self.held.is_none() => Some(
                        cursor
                            .with(Log::Nostr, queue.nostr)
                            .with(Log::Records, queue.records),
                    ),
                    cursor => cursor,
                }
            }
            _ => self.cursor,
        }
    }

    /// Envelopes that wait, for the metrics; 0 while it reads from the logs.
    pub fn waiting(&self) -> usize {
        match &self.source {
            Some(Source::Live(subscriber)) => subscriber.queue.lock().len(),
            _ => 0,
        }
    }

    /// Whether it is live: everything before has been delivered.
    pub fn is_live(&self) -> bool {
        matches!(self.source, Some(Source::Live(_)))
    }

    /// Finds out where the reader begins, before anything is delivered.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub async fn open(&mut self) -> Result<Cursor, ReadError> {
        loop {
            match (&self.source, self.cursor) {
                (Some(Source::Begin(from, _)), _) => self.begin(*from).await?,
                (_, Some(cursor)) => return Ok(cursor),
                _ => return Err(BusError::Closed.into()),
            }
        }
    }

    /// Goes on from another place, such as the oldest that is kept after [`ReadError::Resync`].
    pub fn go_to(&mut self, cursor: Cursor) {
        self.read.clear();
        self.read_to = None;
        self.source = match self.source.take() {
            Some(Source::Begin(_, selection) | Source::Logs(selection)) => {
                Some(Source::Begin(From::Cursor(cursor), selection))
            }
            other => other,
        };
    }

    /// The next envelope. Waits when there is none. When the future is dropped, nothing is lost.
    ///
    /// # Errors
    /// [`ReadError::Resync`] and [`ReadError::Lagged`] are the end; after [`ReadError::Failed`] it may be called again.
    pub async fn next(&mut self) -> Result<Delivery, ReadError> {
        loop {
            if let Some(delivery) = self.take_read() {
                return Ok(delivery);
            }
            match &self.source {
                Some(Source::Begin(from, _)) => self.begin(*from).await?,
                Some(Source::Logs(_)) => {
                    self.advance(None).await?;
                }
                Some(Source::Live(subscriber)) => {
                    let subscriber = Arc::clone(subscriber);
                    if let Some(delivery) = self.take_queued(&subscriber).await? {
                        return Ok(delivery);
                    }
                    subscriber.wake.notified().await;
                }
                None => return Err(BusError::Closed.into()),
            }
        }
    }

    /// The next envelope of what is in the logs now; `None` at the end of them (G3.3).
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub async fn next_of_past(&mut self) -> Result<Option<Delivery>, ReadError> {
        let end = self.shared.head().await?;
        loop {
            if let Some(delivery) = self.take_read() {
                return Ok(Some(delivery));
            }
            match &self.source {
                Some(Source::Begin(from, _)) => self.begin(*from).await?,
                Some(Source::Logs(_)) => {
                    if self.advance(Some(&end)).await? {
                        return Ok(None);
                    }
                }
                _ => return Ok(None),
            }
        }
    }

    const fn delivery(&self, entry: Arc<Entry>, cursor: Cursor) -> Delivery {
        Delivery {
            entry,
            cursor,
            is_verbose: self.is_verbose,
        }
    }

    /// What was read from the logs, as long as there is some of it.
    fn take_read(&mut self) -> Option<Delivery> {
        let mut cursor = self.cursor?;
        while let Some(entry) = self.read.pop_front() {
            let log = entry.envelope.event_type.log();
            cursor = cursor.with(log, entry.place);
            self.cursor = Some(cursor);
            if entry.lasts(now()) {
                return Some(self.delivery(entry, cursor));
            }
        }
        if let Some(read_to) = self.read_to.take() {
            self.cursor = Some(read_to);
        }
        None
    }

    /// Finds out where to begin.
    async fn begin(&mut self, from: From) -> Result<(), ReadError> {
        let cursor = match from {
            From::Now => self.shared.head().await?,
            From::Oldest => oldest::oldest(&self.shared).await?,
            From::Cursor(cursor) => {
                oldest::check(&self.shared, &cursor).await?;
                cursor
            }
        };
        self.cursor = Some(cursor);
        if let Some(Source::Begin(_, selection)) = self.source.take() {
            self.source = Some(Source::Logs(selection));
        }
        Ok(())
    }

    /// Reads on in the logs, or becomes live. Tells whether the end of the logs is reached, which is `until` for a reader of
    /// the past; that one does not become live.
    async fn advance(&mut self, until: Option<&Cursor>) -> Result<bool, ReadError> {
        let (Some(cursor), Some(Source::Logs(selection))) = (self.cursor, &self.source) else {
            return Ok(true);
        };
        let shared = Arc::clone(&self.shared);
        let turn = shared.replays.acquire().await;
        let _turn = turn.map_err(|_| BusError::Closed)?;
        let store = shared.store.as_ref();
        let nostr = feed::read(store, shared.epoch, cursor.nostr, READ, now()).await?;
        let records = outbox::read(&shared.database, cursor.records, READ).await?;
        let now = now();
        let mut entries: Vec<Arc<Entry>> = [&nostr, &records]
            .into_iter()
            .flat_map(|page: &Page| &page.entries)
            .filter(|entry| selection.takes(entry, now))
            .cloned()
            .collect();
        // Each log keeps its order, as the sort is stable and their times do not go back.
        if !nostr.entries.is_empty() && !records.entries.is_empty() {
            merge(&mut entries);
        }
        self.read = entries.into();
        let read_to = cursor
            .with(Log::Nostr, nostr.end)
            .with(Log::Records, records.end);
        self.read_to = Some(read_to);
        let at_end = !nostr.full && !records.full;
        let is_near = !records.full && nostr.end.seq + NEAR >= store.last_seq().0;
        match until {
            Some(until) => Ok(self.read.is_empty() && (at_end || is_behind(&read_to, until))),
            None => {
                if self.read.is_empty() {
                    self.cursor = self.read_to.take();
                    self.join(read_to, is_near);
                }
                Ok(at_end)
            }
        }
    }

    /// Becomes live, if it can.
    fn join(&mut self, cursor: Cursor, is_near: bool) {
        let Some(Source::Logs(selection)) = self.source.take() else {
            return;
        };
        let joined = self.shared.join(*selection, &cursor, is_near);
        self.source = Some(match joined {
            Ok(subscriber) => Source::Live(subscriber),
            Err(selection) => Source::Logs(selection),
        });
    }

    /// What waits in the queue.
    async fn take_queued(
        &mut self,
        subscriber: &Subscriber,
    ) -> Result<Option<Delivery>, ReadError> {
        loop {
            let next = match self.held.take() {
                Some(entry) => Next::Entry(entry),
                None => subscriber.queue.lock().pop(),
            };
            let entry = match next {
                Next::Nothing => return Ok(None),
                Next::Missed(missed) => return Err(ReadError::Lagged { missed }),
                Next::Entry(entry) => entry,
            };
            let Some(before) = self.cursor else {
                return Ok(None);
            };
            let log = entry.envelope.event_type.log();
            let cursor = match entry.envelope.seq {
                Some(_) => before.with(log, entry.place),
                None => before,
            };
            self.held = Some(Arc::clone(&entry));
            let shown = entry.lasts(now()) && self.shared.is_there(&entry).await?;
            self.held = None;
            self.cursor = Some(cursor);
            if shown {
                return Ok(Some(self.delivery(entry, cursor)));
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(Source::Live(subscriber)) = &self.source {
            self.shared.leave(subscriber);
        }
    }
}

/// Brings the entries of two logs into the order of their times; each log keeps its own.
fn merge(entries: &mut Vec<Arc<Entry>>) {
    let of = |log: Log| {
        let entries = entries.iter();
        let those = entries.filter(move |entry| entry.envelope.event_type.log() == log);
        those.cloned().collect::<VecDeque<_>>()
    };
    let (mut nostr, mut records) = (of(Log::Nostr), of(Log::Records));
    entries.clear();
    let time = |entries: &VecDeque<Arc<Entry>>| entries.front().map(|one| one.envelope.time_ms);
    loop {
        let first = match (time(&nostr), time(&records)) {
            (None, None) => return,
            (Some(_), None) => nostr.pop_front(),
            (None, Some(_)) => records.pop_front(),
            (Some(one), Some(other)) if one <= other => nostr.pop_front(),
            _ => records.pop_front(),
        };
        entries.extend(first);
    }
}

/// Whether a place is at or behind another in both logs.
fn is_behind(one: &Cursor, other: &Cursor) -> bool {
    one.nostr.seq >= other.nostr.seq && one.records.seq >= other.records.seq
}
