//! One turn of a relay: connected, asked for window after window until nothing is left or its time is over, and written down.

use std::sync::Arc;
use std::time::Duration;

use stentor_event::Filter;
use stentor_peer::{PeerError, Window};
use tokio::time::Instant;

use super::activity::Task;
use super::agenda::{Ending, wait_ms};
use super::by_comparison::{Outcome, by_comparison};
use super::by_req::{Done, by_req};
use super::coverage::{Coverage, Interval, Intervals, Method, reason};
use super::coverage_table::{FilterId, intervals};
use super::intake::{Intake, Taken};
use super::metrics;
use super::plan::{self, Span};
use super::settle::{Desk, Settlement};
use super::standing::{Standing, standing};
use super::visit::Visit;
use super::walk::{Manner, Verdict, Why};
use crate::budget::Class;
use crate::error::Error;
use crate::relay_url::RelayUrl;
use crate::table::RelayId;

/// How long a relay is not asked to reconcile after it was found that it does not.
const DISTRUST_MS: u64 = 7 * 86_400_000;
/// Comparisons that may be left off in one turn before it goes on by REQ.
const LEFT_OFF: u32 = 3;
/// Windows that fail after which a turn is over; and with a relay that gives nothing at all.
const FAILS: u32 = 5;
const FAILS_OF_NOTHING: u32 = 2;
/// Events to ask for where pages do not help, as far as the configuration allows it.
const MOST: u64 = 5_000;

/// What is archived.
#[derive(Clone)]
pub(super) struct Work {
    /// The way into the store.
    pub intake: Arc<Intake>,
    /// What is fetched.
    pub filters: Arc<[(FilterId, Filter)]>,
    /// Where what came of it is written down.
    pub desk: Desk,
}

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
            pairs: Vec::new(),
            change: Some((filter, known.change())),
            standing: None,
        };
        work.desk.settle(settlement).await?;
    }
    Ok((why.to_string(), behind))
}

/// What was never asked for gets a state, too.
fn give_up(known: &mut Intervals, range: Window, state: Coverage, why: &Arc<str>, now_ms: u64) {
    for window in known.gaps(range) {
        known.set(Interval {
            window,
            state,
            reason: Some(why.clone()),
            method: None,
            events: 0,
            at_ms: now_ms,
        });
    }
}

impl Work {
    /// What is to be covered by each filter at this time.
    pub fn ranges(&self) -> Vec<(FilterId, Filter, Window)> {
        let ground = &self.intake.ground;
        let now = ground.clock.now().0;
        let since = ground.config.archive.oldest(now);
        let range = |(id, filter): &(FilterId, Filter)| {
            let range = plan::range(since, Window::of(filter), now)?;
            Some((*id, filter.clone(), range))
        };
        self.filters.iter().filter_map(range).collect()
    }
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

    /// Asks for what is left of a filter; whether nothing is.
    async fn windows(&mut self, task: &mut Filtered) -> Result<bool, Error> {
        if self.reconciles {
            task.span = Span::whole();
        }
        let mut fresh = plan::overlap(&task.known, task.range);
        while !self.visit.is_late() && self.why.is_none() {
            let seconds = task.span.seconds();
            let first = fresh.take().map(|window| plan::tail(window, seconds));
            let gap = first.or_else(|| plan::next_gap(&task.known, task.range, seconds));
            let retry = || plan::next_retry(&task.known, task.range, seconds, self.begun_ms);
            let Some(window) = gap.or_else(retry) else {
                return Ok(true);
            };
            self.window(task, window).await?;
        }
        Ok(self.why.is_some())
    }

    /// A slice of the past once more, by all filters.
    async fn second_look(&mut self, tasks: &mut [Filtered]) -> Result<(), Error> {
        let hours = self.visit.ground().config.archive.second_look_hours;
        let ranges = tasks.iter().map(|task| task.range);
        let (Some(last), Some(range)) = (self.standing.last_ms, ranges.reduce(plan::hull)) else {
            return Ok(());
        };
        let passed = self.begun_ms.saturating_sub(last);
        let from = self.standing.second_look_from;
        let mut left = plan::second_look(range, from, passed, hours);
        while let Some(part) = left.filter(|_| !self.visit.is_late() && self.why.is_none()) {
            let seconds = tasks.iter().map(|task| task.span.seconds()).min();
            let window = plan::tail(part, seconds.unwrap_or(u64::MAX));
            let mut settled = true;
            for task in tasks.iter_mut() {
                if let Some(window) = plan::within(window, task.range) {
                    settled &= self.window(task, window).await?;
                }
            }
            if settled {
                let before = window.since.checked_sub(1);
                left = before.and_then(|until| part.down_from(until));
                self.standing.second_look_from = before;
            }
        }
        Ok(())
    }

    /// Asks for one window and writes down what came of it; whether anything did.
    async fn window(&mut self, task: &mut Filtered, window: Window) -> Result<bool, Error> {
        let mut taken = Taken::default();
        let done = self.ask(&mut taken, task, window).await?;
        taken.add(self.visit.taken());
        let Some(done) = done else {
            // Nothing is known of the window, but what came has come.
            self.count(&taken);
            self.settle(None, taken).await?;
            return Ok(false);
        };
        self.count(&taken);
        if self.manner.deaf {
            // Each window brings everything: one is enough.
            task.span = Span::whole();
        } else if done.method != Method::Negentropy {
            task.span
                .had(window, taken.new + taken.duplicates + taken.rejected);
        }
        self.note(&mut task.known, task.range, &done, &taken);
        metrics::window(done.method.as_str());
        self.settle(Some((task.id, task.known.change())), taken)
            .await?;
        Ok(true)
    }

    /// `None`: nothing is known; the next window will be another, or the turn is over.
    async fn ask(
        &mut self,
        taken: &mut Taken,
        task: &mut Filtered,
        window: Window,
    ) -> Result<Option<Done>, Error> {
        let (filter, span) = (&task.filter, &mut task.span);
        // The window before may have cost the connection.
        if !self.mend().await {
            return Ok(None);
        }
        if !self.reconciles {
            return Ok(Some(
                by_req(&mut self.visit, &mut self.manner, window, filter).await?,
            ));
        }
        let proven = self.standing.method == Some(Method::Negentropy);
        let intake = self.work.intake.clone();
        let outcome =
            by_comparison(&mut self.visit, &intake, taken, window, filter, proven).await?;
        match outcome {
            Outcome::Done(done) => {
                self.standing.method = Some(Method::Negentropy);
                span.compared();
                return Ok(Some(done));
            }
            Outcome::TooLarge if span.too_large(window) => return Ok(None),
            Outcome::TooLarge => {
                let done = by_req(&mut self.visit, &mut self.manner, window, filter).await?;
                return Ok(Some(done));
            }
            Outcome::NotThis(why) => {
                tracing::debug!(relay = self.visit.peer.url(), why, "by REQ from now on");
                self.standing.negentropy_refused_ms = Some(self.begun_ms);
                self.reconciles = false;
            }
            Outcome::LeftOff => {
                self.left_off += 1;
                self.reconciles = self.left_off < LEFT_OFF;
            }
        }
        if !self.reconciles {
            *span = Span::first();
        }
        Ok(None)
    }

    /// Makes the connection anew if it has ended; whether there is one.
    async fn mend(&mut self) -> bool {
        match self.visit.mend().await {
            Ok(anew) => self.manner.ended &= !anew,
            Err(error) => {
                self.why = Some(reason("no connection", &error.to_string()).to_string());
            }
        }
        self.why.is_none()
    }

    /// What is known now. A relay that gives nothing is not asked for the rest in this turn.
    fn note(&mut self, known: &mut Intervals, range: Window, done: &Done, taken: &Taken) {
        let now_ms = self.visit.ground().clock.now_ms();
        let events = taken.new + taken.duplicates;
        let largest = done
            .verdicts
            .iter()
            .max_by_key(|one| one.window.until - one.window.since);
        let largest = largest.map(|one| one.window);
        let verdicts = crowded(known, &unproven(known, &done.verdicts, taken));
        for verdict in &verdicts {
            let Verdict { window, state, why } = verdict;
            self.gave |= matches!(state, Coverage::Complete | Coverage::Capped);
            known.set(Interval {
                window: *window,
                state: *state,
                reason: why.as_deref().map(|why| reason(why, "")),
                method: Some(done.method),
                events: if Some(*window) == largest { events } else { 0 },
                at_ms: now_ms,
            });
        }
        let bad = |one: &&Verdict| matches!(one.state, Coverage::Failed | Coverage::Refused);
        let Some(bad) = verdicts.iter().rfind(bad) else {
            return;
        };
        self.fails += 1;
        let most = if self.gave || events > 0 {
            FAILS
        } else {
            FAILS_OF_NOTHING
        };
        if bad.state != Coverage::Refused && self.fails < most {
            return;
        }
        let why = bad.why.clone().unwrap_or(Why::Borrowed("failed"));
        if !self.gave {
            // What was tried is tried again after the rest.
            let before = self.begun_ms.saturating_sub(1);
            give_up(known, range, bad.state, &reason(&why, ""), before);
        }
        self.why = Some(why.into_owned());
    }

    fn count(&mut self, taken: &Taken) {
        let counts = &mut self.standing.counts;
        counts.events = counts.events.saturating_add(taken.new);
        counts.duplicates = counts.duplicates.saturating_add(taken.duplicates);
        counts.rejected = counts.rejected.saturating_add(taken.rejected);
        counts.bytes = counts.bytes.saturating_add(taken.bytes);
    }

    async fn settle(
        &self,
        change: Option<(FilterId, super::coverage::Change)>,
        taken: Taken,
    ) -> Result<(), Error> {
        let settlement = Settlement {
            relay: self.visit.relay,
            pairs: taken.pairs,
            change,
            standing: Some(self.standing.clone()),
        };
        self.work.desk.settle(settlement).await
    }
}

/// What takes no proof back. A look at a part of what was proven complete can show less of a relay than the larger window did that proved
/// it: so many events of one second, and no others, may as well be all that it sends. As long as nothing among them is new, what was
/// proven stands, with its time.
fn unproven(known: &Intervals, verdicts: &[Verdict], taken: &Taken) -> Vec<Verdict> {
    let stands = |one: &&Verdict| {
        one.state == Coverage::Capped && taken.new == 0 && known.is_complete(one.window)
    };
    let verdicts = verdicts.iter().filter(|one| !stands(one));
    verdicts.cloned().collect()
}

/// Where a relay has more exceptions than are told apart, a window with any is one exception.
fn crowded(known: &Intervals, verdicts: &[Verdict]) -> Vec<Verdict> {
    let exception = verdicts.iter().find(|one| one.state != Coverage::Complete);
    let Some(exception) = exception.filter(|_| known.is_crowded()) else {
        return verdicts.to_vec();
    };
    let windows = verdicts.iter().map(|one| one.window);
    let whole = windows.reduce(|a, b| Window {
        since: a.since.min(b.since),
        until: a.until.max(b.until),
    });
    let whole = whole.unwrap_or(exception.window);
    vec![Verdict {
        window: whole,
        ..exception.clone()
    }]
}
