//! One turn of a relay: connected, asked for window after window until nothing is left or its time is over, and written down.

mod notes;
mod windows;

use std::time::Duration;

use stentor_event::Filter;
use stentor_peer::{PeerError, Window};
use tokio::time::Instant;

use super::activity::Task;
use super::agenda::{Ending, wait_ms};
use super::coverage::{Coverage, Intervals, Method, reason};
use super::coverage_table::{FilterId, intervals};
use super::metrics;
use super::plan::Span;
use super::settle::Settlement;
use super::standing::{Counts, Standing, standing};
use super::visit::Visit;
use super::walk::Manner;
use super::work::Work;
use crate::budget::Class;
use crate::error::Error;
use crate::relay_url::RelayUrl;
use crate::table::RelayId;
use notes::give_up;

/// How long a relay is not asked to reconcile after it was found that it does not.
const DISTRUST_MS: u64 = 7 * 86_400_000;
/// Events to ask for where pages do not help, as far as the configuration allows it.
const MOST: u64 = 5_000;

/// A relay whose turn it is.
#[derive(Debug, Clone)]
pub(super) struct Due {
    /// The relay.
    pub relay: RelayId,
    /// Its URL.
    pub url: RelayUrl,
    /// Which part of the budget it may draw from.
    pub class: Class,
    /// Whether it says that it shuts down.
    pub leaving: bool,
    /// Whether it says that it reconciles (NIP-77), if it says anything.
    pub negentropy: Option<bool>,
}

/// A turn.
struct Turn {
    work: Work,
    standing: Standing,
    visit: Visit,
    manner: Manner,
    reconciles: bool,
    left_off: u32,
    /// Windows that failed.
    fails: u32,
    begun_ms: u64,
    /// Whether the relay gave anything that counts; else why not.
    gave: bool,
    why: Option<String>,
}

/// What is asked for by one filter.
struct Filtered {
    id: FilterId,
    filter: Filter,
    range: Window,
    known: Intervals,
    /// How large the next window is.
    span: Span,
}

/// Does one turn of a relay.
///
/// # Errors
/// Those of the records and of the archive's store. What the relay does is written down.
pub(super) async fn turn(work: Work, due: Due) -> Result<(), Error> {
    let ground = work.intake.ground.clone();
    let _permit = ground.budget.permit(due.url.network(), due.class).await;
    let config = &ground.config.archive;
    let begun_ms = ground.clock.now_ms();
    let _doing = ground.activity.begin(Task::Fetching, due.relay, begun_ms);
    let mut standing = standing(&ground.records, due.relay).await?;
    standing.leaving = due.leaving;
    let until = Instant::now() + Duration::from_secs(config.turn_seconds);
    let distrusted = standing
        .negentropy_refused_ms
        .is_some_and(|at| begun_ms < at.saturating_add(DISTRUST_MS));
    let visit = Visit::begin(&work.intake, due.relay, due.url, until).await;
    let (mut standing, ending, behind) = match visit {
        Err(error) => {
            let (why, behind) = unreached(&work, due.relay, &error).await?;
            standing.last_outcome = Some(why);
            (standing, Ending::Failed, behind)
        }
        Ok(visit) => {
            let page = config.page_events;
            // A relay that had to be asked for little may do more by now.
            let limit = standing
                .page_limit
                .map_or(page, |limit| limit.saturating_mul(2));
            let limit = limit.min(page);
            let mut turn = Turn {
                manner: Manner::new(limit, MOST.max(page)),
                reconciles: due.negentropy != Some(false) && !distrusted,
                left_off: 0,
                fails: 0,
                gave: false,
                why: None,
                work: work.clone(),
                standing,
                visit,
                begun_ms,
            };
            let (ending, behind) = turn.run().await?;
            turn.visit.peer.close().await;
            (turn.standing, ending, behind)
        }
    };
    standing.failures = match ending {
        Ending::Failed => standing.failures.saturating_add(1),
        Ending::Done | Ending::More => 0,
    };
    let now_ms = ground.clock.now_ms();
    standing.behind = behind;
    standing.last_ms = Some(begun_ms);
    standing.next_ms =
        now_ms.saturating_add(wait_ms(ending, standing.failures, config.interval_seconds));
    metrics::turn(ending.label());
    let settlement = Settlement {
        relay: due.relay,
        came: Counts::default(),
        pairs: Vec::new(),
        change: None,
        standing: Some(standing),
    };
    work.desk.settle(settlement).await
}

/// Writes down that a relay could not be reached; what was never asked for was asked for in vain now. Why, and how much is behind.
async fn unreached(work: &Work, relay: RelayId, error: &PeerError) -> Result<(String, u64), Error> {
    let ground = &work.intake.ground;
    let why = reason("no connection", &error.to_string());
    let mut behind = 0_u64;
    for (filter, _, range) in work.ranges() {
        let mut known = intervals(&ground.records, relay, filter).await?;
        known.forget_after(ground.clock.now().0);
        give_up(
            &mut known,
            range,
            Coverage::Failed,
            &why,
            ground.clock.now_ms(),
        );
        behind = behind.saturating_add(known.behind(range));
        let settlement = Settlement {
            relay,
            came: Counts::default(),
            pairs: Vec::new(),
            change: Some((filter, known.change())),
            standing: None,
        };
        work.desk.settle(settlement).await?;
    }
    Ok((why.to_string(), behind))
}

impl Turn {
    /// Asks by each filter. How the turn ended, and how much is behind.
    async fn run(&mut self) -> Result<(Ending, u64), Error> {
        let mut tasks = self.tasks().await?;
        let mut more = false;
        for task in &mut tasks {
            more |= !self.windows(task).await?;
        }
        if !more {
            self.second_look(&mut tasks).await?;
        }
        let behind = tasks.iter().map(|task| task.known.behind(task.range));
        let behind = behind.fold(0, u64::saturating_add);
        self.standing.method = Some(if self.reconciles {
            Method::Negentropy
        } else if self.manner.hints {
            Method::Hints
        } else {
            Method::Windows
        });
        let config = &self.visit.ground().config.archive;
        let small = self.manner.limit < config.page_events;
        self.standing.page_limit = small.then_some(self.manner.limit);
        let ending = match (&self.why, more) {
            (Some(_), _) if !self.gave => Ending::Failed,
            (Some(_), _) | (None, false) => Ending::Done,
            (None, true) => Ending::More,
        };
        let word = ending.label().to_owned();
        self.standing.last_outcome = Some(self.why.take().unwrap_or(word));
        Ok((ending, behind))
    }

    /// What there is to do by each filter.
    async fn tasks(&self) -> Result<Vec<Filtered>, Error> {
        let ground = self.visit.ground();
        let mut tasks = Vec::new();
        for (id, filter, range) in self.work.ranges() {
            let mut known = intervals(&ground.records, self.visit.relay, id).await?;
            known.forget_after(ground.clock.now().0);
            tasks.push(Filtered {
                id,
                filter,
                range,
                known,
                span: Span::first(),
            });
        }
        Ok(tasks)
    }
}
