//! Whether a relay is to be believed about what it says when it reconciles (NIP-77): it can say that it has less than it has, more, or
//! just what we have.
//!
//! Less: a page of the window is asked for by REQ, and its seconds are compared again as if we had nothing of that page, so that an
//! honest relay has to name all of it. More: some of the events that it says it has, chosen where it cannot know, are asked for.

use std::collections::HashSet;

use stentor_event::{EventId, Filter};
use stentor_peer::{Compared, Window};

use super::by_comparison::differences;
use super::own::Own;
use super::visit::{Heard, Visit};
use super::walk::End;
use crate::error::Error;

/// Events of the page, and events that are asked for.
const SAMPLE: usize = 20;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Belief {
    /// Nothing speaks against it.
    Sound,
    /// What it says there is not true.
    Untrue(&'static str),
    /// It did not answer.
    Unknown,
}

/// Whether the relay has events that it does not name.
///
/// # Errors
/// Those of the archive's store.
pub(super) async fn names_what_it_sends(
    visit: &mut Visit,
    window: Window,
    filter: &Filter,
) -> Result<Belief, Error> {
    let page = Filter {
        limit: Some(SAMPLE as u64),
        ..window.narrow(filter)
    };
    let times: Vec<u64> = match visit.ask(page).await? {
        Heard::Answer(answer) if matches!(answer.end, End::Eose(_)) => {
            answer.marks.iter().map(|mark| mark.at).collect()
        }
        _ => return Ok(Belief::Unknown),
    };
    let page: HashSet<EventId> = visit.ids.iter().copied().collect();
    let (Some(since), Some(until)) = (times.iter().min(), times.iter().max()) else {
        return Ok(Belief::Sound);
    };
    let narrow = Window {
        since: *since,
        until: *until,
    };
    let compared = differences(visit, narrow, filter, &page, true).await?;
    let Some((_, Ok(Compared::All(found)))) = compared else {
        return Ok(Belief::Unknown);
    };
    let named: HashSet<EventId> = found.theirs.into_iter().collect();
    let unnamed: Vec<EventId> = page.difference(&named).copied().collect();
    if unnamed.is_empty() {
        return Ok(Belief::Sound);
    }
    // It may have been replaced or deleted there since.
    Ok(match sent(visit, unnamed, window, filter).await? {
        Some(0) => Belief::Sound,
        Some(_) => Belief::Untrue("it reconciles as if it had less than it sends"),
        None => Belief::Unknown,
    })
}

/// Whether the relay has what it says that it has.
///
/// # Errors
/// Those of the archive's store.
pub(super) async fn sends_what_it_claims(
    visit: &mut Visit,
    claimed: &[Own],
    window: Window,
    filter: &Filter,
) -> Result<Belief, Error> {
    let sample = sample(claimed);
    let asked = sample.len();
    if asked == 0 {
        return Ok(Belief::Sound);
    }
    Ok(match sent(visit, sample, window, filter).await? {
        // One of four may be kept back from us, or be gone by now.
        Some(came) if (asked - came.min(asked)) * 4 <= asked => Belief::Sound,
        Some(_) => Belief::Untrue("it reconciles as if it had more than it sends"),
        None => Belief::Unknown,
    })
}

/// Some of them from all over, beginning where nobody can know.
fn sample(claimed: &[Own]) -> Vec<EventId> {
    let step = claimed.len().div_ceil(SAMPLE).max(1);
    let random = getrandom::u64().unwrap_or(0);
    let first = usize::try_from(random % step as u64).unwrap_or(0);
    let chosen = claimed.iter().skip(first).step_by(step);
    chosen.map(|own| own.id).collect()
}

/// How many of these events the relay sends when it is asked for them; `None` when it does not answer to the end.
async fn sent(
    visit: &mut Visit,
    mut ids: Vec<EventId>,
    window: Window,
    filter: &Filter,
) -> Result<Option<usize>, Error> {
    // A filter has them in order.
    ids.sort_unstable();
    let wanted: HashSet<EventId> = ids.iter().copied().collect();
    let filter = Filter {
        ids: Some(ids),
        ..window.narrow(filter)
    };
    match visit.ask(filter).await? {
        Heard::Answer(answer) if matches!(answer.end, End::Eose(_)) => {
            let came: HashSet<&EventId> = visit.ids.iter().collect();
            Ok(Some(came.iter().filter(|id| wanted.contains(**id)).count()))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o3_3_a_sample_is_from_all_over_and_no_larger_than_it_has_to_be() {
        let claimed = |count: u64| -> Vec<Own> {
            let own = |number: u64| {
                let mut id = [0; 32];
                id[..8].copy_from_slice(&number.to_be_bytes());
                let id = EventId(id);
                Own { id, number, at: 5 }
            };
            (0..count).map(own).collect()
        };
        assert_eq!(sample(&claimed(0)), []);
        assert_eq!(sample(&claimed(7)).len(), 7);
        for count in [20_u64, 21, 39, 400, 12_345] {
            let chosen = sample(&claimed(count));
            assert!((10..=SAMPLE).contains(&chosen.len()), "{count}");
            let number = |id: &EventId| u64::from_be_bytes(id.0[..8].try_into().unwrap());
            assert!(number(chosen.first().unwrap()) < count.div_ceil(20));
            assert!(number(chosen.last().unwrap()) >= count - 2 * count.div_ceil(20));
        }
    }
}
