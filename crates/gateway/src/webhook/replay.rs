//! Sending again what happened in a time (G4.3): dead letters of it, and what the logs still have of it.

use std::collections::HashSet;
use std::time::Duration;

use stentor_auth::Principal;
use stentor_bus::{Cursor, From, Log, ReadError, Reader};
use stentor_sql::Transaction;
use tokio::time::Instant;
use uuid::Uuid;

use super::Webhooks;
use super::endpoint::Endpoint;
use super::message::{body, delivery_id};
use super::table::deliveries::{self, Delivery, State};
use super::table::endpoints;
use crate::failure::Failure;

/// Deliveries that are put in with one transaction.
const AT_ONCE: usize = 100;
/// Dead letters that one call has tried again.
const MOST_DEAD: u64 = 10_000;
/// How long one call reads the logs.
const TIME: Duration = Duration::from_secs(10);

/// What a replay has put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// Deliveries that wait to be sent now.
    pub queued: u64,
    /// Where to go on, in Unix milliseconds, when not all of the time was gone through.
    pub go_on: Option<u64>,
}

impl Webhooks {
    /// Puts in what happened from `since` on and before `until` (Unix milliseconds): dead letters, and what the endpoint is given by its
    /// choice and the rights in whose name it is sent. What it has not got to yet comes by itself, and is left out.
    ///
    /// # Errors
    /// [`Failure::NotFound`], or what the logs and the records have against it.
    pub(crate) async fn replay(
        &self,
        principal: &Principal,
        id: Uuid,
        (since, until): (u64, u64),
    ) -> Result<Replayed, Failure> {
        let endpoint = self.get(principal.tenant.to_string(), id).await?;
        let room = self.room(id).await?;
        let most = room.min(MOST_DEAD);
        let dead = self.revive_of(id, (since, until), most).await?;
        let queued = dead.len() as u64;
        let replayed = if queued == most {
            // There may be more of them; those that were put in are not among them when it goes on.
            Replayed {
                queued,
                go_on: Some(since),
            }
        } else {
            // What was put in just now may have been delivered already, and is not to be put in again.
            let known = dead.into_iter().collect();
            let time = (since, until);
            let from_log = self.replay_log(&endpoint, time, room - queued, &known);
            let from_log = from_log.await?;
            Replayed {
                queued: queued + from_log.queued,
                ..from_log
            }
        };
        self.ground.changed.notify_one();
        Ok(replayed)
    }

    /// How many more deliveries may wait.
    async fn room(&self, id: Uuid) -> Result<u64, Failure> {
        let read = move |tx: &mut Transaction<'_>| Ok(deliveries::waiting(tx, id)?);
        let waiting: Result<u64, Failure> = self.ground.records.read(read).await;
        Ok(self.ground.config.outstanding.saturating_sub(waiting?))
    }

    async fn revive_of(&self, id: Uuid, time: (u64, u64), most: u64) -> Result<Vec<Uuid>, Failure> {
        let now = self.ground.clock.now_ms();
        let revived = self.ground.records.write(move |tx: &mut Transaction<'_>| {
            let revived = deliveries::revive_of(tx, id, time, most, now)?;
            endpoints::nudge(tx, id)?;
            Ok::<_, Failure>(revived)
        });
        revived.await
    }

    async fn replay_log(
        &self,
        endpoint: &Endpoint,
        (since, until): (u64, u64),
        mut room: u64,
        known: &HashSet<Uuid>,
    ) -> Result<Replayed, Failure> {
        let ground = &self.ground;
        let mut done = Replayed {
            queued: 0,
            go_on: None,
        };
        let Some(audience) = ground.audience(endpoint).0 else {
            return Ok(done);
        };
        let begin = From::Cursor(ground.bus.before(since).await?);
        let end = ground.bus.before(until).await?;
        let mut reader = ground.bus.read(begin, audience, endpoint.choice.interest());
        let begun = Instant::now();
        loop {
            let (mut some, last) = self.some(endpoint, &mut reader, &end).await?;
            some.retain(|(delivery, _)| !known.contains(&delivery.id));
            let is_end = last.is_none();
            if some.len() as u64 > room {
                done.go_on = some.first().map(|(delivery, _)| delivery.time_ms);
                return Ok(done);
            }
            let added = self.put(endpoint.id, some).await?;
            done.queued += added;
            room -= added;
            if is_end {
                return Ok(done);
            }
            if begun.elapsed() >= TIME {
                done.go_on = last;
                return Ok(done);
            }
        }
    }

    /// The next of the logs, with their texts where they are kept; and the time of the last one, unless the end was reached.
    async fn some(
        &self,
        endpoint: &Endpoint,
        reader: &mut Reader,
        end: &Cursor,
    ) -> Result<(Vec<(Delivery, Option<String>)>, Option<u64>), Failure> {
        let (mut some, mut last) = (Vec::new(), None);
        while some.len() < AT_ONCE {
            let entry = match reader.next_of_past().await {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok((some, None)),
                Err(ReadError::Failed(error)) => return Err(error.into()),
                Err(ReadError::Resync { oldest }) => {
                    reader.go_to(oldest);
                    continue;
                }
                Err(ReadError::Lagged { .. }) => return Ok((some, None)),
            };
            let envelope = entry.envelope();
            let (log, seq) = (envelope.event_type.log(), envelope.seq.unwrap_or_default());
            if is_behind(&entry.cursor, end) && seq > end.place(log).seq {
                return Ok((some, None));
            }
            last = Some(envelope.time_ms);
            let within = seq <= end.place(log).seq;
            let about_itself = envelope.subject == Some(endpoint.id.to_string());
            if !within || about_itself || !Self::stands_behind(endpoint, log, seq) {
                continue;
            }
            let delivery = Delivery {
                id: delivery_id(endpoint.id, envelope.id),
                envelope: envelope.id,
                log,
                seq,
                event_type: envelope.event_type,
                subject: envelope.subject.clone(),
                owner: envelope.owner.clone(),
                traceparent: envelope.traceparent.clone(),
                time_ms: envelope.time_ms,
                attempts: 0,
                due_ms: self.ground.clock.now_ms(),
            };
            let most = self.ground.config.body_bytes;
            let text = (log == Log::Records).then(|| body(envelope, most));
            some.push((delivery, text));
        }
        Ok((some, last))
    }

    /// Puts deliveries in that have no row; how many.
    async fn put(
        &self,
        endpoint: Uuid,
        some: Vec<(Delivery, Option<String>)>,
    ) -> Result<u64, Failure> {
        if some.is_empty() {
            return Ok(0);
        }
        let put = self.ground.records.write(move |tx: &mut Transaction<'_>| {
            let mut added = 0;
            for (delivery, text) in &some {
                let is_new =
                    deliveries::insert(tx, endpoint, delivery, State::Waiting, text.as_deref())?;
                added += u64::from(is_new);
            }
            endpoints::nudge(tx, endpoint)?;
            Ok::<_, Failure>(added)
        });
        put.await
    }
}

/// Whether a place is at or behind another in both logs.
fn is_behind(one: &Cursor, other: &Cursor) -> bool {
    [Log::Nostr, Log::Records]
        .into_iter()
        .all(|log| one.place(log).seq >= other.place(log).seq)
}
