//! NEG-OPEN, NEG-MSG and NEG-CLOSE: reconciliation (NIP-77, R5.1).
//!
//! A NEG-OPEN has the relay gather time and id of every event that matches and that the viewer of this moment may see,
//! in slices between which others have their turn. From there on it answers from this set, until the client closes, says
//! nothing for too long, or is told NEG-ERR.

mod task;
mod totals;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use stentor_event::{Filter, SubscriptionId, Viewer, relay_message};
use stentor_serve::{Flow, SessionIo};
use stentor_store::reconcile::{GatherError, Gathering, ITEM_BYTES, Session, check_message};
use stentor_store::{Direction, Explanation, OutlineQuery, StoreError};
use stentor_trace::Trace;
use tokio::time::{Instant, Sleep, sleep_until};

use self::task::{Answer, Gathered, NegTask, Stage};
use self::totals::Share;
use super::stored::query_error;
use crate::answer::say;
use crate::config::Negentropy;
use crate::connection::{Connection, Received};
use crate::cost;
use crate::metrics::Message;
use crate::policy::rate::Thing;
use crate::refusal;
use crate::state::{Settings, now};

pub(crate) use totals::Totals;

const UNKNOWN: &str = "closed: there is no reconciliation of this name";
const BUSY: &str = "rate-limited: the relay is reconciling as much as it can, try again later";
const OFF: &str = "unsupported: this relay does not offer negentropy";

/// The reconciliations of one connection.
#[derive(Default)]
pub(crate) struct Negs {
    tasks: Vec<NegTask>,
    /// Fires when the first of them may have been idle for too long.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Negs {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    fn find(&mut self, sub: &SubscriptionId) -> Option<&mut NegTask> {
        self.tasks.iter_mut().find(|task| task.sub == *sub)
    }
}

impl Connection {
    /// Begins a reconciliation, or answers with NEG-ERR. One of the same name ends in either case.
    pub(crate) fn on_neg_open(
        &mut self,
        sub: SubscriptionId,
        filter: Filter,
        message: Vec<u8>,
        received: &Received<'_>,
        io: &mut SessionIo<'_>,
    ) -> Result<(), Flow> {
        let mut trace = received.trace("NEG-OPEN");
        if !received.settings.config.negentropy.enabled {
            self.tolerate(received, Message::Neg)?;
            self.neg_err(&sub, OFF, None, &mut trace, io);
            return Ok(());
        }
        self.state.metrics.message(Message::Neg);
        self.end_neg(&sub);
        match self.may_reconcile(&filter, &message, received) {
            Ok((viewer, share)) => {
                let settings = received.settings;
                let query = query(filter.clone(), settings);
                let most = settings.config.negentropy.records;
                let gathering = Gathering::new(&*self.state.store, query, most);
                let rows = settings.config.queries.slice_rows;
                let mut task = NegTask::new(sub, filter, share, gathering, viewer, message, rows);
                trace.enter("gather");
                task.trace = trace;
                self.work().negs.tasks.push(task);
            }
            Err(reason) => self.neg_err(&sub, &reason, None, &mut trace, io),
        }
        Ok(())
    }

    /// Whether the connection may have this reconciled.
    fn may_reconcile(
        &mut self,
        filter: &Filter,
        message: &[u8],
        received: &Received<'_>,
    ) -> Result<(Arc<Viewer>, Share), String> {
        let limits = &received.settings.config.negentropy;
        let viewer = self.may_ask(std::slice::from_ref(filter), received, Thing::Req)?;
        if filter.search.is_some() {
            return Err("unsupported: what a search finds cannot be reconciled".into());
        }
        check_message(message).map_err(|error| format!("invalid: {error}"))?;
        let most = limits.sessions;
        let open = self.work.as_ref().map_or(0, |work| work.negs.tasks.len());
        if open >= most {
            return Err(format!(
                "rate-limited: more than {most} reconciliations on one connection"
            ));
        }
        let mut share = self.state.negs.begin(limits.sessions_node).ok_or(BUSY)?;
        if !share.hold(waiting_bytes(filter, message), limits.bytes_node) {
            return Err(BUSY.into());
        }
        Ok((viewer, share))
    }

    /// Answers the next message of a reconciliation.
    pub(crate) fn on_neg_msg(
        &mut self,
        sub: &SubscriptionId,
        message: Vec<u8>,
        received: &Received<'_>,
        io: &mut SessionIo<'_>,
    ) -> Result<(), Flow> {
        let mut trace = received.trace("NEG-MSG");
        let work = self.work.as_mut();
        let Some(task) = work.and_then(|work| work.negs.find(sub)) else {
            self.tolerate(received, Message::Neg)?;
            self.neg_err(sub, UNKNOWN, None, &mut trace, io);
            return Ok(());
        };
        let Stage::Waiting(session, _) = std::mem::replace(&mut task.stage, Stage::Over) else {
            self.end_neg(sub);
            let reason = "invalid: the message before has not been answered yet";
            self.neg_err(sub, reason, None, &mut trace, io);
            return Ok(());
        };
        let bytes = session.len() * ITEM_BYTES + message.len();
        let held = task
            .share
            .hold(bytes, received.settings.config.negentropy.bytes_node);
        if !held {
            self.end_neg(sub);
            self.neg_err(sub, BUSY, None, &mut trace, io);
            return Ok(());
        }
        self.state.metrics.message(Message::Neg);
        let delay = self.round_delay(received);
        let (totals, client) = (Arc::clone(&self.state.negs), Arc::clone(&self.client));
        if let Some(task) = self.work().negs.find(sub) {
            trace.enter("answer");
            task.trace = trace;
            task.answer(totals, client, session, message, delay);
        }
        Ok(())
    }

    /// Ends a reconciliation. There is no answer (NIP-77).
    pub(crate) fn on_neg_close(
        &mut self,
        sub: &SubscriptionId,
        received: &Received<'_>,
    ) -> Result<(), Flow> {
        drop(received.trace("NEG-CLOSE"));
        if self.end_neg(sub) {
            self.state.metrics.message(Message::Neg);
            return Ok(());
        }
        self.tolerate(received, Message::Neg)
    }

    /// Ends a reconciliation if there is one of this name.
    pub(crate) fn end_neg(&mut self, sub: &SubscriptionId) -> bool {
        let Some(work) = &mut self.work else {
            return false;
        };
        let before = work.negs.tasks.len();
        work.negs.tasks.retain(|task| task.sub != *sub);
        work.negs.tasks.len() < before
    }

    /// How long the answer to a message is held back, by the bytes it has and by what this connection's queries have cost.
    /// A client that must wait for the answer anyway need not be refused.
    fn round_delay(&mut self, received: &Received<'_>) -> Duration {
        let bytes = u32::try_from(received.length).unwrap_or(u32::MAX);
        let of_bytes = self.take_units(received, Thing::Byte, bytes);
        self.charge(received.settings, 0);
        let rates = &received.settings.config.rates;
        let of_rows = self.state.meters.may_query(&self.meter, rates);
        let waits = [of_bytes.err(), of_rows.err()];
        let waits = waits.iter().flatten().map(|limited| limited.retry_after);
        waits.max().unwrap_or_default()
    }

    /// Goes on with the reconciliations, as long as the client takes the answers, and ends those that are idle.
    pub(crate) fn poll_negs(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) {
        let mut tasks = std::mem::take(&mut self.work().negs.tasks);
        if tasks.is_empty() {
            return;
        }
        let settings = self.state.settings().clone();
        for task in &mut tasks {
            // The connection calls again when the client has taken some.
            if io.has_room() {
                self.poll_neg_gather(task, &settings, cx, io);
                self.poll_neg_answer(task, &settings, cx, io);
            }
        }
        self.end_idle(&mut tasks, &settings.config.negentropy, cx, io);
        tasks.retain(|task| !matches!(task.stage, Stage::Over));
        self.work().negs.tasks = tasks;
    }

    /// One slice of a set.
    fn poll_neg_gather(
        &mut self,
        task: &mut NegTask,
        settings: &Settings,
        cx: &mut Context<'_>,
        io: &mut SessionIo<'_>,
    ) {
        let rows = settings.config.queries.slice_rows;
        let Poll::Ready(gathered) = task.poll_gather(cx, rows) else {
            return;
        };
        let limits = &settings.config.negentropy;
        let first = task.first;
        match gathered {
            Gathered::Some(step) | Gathered::All(step, ..)
                if !task
                    .share
                    .hold(step.events * ITEM_BYTES + first, limits.bytes_node) =>
            {
                self.charge(settings, step.rows);
                task.stage = Stage::Over;
                self.neg_err(&task.sub, BUSY, None, &mut task.trace, io);
            }
            Gathered::Some(step) => {
                self.charge(settings, step.rows);
                // Others on this thread have their turn before the next slice (R8.2).
                cx.waker().wake_by_ref();
            }
            Gathered::All(step, gathering, message) => {
                self.charge(settings, step.rows);
                self.neg_gathered(task, settings, gathering.explain());
                // Nobody asks for it any more.
                task.filter = Filter::default();
                match Session::new(gathering.finish(), limits.frame_bytes) {
                    Ok(session) => {
                        let totals = Arc::clone(&self.state.negs);
                        task.trace.enter("answer");
                        let client = Arc::clone(&self.client);
                        task.answer(totals, client, session, message, Duration::ZERO);
                    }
                    Err(error) => {
                        let reason = format!("error: {error}");
                        self.neg_err(&task.sub, &reason, None, &mut task.trace, io);
                    }
                }
            }
            Gathered::Failed(error, plan) => {
                self.neg_gathered(task, settings, plan);
                let (reason, most) = gather_error(&error, limits);
                self.neg_err(&task.sub, reason, most, &mut task.trace, io);
            }
        }
    }

    /// The answer to a message, if it is ready.
    fn poll_neg_answer(
        &mut self,
        task: &mut NegTask,
        settings: &Settings,
        cx: &mut Context<'_>,
        io: &mut SessionIo<'_>,
    ) {
        let Poll::Ready((answer, here)) = task.poll_answer(cx) else {
            return;
        };
        let Answer {
            session,
            message,
            elsewhere,
        } = answer;
        self.state.negs.answered(here + elsewhere);
        // What was done in another thread is the client's debt.
        self.charge(settings, cost::rows(here));
        match (session, message) {
            (Some(session), Ok(message)) => {
                say(io, |text| {
                    relay_message::neg_msg(text, &task.sub, &message);
                });
                // Less than before, so there is room for it.
                task.share.hold(session.len() * ITEM_BYTES, 0);
                task.stage = Stage::Waiting(session, Instant::now());
                task.trace.set("stentor.work_us", here + elsewhere);
                task.trace.outcome("answered");
                task.trace.end();
            }
            (_, Err(error)) => {
                let reason = format!("invalid: {error}");
                self.neg_err(&task.sub, &reason, None, &mut task.trace, io);
            }
            (None, Ok(_)) => {
                let reason = "error: the reconciliation failed";
                self.neg_err(&task.sub, reason, None, &mut task.trace, io);
            }
        }
    }

    /// Ends those whose clients have said nothing for too long. Sees to it that this is called again in time.
    fn end_idle(
        &mut self,
        tasks: &mut [NegTask],
        limits: &Negentropy,
        cx: &mut Context<'_>,
        io: &mut SessionIo<'_>,
    ) {
        let idle = Duration::from_secs(limits.idle_seconds);
        let mut timer = self.work().negs.timer.take();
        while let Some(first) = tasks.iter().filter_map(|task| task.due(idle)).min() {
            let sleep = timer.get_or_insert_with(|| Box::pin(sleep_until(first)));
            if sleep.deadline() != first {
                sleep.as_mut().reset(first);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                break;
            }
            for task in tasks.iter_mut() {
                if task.due(idle).is_some_and(|due| due <= first) {
                    task.stage = Stage::Over;
                    let reason = format!("closed: no message for {} seconds", limits.idle_seconds);
                    self.neg_err(&task.sub, &reason, None, &mut task.trace, io);
                }
            }
        }
        self.work().negs.timer = timer;
    }

    /// Counts a set that has been gathered or could not be, and logs it if it was slow.
    fn neg_gathered(&self, task: &mut NegTask, settings: &Settings, plan: Explanation) {
        self.state.negs.gathered(task.work, task.rows);
        task.trace.set("stentor.rows", task.rows);
        let asked = ("NEG-OPEN", std::slice::from_ref(&task.filter));
        let plan = || Some(plan);
        self.state
            .log_if_slow(settings, asked, &task.trace, task.work, plan);
    }

    /// Answers with NEG-ERR, after which the reconciliation is over (NIP-77).
    fn neg_err(
        &self,
        sub: &SubscriptionId,
        reason: &str,
        most: Option<u64>,
        trace: &mut Trace,
        io: &mut SessionIo<'_>,
    ) {
        refusal::note("NEG", reason, trace);
        self.state.negs.refused(reason);
        say(io, |text| relay_message::neg_err(text, sub, reason, most));
    }
}

/// What a reconciliation takes while its set is being gathered, beside the set: its message, and its filter for us and for the
/// store.
fn waiting_bytes(filter: &Filter, message: &[u8]) -> usize {
    message.len() + 2 * filter.value_bytes()
}

/// What the client is told of a set that cannot be had, with the most events it may ask for.
fn gather_error(error: &GatherError, limits: &Negentropy) -> (&'static str, Option<u64>) {
    let most = Some(limits.records as u64).filter(|most| *most != 0);
    match error {
        GatherError::TooMany { .. } => ("blocked: this query is too big", most),
        GatherError::Store(StoreError::TooExpensive { .. }) => {
            ("blocked: this query is too expensive", most)
        }
        GatherError::Store(error) => (query_error(error), None),
    }
}

/// The query for the set: the filter's `limit` holds, the cap on answers to a REQ does not.
fn query(filter: Filter, settings: &Settings) -> OutlineQuery {
    OutlineQuery {
        filter,
        now: now(),
        direction: Direction::NewestFirst,
        rows: settings.config.queries.rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_1_filters_are_part_of_what_a_reconciliation_takes() {
        let value = "x".repeat(100_000);
        let filter = Filter::parse(format!(r##"{{"#t":["{value}"]}}"##).as_bytes()).unwrap();
        assert!(waiting_bytes(&filter, &[0; 10]) >= 200_010);
        assert_eq!(waiting_bytes(&Filter::default(), &[0; 10]), 10);
    }
}
