//! A window by REQ: the questions of a [`Walk`] put to a relay.

use std::time::Duration;

use stentor_event::Filter;
use stentor_net::retry::Backoff;
use stentor_peer::Window;
use tokio::time::sleep;

use super::coverage::{Coverage, Method, reason};
use super::said::{Said, said};
use super::visit::{Heard, Visit};
use super::walk::{End, Manner, Verdict, Walk, Why};
use crate::error::Error;

/// Times that a question is asked again which the relay is too busy for.
const PATIENCE: u32 = 6;

/// What came of a window.
#[derive(Debug)]
pub(super) struct Done {
    /// What is known of it now.
    pub verdicts: Vec<Verdict>,
    /// How it was asked for.
    pub method: Method,
}

/// Asks for a window. What the turn has no time left for is not in the verdicts.
///
/// # Errors
/// Those of the archive's store.
pub(super) async fn by_req(
    visit: &mut Visit,
    manner: &mut Manner,
    window: Window,
    filter: &Filter,
) -> Result<Done, Error> {
    let mut walk = Walk::new(window, manner.clone(), filter.kinds.clone());
    let mut waits = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
    while let Some(ask) = walk.ask() {
        if visit.is_late() {
            walk.leave_off();
            break;
        }
        match visit.ask(ask.filter(filter)).await? {
            Heard::Answer(answer) => {
                walk.take(&answer);
                if matches!(answer.end, End::Eose(_)) {
                    waits.reset();
                }
            }
            Heard::Closed(words) => {
                let said = said(&words);
                if said == Said::Later && waits.failures() < PATIENCE {
                    sleep(waits.next(getrandom::u64().unwrap_or(u64::MAX))).await;
                } else {
                    let (state, why) = said.verdict(&words);
                    walk.stop(state, &why);
                }
            }
            Heard::Misbehaved => {
                let why = "it sends too much that is forged, malformed or not asked for";
                walk.stop(Coverage::Failed, &Why::Borrowed(why));
            }
        }
        if walk.ask().is_some() {
            mend(visit, &mut walk).await;
        }
    }
    *manner = walk.manner.clone();
    Ok(Done {
        verdicts: walk.verdicts().to_vec(),
        method: if manner.hints {
            Method::Hints
        } else {
            Method::Windows
        },
    })
}

async fn mend(visit: &mut Visit, walk: &mut Walk) {
    match visit.mend().await {
        Ok(anew) => walk.manner.ended &= !anew,
        Err(error) => {
            let why = reason("no connection", &error.to_string()).to_string();
            walk.stop(Coverage::Failed, &Why::Owned(why));
        }
    }
}
