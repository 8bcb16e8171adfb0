//! Events into the archive's store.

use std::collections::HashSet;

use stentor_event::{Event, EventId};
use stentor_store::{Outcome, Refusal, Submission};

use super::Imported;
use crate::archive::{fault, refusal};
use crate::error::Error;
use crate::ground::Ground;

/// Takes in events whose ids are right.
///
/// # Errors
/// [`Error::Store`] and [`Error::Invalid`] when the store cannot write now.
pub(super) async fn take(
    ground: &Ground,
    events: Vec<Event>,
    done: &mut Imported,
) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let now = ground.clock.now();
    let latest = now.0.saturating_add(ground.config.archive.future_seconds);
    let ids: Vec<EventId> = events.iter().map(Event::id).collect();
    let numbers = ground.archive.numbers(&ids).await?;
    let mut batch = Vec::new();
    let mut seen = HashSet::new();
    for (event, number) in events.into_iter().zip(numbers) {
        if number.is_some() || !seen.insert(event.id()) {
            done.duplicates += 1;
        } else if let Some(fault) = fault(&event, latest) {
            done.refused(fault);
        } else {
            batch.push(Submission {
                event,
                verified: false,
            });
        }
    }
    if batch.is_empty() {
        return Ok(());
    }
    for outcome in ground.archive.submit(batch, now).await? {
        match &outcome {
            Outcome::Stored(_) => done.events += 1,
            Outcome::Duplicate => done.duplicates += 1,
            Outcome::Refused(Refusal::Unavailable(why)) => {
                return Err(Error::Invalid(format!("the archive's store: {why}")));
            }
            other => {
                if let Some((word, _)) = refusal(other) {
                    done.refused(word);
                }
            }
        }
    }
    Ok(())
}
