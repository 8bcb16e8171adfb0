//! What is read from the bus for one endpoint.

use std::sync::Arc;

use stentor_bus::{Audience, Cursor, Delivery as Entry, Family, From, Log, ReadError, Reader};
use stentor_sql::{Error, Transaction};
use uuid::Uuid;

use super::flight::{Job, Origin};
use crate::webhook::endpoint::Endpoint;
use crate::webhook::ground::Ground;
use crate::webhook::message::{body, delivery_id};
use crate::webhook::table::deliveries::{self, Delivery};

/// Something to deliver, and where the reader stands with it.
#[derive(Debug)]
pub(super) struct Fresh {
    pub job: Job,
    pub after: Cursor,
}

/// What was read.
#[derive(Debug)]
pub(super) enum Read {
    /// Something to deliver.
    Fresh(Fresh),
    /// Nothing for this endpoint, up to here.
    Passed(Cursor),
    /// What came before this cursor is not there any more.
    Resync(Cursor),
    /// The logs cannot be read now.
    Failed,
}

/// See the module.
pub(super) struct Source {
    ground: Arc<Ground>,
    endpoint: Endpoint,
    reader: Option<Reader>,
    /// Where the reader goes on when it has to be made anew.
    at: Cursor,
    /// Up to here something may have been read by an earlier worker, whose rows are there already.
    replayed: u64,
    /// What was read and is being looked up.
    held: Option<Entry>,
}

/// Entries behind the place that an earlier worker may have got to: those in its window.
const REPLAYED: u64 = 2 * super::WINDOW as u64;

impl Source {
    pub fn new(ground: &Arc<Ground>, endpoint: &Endpoint, audience: Option<Audience>) -> Self {
        let mut source = Self {
            ground: Arc::clone(ground),
            endpoint: endpoint.clone(),
            reader: None,
            at: endpoint.place,
            replayed: REPLAYED,
            held: None,
        };
        source.renew(audience);
        source
    }

    /// Reads with these rights from now on.
    pub fn renew(&mut self, audience: Option<Audience>) {
        let interest = self.endpoint.choice.interest();
        let at = From::Cursor(self.at);
        self.reader = audience.map(|audience| self.ground.bus.read(at, audience, interest));
    }

    fn renew_now(&mut self) {
        let (audience, _) = self.ground.audience(&self.endpoint);
        self.renew(audience);
    }

    /// The next. Waits when there is none. When the future is dropped, nothing is lost.
    pub async fn next(&mut self) -> Read {
        if self.held.is_none() {
            let Some(reader) = &mut self.reader else {
                return std::future::pending().await;
            };
            match reader.next().await {
                Ok(entry) => {
                    self.at = entry.cursor;
                    self.held = Some(entry);
                }
                Err(ReadError::Lagged { .. }) => {
                    // The endpoint took its time; what was missed is in the logs.
                    self.renew_now();
                    return Read::Passed(self.at);
                }
                Err(ReadError::Resync { oldest }) => {
                    self.at = oldest;
                    self.renew_now();
                    return Read::Resync(oldest);
                }
                Err(ReadError::Failed(error)) => {
                    tracing::debug!(%error, "a webhook waits for the logs");
                    return Read::Failed;
                }
            }
        }
        self.judge().await
    }

    /// Where the reader has got to without anything for this endpoint.
    pub fn idle(&mut self) -> Option<Cursor> {
        if self.held.is_some() {
            return None;
        }
        let cursor = self.reader.as_ref()?.cursor()?;
        self.at = cursor;
        Some(cursor)
    }

    /// Whether what was read is to be delivered.
    async fn judge(&mut self) -> Read {
        let Some(entry) = &self.held else {
            return Read::Passed(self.at);
        };
        let (envelope, after) = (entry.envelope(), entry.cursor);
        let Some(seq) = envelope.seq else {
            // What is in no log cannot be delivered at least once.
            self.held = None;
            return Read::Passed(after);
        };
        let id = delivery_id(self.endpoint.id, envelope.id);
        let own = envelope.event_type.family() == Family::Webhooks
            && envelope.subject == Some(self.endpoint.id.to_string());
        if !own && self.replayed > 0 {
            match is_known(&self.ground, id).await {
                Ok(true) => {
                    self.held = None;
                    return Read::Passed(after);
                }
                Ok(false) => self.replayed -= 1,
                Err(_) => return Read::Failed,
            }
        }
        let fresh = (!own).then(|| self.fresh(entry, id, seq));
        self.held = None;
        match fresh {
            Some(job) => Read::Fresh(Fresh { job, after }),
            None => Read::Passed(after),
        }
    }

    fn fresh(&self, entry: &Entry, id: Uuid, seq: u64) -> Job {
        let envelope = entry.envelope();
        let log = envelope.event_type.log();
        let most = self.ground.config.body_bytes;
        Job {
            delivery: Delivery {
                id,
                envelope: envelope.id,
                log,
                seq,
                event_type: envelope.event_type,
                subject: envelope.subject.clone(),
                owner: envelope.owner.clone(),
                traceparent: envelope.traceparent.clone(),
                time_ms: envelope.time_ms,
                attempts: 0,
                due_ms: 0,
            },
            origin: Origin::Fresh {
                // Given by the window.
                slot: 0,
                body: (log == Log::Records).then(|| body(envelope, most)),
            },
        }
    }
}

async fn is_known(ground: &Ground, id: Uuid) -> Result<bool, Error> {
    let known = ground
        .records
        .read(move |tx: &mut Transaction<'_>| deliveries::known(tx, &[id]));
    Ok(!known.await?.is_empty())
}
