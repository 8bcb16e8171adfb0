//! The one transaction by which an endpoint gets on: rows, lines, envelopes and the place together, or nothing.

use std::sync::Arc;

use stentor_bus::{BusError, EventType, append};
use stentor_sql::{Error, Transaction};
use uuid::Uuid;

use super::settle::{Batch, Row};
use crate::webhook::ground::Ground;
use crate::webhook::table::{attempts, deliveries, endpoints};

/// Where it is written to.
pub(super) struct At {
    pub endpoint: Uuid,
    /// Who writes: refused when the lease is another's.
    pub run: String,
    /// The place, as text.
    pub place: String,
    pub failing_since: Option<u64>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// All of it.
    All,
    /// Nothing: the endpoint is another run's by now, or was removed.
    Lost,
}

/// Writes it. `Ok` means that it is durable.
///
/// # Errors
/// What the records have against it; nothing was written then.
pub(super) async fn write(
    ground: &Ground,
    at: At,
    batch: &Arc<Batch>,
) -> Result<Written, BusError> {
    let (now, most) = (ground.clock.now_ms(), ground.config.dead_letters);
    let has_news = !batch.drafts.is_empty();
    let batch = Arc::clone(batch);
    let written = ground.records.write(move |tx: &mut Transaction<'_>| {
        let held = endpoints::advance(tx, at.endpoint, &at.run, &at.place, at.failing_since)?;
        if !held {
            return Ok((Written::Lost, 0));
        }
        let dropped = rows(tx, at.endpoint, &batch, most)?;
        for attempt in &batch.attempts {
            attempts::insert(tx, at.endpoint, attempt)?;
        }
        let mut drafts = batch.drafts.clone();
        if let Some(reason) = batch.disable
            && !endpoints::disable(tx, at.endpoint, reason, now)?
        {
            // It was switched off meanwhile, and told of.
            drafts.retain(|draft| draft.event_type != EventType::WebhookEndpointDisabled);
        }
        if !drafts.is_empty() {
            append(tx, &drafts, now)?;
        }
        Ok::<_, BusError>((Written::All, dropped))
    });
    let (written, dropped) = written.await?;
    if dropped > 0 {
        metrics::counter!("stentor_gateway_webhook_dead_letters_dropped_total").increment(dropped);
    }
    if has_news && written == Written::All {
        ground.bus.wake();
    }
    Ok(written)
}

/// Writes the rows; how many dead letters fell off.
fn rows(tx: &mut Transaction<'_>, endpoint: Uuid, batch: &Batch, most: u64) -> Result<u64, Error> {
    let mut has_died = false;
    for row in &batch.rows {
        match row {
            Row::Insert(delivery, state, body) => {
                has_died |= *state == deliveries::State::Dead;
                deliveries::insert(tx, endpoint, delivery, *state, body.as_deref())?;
            }
            Row::Update(delivery, state) => {
                has_died |= *state == deliveries::State::Dead;
                let (id, attempts, due) = (delivery.id, delivery.attempts, delivery.due_ms);
                deliveries::update(tx, id, *state, attempts, due)?;
            }
            Row::Delete(id) => deliveries::delete(tx, *id)?,
        }
    }
    match has_died {
        true => deliveries::trim(tx, endpoint, most),
        false => Ok(0),
    }
}
