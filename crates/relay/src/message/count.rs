//! COUNT: how many events there are (NIP-45, R1.9).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use stentor_event::hll::Registers;
use stentor_event::{Filter, SubscriptionId, Viewer, relay_message};
use stentor_serve::SessionIo;
use stentor_store::search::Searches;
use stentor_store::{Count, Query, ScanLimits, StoreError};
use stentor_trace::Trace;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::search;
use super::stored::query_error;
use crate::answer::say;
use crate::connection::{Connection, Received};
use crate::metrics::Message;
use crate::policy::rate::Thing;
use crate::slow_query::SlowQuery;
use crate::state::{Settings, State, now};

/// What a COUNT is charged for each microsecond of work: about as many rows as a scan looks at in that time.
const ROWS_PER_MICROSECOND: u64 = 1;

/// The COUNTs of one connection that are being worked on.
#[derive(Default)]
pub(crate) struct Counts {
    tasks: Vec<CountTask>,
}

/// What the store says, and whether it is an estimate.
type Answer = Result<(Count, bool), StoreError>;

/// One of them.
struct CountTask {
    sub: SubscriptionId,
    filters: Arc<[Filter]>,
    future: Pin<Box<dyn Future<Output = (Answer, Duration)> + Send>>,
    work: Duration,
    trace: Trace,
}

impl Counts {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Forgets those of this name.
    pub(crate) fn end(&mut self, sub: &SubscriptionId) {
        self.tasks.retain(|task| task.sub != *sub);
    }
}

impl Connection {
    /// Begins to count, or answers with CLOSED.
    pub(crate) fn on_count(
        &mut self,
        sub: SubscriptionId,
        filters: Vec<Filter>,
        received: &Received<'_>,
        io: &mut SessionIo<'_>,
    ) {
        let mut trace = received.trace("COUNT");
        self.state.metrics.message(Message::Count);
        match self.may_count(&filters, received) {
            Ok((viewer, searches)) => {
                let filters: Arc<[Filter]> = filters.into();
                let query = query(Arc::clone(&filters), received.settings);
                let quick = received.settings.config.queries.slice_rows;
                let state = Arc::clone(&self.state);
                let future: Pin<Box<dyn Future<Output = _> + Send>> = match searches {
                    Some(searches) => Box::pin(search::count(state, query, searches, viewer)),
                    None => Box::pin(count(state, query, viewer, quick)),
                };
                let task = CountTask {
                    sub,
                    filters,
                    future,
                    work: Duration::ZERO,
                    trace,
                };
                self.work().counts.tasks.push(task);
            }
            Err(reason) => self.refuse("COUNT", &sub, &reason, &mut trace, io),
        }
    }

    /// Whether the connection may have this counted; what it searches for.
    fn may_count(
        &mut self,
        filters: &[Filter],
        received: &Received<'_>,
    ) -> Result<(Arc<Viewer>, Option<Arc<Searches>>), String> {
        let viewer = self.may_ask(filters, received, Thing::Count)?;
        let most = received.settings.config.queries.counts;
        if self
            .work
            .as_ref()
            .is_some_and(|work| work.counts.tasks.len() >= most)
        {
            return Err(format!("rate-limited: more than {most} COUNTs at once"));
        }
        let searches = self.state.read_searches(filters, received.settings)?;
        Ok((viewer, searches))
    }

    /// Goes on with the COUNTs and answers those that are done.
    pub(crate) fn poll_counts(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) {
        let mut waiting = std::mem::take(&mut self.work().counts.tasks);
        let settings = self.state.settings().clone();
        waiting.retain_mut(|task| {
            let begun = Instant::now();
            let polled = task.future.as_mut().poll(cx);
            task.work += begun.elapsed();
            let Poll::Ready((result, elsewhere)) = polled else {
                return true;
            };
            task.work += elsewhere;
            self.counted(task, &settings);
            self.answer_count(task, result, io);
            false
        });
        self.work().counts.tasks = waiting;
    }

    /// Sends the count, or CLOSED.
    fn answer_count(&self, task: &mut CountTask, result: Answer, io: &mut SessionIo<'_>) {
        let CountTask { sub, trace, .. } = task;
        trace.set("stentor.work_us", task.work);
        trace.outcome("answered");
        match result {
            Ok((count, true)) => {
                say(io, |text| {
                    relay_message::approximate_count(text, sub, count.count)
                });
            }
            Ok((count, false)) => {
                let registers = count.hll.map(|registers| Registers(*registers));
                say(io, |text| {
                    relay_message::count(text, sub, count.count, registers.as_ref())
                });
            }
            Err(error) => self.refuse("COUNT", sub, query_error(&error), trace, io),
        }
    }

    /// Charges a COUNT that is over, and logs it if it was slow.
    fn counted(&mut self, task: &CountTask, settings: &Settings) {
        self.state.metrics.counted(task.work);
        let micros = u64::try_from(task.work.as_micros()).unwrap_or(u64::MAX);
        self.state.meters.charge(
            &mut self.meter,
            &settings.config.rates,
            micros.saturating_mul(ROWS_PER_MICROSECOND),
        );
        let slow = settings.config.queries.slow_ms;
        if slow != 0 && task.work.as_millis() >= u128::from(slow) {
            self.state.metrics.slow();
            let plan = Some(
                self.state
                    .store
                    .explain(&query(Arc::clone(&task.filters), settings)),
            );
            SlowQuery {
                verb: "COUNT",
                filters: &task.filters,
                work: task.work,
                plan,
                trace: &task.trace,
            }
            .log();
        }
    }
}

/// The future of one COUNT. One that is not answered after a few rows goes on in a thread of its own: engines count in
/// one go, and nobody else on this thread shall wait for it (R8.2). Returns the time that this took there.
async fn count(
    state: Arc<State>,
    query: Query,
    viewer: Arc<Viewer>,
    quick: u64,
) -> (Answer, Duration) {
    let whole = query.limits;
    let exact = |count: Result<Count, StoreError>| count.map(|count| (count, false));
    if whole.rows != 0 && whole.rows <= quick {
        return (
            exact(state.store.count(&query, &viewer).await),
            Duration::ZERO,
        );
    }
    let first = Query {
        limits: ScanLimits {
            rows: quick,
            ..whole
        },
        ..query.clone()
    };
    match state.store.count(&first, &viewer).await {
        Err(StoreError::TooExpensive { .. }) => {}
        answer => return (exact(answer), Duration::ZERO),
    }
    let Ok(_turn) = state.long_counts.acquire().await else {
        return (Err(StoreError::Closed), Duration::ZERO);
    };
    let (runtime, store) = (Handle::current(), Arc::clone(&state.store));
    let counting = move || {
        let begun = Instant::now();
        (
            exact(runtime.block_on(store.count(&query, &viewer))),
            begun.elapsed(),
        )
    };
    spawn_blocking(counting)
        .await
        .unwrap_or((Err(StoreError::Closed), Duration::ZERO))
}

/// The query of a COUNT: `limit` and the relay's cap play no part.
fn query(filters: Arc<[Filter]>, settings: &Settings) -> Query {
    Query {
        filters,
        now: now(),
        before: None,
        limits: settings.config.queries.scan_limits(0),
    }
}
