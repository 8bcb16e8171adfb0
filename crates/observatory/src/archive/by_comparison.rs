//! A window by comparison (NIP-77): only what is not here travels, and what both have is credited without travelling.
//!
//! A relay can say what it likes there. So after each comparison some of it is looked into by REQ (`believing`); a relay that is found to
//! have said what is not true is not asked to reconcile for a week.

use std::collections::HashSet;
use std::time::Duration;

use stentor_event::{EventId, Filter};
use stentor_net::retry::Backoff;
use stentor_peer::{Compare, Compared, PeerError, Refused, Window, compare, refused};
use stentor_store::reconcile::Differences;
use tokio::time::timeout;

use super::believing::{Belief, names_what_it_sends, sends_what_it_claims};
use super::by_req::Done;
use super::coverage::{Coverage, Method};
use super::intake::{Held, Intake, Taken};
use super::own::{OwnSet, own_set};
use super::said::{Said, said};
use super::visit::{Heard, Visit};
use super::walk::{End, Verdict, Why};
use crate::error::Error;
use crate::provenance::{How, Pair};

/// The limits of one comparison. The frame is what every relay takes.
const FRAME_BYTES: usize = 60_000;
const DIFFERENCES: usize = 200_000;
/// Times that a session is asked for again that is refused for now.
const TRIES: u32 = 4;
/// Ids in one REQ: 13 KiB, which every relay takes.
const IDS: usize = 200;
/// How long one comparison may take, however it drags on.
const COMPARISON_TIME: Duration = Duration::from_secs(300);
/// Comparisons of one window: each after the first is there because the one before did not end.
const ROUNDS: u32 = 64;

/// What came of a window.
#[derive(Debug)]
pub(super) enum Outcome {
    /// This much is known of it.
    Done(Done),
    /// A smaller window may be had.
    TooLarge,
    /// The relay does not reconcile, or what it says there is not true.
    NotThis(&'static str),
    /// The turn is over, or the connection.
    LeftOff,
}

/// Compares a window and fetches what is not here. `proven`: it has worked with this relay before.
///
/// # Errors
/// Those of the archive's store.
pub(super) async fn by_comparison(
    visit: &mut Visit,
    intake: &Intake,
    taken: &mut Taken,
    window: Window,
    filter: &Filter,
    proven: bool,
) -> Result<Outcome, Error> {
    let (mut before, nothing) = (usize::MAX, HashSet::new());
    for round in 0..ROUNDS {
        if visit.is_late() {
            return Ok(Outcome::LeftOff);
        }
        let Some((own, compared)) =
            differences(visit, window, filter, &nothing, proven || round > 0).await?
        else {
            return Ok(Outcome::TooLarge);
        };
        let found = match compared {
            Ok(Compared::All(found)) => {
                return finish(visit, intake, taken, window, filter, own, found).await;
            }
            Ok(Compared::Some(found)) => found,
            Ok(Compared::TooLarge) => return Ok(Outcome::TooLarge),
            Ok(Compared::Unsupported) => return Ok(Outcome::NotThis("it does not reconcile")),
            Ok(Compared::Refused(words)) => return Ok(refusal(window, &words)),
            Err(PeerError::Protocol(_)) => {
                return Ok(Outcome::NotThis("it does not keep to NIP-77"));
            }
            Err(PeerError::NoSigner | PeerError::AuthRefused(_)) => {
                return Ok(refusal(window, "auth-required: to reconcile"));
            }
            Err(_) => return Ok(Outcome::LeftOff),
        };
        let missing = fetch(visit, intake, found.theirs, window, filter).await?;
        let Some(missing) = missing.filter(|missing| *missing < before) else {
            return Ok(Outcome::TooLarge);
        };
        before = missing.max(1);
    }
    Ok(Outcome::TooLarge)
}

/// Compares what is here of a window, without some events, with what the relay says it has; `None` when that is too much at once.
///
/// # Errors
/// Those of the archive's store.
pub(super) async fn differences(
    visit: &Visit,
    window: Window,
    filter: &Filter,
    without: &HashSet<EventId>,
    proven: bool,
) -> Result<Option<(OwnSet, Result<Compared, PeerError>)>, Error> {
    let ground = visit.ground();
    let now = ground.clock.now();
    let Some(mut own) = own_set(&*ground.archive, filter, window, without, now).await? else {
        return Ok(None);
    };
    let limits = Compare {
        frame_bytes: FRAME_BYTES,
        differences: DIFFERENCES,
        patience: Backoff::new(Duration::from_secs(2), Duration::from_secs(30)),
        tries: TRIES,
    };
    let set = std::mem::take(&mut own.snapshot);
    let filter = window.narrow(filter);
    let compared = compare(&visit.peer, &filter, set, &limits, proven, || {});
    let compared = timeout(COMPARISON_TIME, compared).await;
    Ok(Some((own, compared.unwrap_or(Err(PeerError::Timeout)))))
}

fn refusal(window: Window, words: &str) -> Outcome {
    // Some relays only reconcile with members, but answer everybody's REQ.
    let said = match refused(words) {
        Refused::Later => Said::Later,
        Refused::Auth => Said::Refused,
        _ => return Outcome::NotThis("it refuses to reconcile"),
    };
    let (state, why) = said.verdict(words);
    Outcome::Done(Done {
        verdicts: vec![Verdict {
            window,
            state,
            why: Some(why),
        }],
        method: Method::Negentropy,
    })
}

/// All differences are known: fetches what is not here, looks whether the relay is to be believed, and credits what both have.
async fn finish(
    visit: &mut Visit,
    intake: &Intake,
    taken: &mut Taken,
    window: Window,
    filter: &Filter,
    own: OwnSet,
    found: Differences,
) -> Result<Outcome, Error> {
    let lacks: HashSet<EventId> = found.ours.into_iter().collect();
    let Some(missing) = fetch(visit, intake, found.theirs, window, filter).await? else {
        return Ok(Outcome::LeftOff);
    };
    let mut held = own.events;
    held.retain(|one| !lacks.contains(&one.id));
    let mut belief = names_what_it_sends(visit, window, filter).await?;
    if belief == Belief::Sound {
        belief = sends_what_it_claims(visit, &held, window, filter).await?;
    }
    match belief {
        Belief::Sound => {}
        Belief::Untrue(why) => return Ok(Outcome::NotThis(why)),
        Belief::Unknown => return Ok(Outcome::LeftOff),
    }
    let ground = visit.ground();
    let seen_ms = ground.clock.now_ms();
    taken.pairs.extend(held.iter().map(|one| {
        intake.known.put(&one.id, Held::Number(one.number));
        Pair {
            number: one.number,
            relay: visit.relay,
            seen_ms,
            created_ms: one.at.saturating_mul(1_000),
            how: How::Fetched,
        }
    }));
    let (state, why) = if missing == 0 {
        (Coverage::Complete, None)
    } else {
        let why = format!("it names {missing} events that it does not send");
        (Coverage::Capped, Some(Why::Owned(why)))
    };
    Ok(Outcome::Done(Done {
        verdicts: vec![Verdict { window, state, why }],
        method: Method::Negentropy,
    }))
}

/// Fetches events by their ids; how many of them did not come. `None` when the connection or the turn ended before.
async fn fetch(
    visit: &mut Visit,
    intake: &Intake,
    mut ids: Vec<EventId>,
    window: Window,
    filter: &Filter,
) -> Result<Option<usize>, Error> {
    ids.sort_unstable();
    ids.dedup();
    // What the store does not take need not come again.
    ids.retain(|id| intake.known.get(id) != Some(Held::Refused));
    let mut missing = 0;
    for chunk in ids.chunks(IDS) {
        let mut wanted: HashSet<EventId> = chunk.iter().copied().collect();
        // A relay may send less at once than it is asked for.
        while !wanted.is_empty() {
            if visit.is_late() {
                return Ok(None);
            }
            let before = wanted.len();
            let mut ids: Vec<EventId> = wanted.iter().copied().collect();
            ids.sort_unstable();
            // It may name events that are none of what is archived.
            let filter = Filter {
                ids: Some(ids),
                ..window.narrow(filter)
            };
            let heard = visit.ask(filter).await?;
            // Of an answer that was cut the last events may not have been taken in.
            let whole =
                matches!(&heard, Heard::Answer(answer) if matches!(answer.end, End::Eose(_)));
            for id in &visit.ids {
                if whole || intake.known.get(id).is_some() {
                    wanted.remove(id);
                }
            }
            match heard {
                Heard::Answer(_) if whole => {}
                Heard::Closed(words) if said(&words) == Said::Later => return Ok(None),
                // It may hang up after each of them, but it has to send some.
                Heard::Answer(answer) if wanted.len() < before => {
                    if answer.end == End::Cut && visit.mend().await.is_err() {
                        return Ok(None);
                    }
                }
                _ => return Ok(None),
            }
            if wanted.len() == before {
                break;
            }
        }
        missing += wanted.len();
    }
    Ok(Some(missing))
}
