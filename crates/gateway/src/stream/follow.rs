//! What follows the bus for one client, whatever it is written as: envelopes, positions, and why it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use stentor_auth::{AuditKind, EndReason, Lease, Principal, Surface};
use stentor_bus::{BusError, Cursor, Delivery, ReadError, Reader};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use crate::state::Shared;
use crate::stream::places::Place;

/// Envelopes that are given out together when several wait.
const TOGETHER: usize = 64;
/// How often it is looked whether the principal is still good: well within the five seconds of G2.2.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Wait after the logs could not be read.
const PAUSE: Duration = Duration::from_millis(500);

/// What a client is given.
#[derive(Debug)]
pub(crate) enum Item {
    /// Envelopes.
    Envelopes(Vec<Delivery>),
    /// The client has seen everything up to here, though nothing of it was for it.
    Position(Cursor),
    /// What came before this cursor cannot be told; it goes on behind it.
    Resync(Cursor),
    /// The end.
    End(End),
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client is too slow: so many envelopes were not delivered.
    Lagged(u64),
    /// Whoever opened it may not read any more.
    Auth(EndReason),
}

impl End {
    /// The word for it in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lagged(_) => "lagged",
            Self::Auth(reason) => reason.as_str(),
        }
    }
}

/// Who is at the other end.
pub(crate) struct Client {
    pub principal: Principal,
    /// Of a ticket's stream.
    pub lease: Option<Lease>,
    pub address: IpAddr,
    pub surface: Surface,
}

impl Client {
    /// Whether it may go on; if not, the audit is told that its stream has ended.
    pub fn still_good(&self, shared: &Shared) -> Result<(), EndReason> {
        let (auth, now) = (&shared.parts.auth, shared.now());
        let good = auth.still_good(&self.principal, now);
        if let Err(reason) = good {
            self.note(shared, AuditKind::Ended, reason.as_str());
        }
        good
    }

    /// Tells the audit what it does, or what is done to it.
    pub fn note(&self, shared: &Shared, kind: AuditKind, what: &str) {
        let (audit, now) = (shared.parts.auth.audit(), shared.now());
        let surface = self.surface.as_str();
        audit.note(kind, &self.principal, self.address, surface, what, now);
    }
}

/// Follows the bus for one client.
pub(crate) struct Follow {
    shared: Arc<Shared>,
    reader: Reader,
    client: Arc<Client>,
    _place: Option<Place>,
    looks: Interval,
    /// What the client was last told as its position.
    told: Option<Cursor>,
    told_at: Instant,
    ended: bool,
}

impl Follow {
    pub fn new(
        shared: Arc<Shared>,
        reader: Reader,
        client: Arc<Client>,
        place: Option<Place>,
    ) -> Self {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            shared,
            reader,
            client,
            _place: place,
            looks,
            told: None,
            told_at: Instant::now(),
            ended: false,
        }
    }

    /// A cursor as this client is given it: a ticket's stream has marked ones.
    pub fn text(&self, cursor: &Cursor) -> String {
        let text = cursor.to_string();
        match &self.client.lease {
            Some(lease) => lease.seal().seal(&text),
            None => text,
        }
    }

    /// Envelopes that wait for a live reader; `None` while it reads from the logs.
    pub fn waiting(&self) -> Option<usize> {
        self.reader.is_live().then(|| self.reader.waiting())
    }

    /// What comes next; `None` after the end. When the future is dropped, nothing is lost.
    pub async fn next(&mut self) -> Option<Item> {
        if self.ended {
            return None;
        }
        let item = self.item().await;
        match &item {
            Item::Envelopes(envelopes) => {
                self.told = envelopes.last().map(|last| last.cursor);
                self.told_at = Instant::now();
            }
            Item::Position(cursor) | Item::Resync(cursor) => {
                self.told = Some(*cursor);
                self.told_at = Instant::now();
            }
            Item::End(_) => self.ended = true,
        }
        Some(item)
    }

    async fn item(&mut self) -> Item {
        if self.told.is_none() {
            return self.begin().await;
        }
        loop {
            tokio::select! {
                biased;
                _ = self.looks.tick() => {
                    if let Err(reason) = self.still_good() {
                        return Item::End(End::Auth(reason));
                    }
                    if let Some(position) = self.position() {
                        return Item::Position(position);
                    }
                }
                next = self.reader.next() => match next {
                    Ok(first) => return Item::Envelopes(self.together(first)),
                    Err(error) => if let Some(item) = self.failed(error).await { return item; },
                }
            }
        }
    }

    /// Where it begins: told at once, so that a client which comes back says so.
    async fn begin(&mut self) -> Item {
        loop {
            match self.reader.open().await {
                Ok(cursor) => return Item::Position(cursor),
                Err(error) => {
                    if let Some(item) = self.failed(error).await {
                        return item;
                    }
                }
            }
            if let Err(reason) = self.still_good() {
                return Item::End(End::Auth(reason));
            }
        }
    }

    async fn failed(&mut self, error: ReadError) -> Option<Item> {
        match error {
            ReadError::Resync { oldest } => {
                self.reader.go_to(oldest);
                Some(Item::Resync(oldest))
            }
            ReadError::Lagged { missed } => Some(Item::End(End::Lagged(missed))),
            ReadError::Failed(error) => {
                // The logs come back, and nothing is lost until then.
                log(&error);
                sleep(PAUSE).await;
                None
            }
        }
    }

    /// The first envelope, and those that wait behind it.
    fn together(&mut self, first: Delivery) -> Vec<Delivery> {
        let mut envelopes = vec![first];
        while envelopes.len() < TOGETHER {
            match self.reader.next().now_or_never() {
                Some(Ok(next)) => envelopes.push(next),
                // An error comes again with the next call.
                _ => break,
            }
        }
        envelopes
    }

    fn still_good(&self) -> Result<(), EndReason> {
        self.client.still_good(&self.shared)
    }

    /// The position, when it has moved for a while without anything for this client.
    fn position(&self) -> Option<Cursor> {
        let seconds = self.shared.parts.config.streams.keep_alive_seconds;
        let due = self.told_at.elapsed() >= Duration::from_secs(seconds);
        self.reader
            .cursor()
            .filter(|now| due && self.told != Some(*now))
    }
}

fn log(error: &BusError) {
    tracing::debug!(%error, "a stream waits for the logs");
    metrics::counter!("stentor_gateway_read_errors_total").increment(1);
}
