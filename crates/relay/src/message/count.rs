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

use super::search;
use super::stored::query_error;
use crate::answer::say;
use crate::aside::{Wanted, aside};
use crate::connection::{Connection, Received};
use crate::cost;
use crate::fanout::{Client, values};
use crate::metrics::Message;
use crate::policy::rate::Thing;
use crate::state::{Settings, State, now};

/// The COUNTs of one connection that are being worked on.
#[derive(Default)]
pub(crate) struct Counts {
    tasks: Vec<CountTask>,
}

/// What the store says, and whether it is an estimate.
pub(super) type Answer = Result<(Count, bool), StoreError>;

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
                let counting = Counting {
                    query: query(Arc::clone(&filters), received.settings),
                    viewer,
                    quick: received.settings.config.queries.slice_rows,
                    state: Arc::clone(&self.state),
                    client: Arc::clone(&self.client),
                };
                let future: Pin<Box<dyn Future<Output = _> + Send>> = match searches {
                    Some(searches) => Box::pin(search::count(counting, searches)),
                    None => Box::pin(counting.count()),
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
        let config = &received.settings.config;
        let tasks = self
            .work
            .as_ref()
            .map_or(&[][..], |work| &work.counts.tasks);
        let most = config.queries.counts;
        if tasks.len() >= most {
            return Err(format!("rate-limited: more than {most} COUNTs at once"));
        }
        let (most, held) = (
            config.limits.values,
            tasks.iter().map(|task| values(&task.filters)),
        );
        if most != 0 && held.sum::<usize>() + values(filters) > most {
            return Err(format!(
                "rate-limited: more than {most} values in the COUNTs of one connection"
            ));
        }
        let searches = self
            .state
            .read_searches(filters, &self.client, received.settings)?;
        Ok((viewer, searches))
    }

    /// Goes on with the COUNTs and answers those that are done.
    pub(crate) fn poll_counts(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) {
        let mut waiting = std::mem::take(&mut self.work().counts.tasks);
        let settings = self.state.settings().clone();
        waiting.retain_mut(|task| {
            let begun = Instant::now();
            let polled = task.future.as_mut().poll(cx);
            let work = begun.elapsed();
            task.work += work;
            // What is done in other threads is the client's debt.
            self.charge(&settings, cost::rows(work));
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

    /// Measures a COUNT that is over, and logs it if it was slow.
    fn counted(&self, task: &CountTask, settings: &Settings) {
        self.state.metrics.counted(task.work);
        let plan = || {
            let query = query(Arc::clone(&task.filters), settings);
            Some(self.state.store.explain(&query))
        };
        let asked = ("COUNT", &*task.filters);
        self.state
            .log_if_slow(settings, asked, &task.trace, task.work, plan);
    }
}

/// What is to be counted, and for whom.
pub(super) struct Counting {
    pub(super) state: Arc<State>,
    pub(super) query: Query,
    pub(super) viewer: Arc<Viewer>,
    /// Rows up to which it is counted at once.
    pub(super) quick: u64,
    pub(super) client: Arc<Client>,
}

impl Counting {
    /// Counts. What is not answered after a few rows goes on in a thread of its own: engines count in one go, and nobody else
    /// on this thread shall wait for it (R8.2). Returns the time that this took there.
    pub(super) async fn count(self) -> (Answer, Duration) {
        let exact = |count: Result<Count, StoreError>| count.map(|count| (count, false));
        let (store, whole) = (&self.state.store, self.query.limits);
        if whole.rows != 0 && whole.rows <= self.quick {
            let count = store.count(&self.query, &self.viewer).await;
            return (exact(count), Duration::ZERO);
        }
        let first = Query {
            limits: ScanLimits {
                rows: self.quick,
                ..whole
            },
            ..self.query.clone()
        };
        match store.count(&first, &self.viewer).await {
            Err(StoreError::TooExpensive { .. }) => {}
            answer => return (exact(answer), Duration::ZERO),
        }
        let (turns, client) = (
            Arc::clone(&self.state.long_counts),
            Arc::clone(&self.client),
        );
        let runtime = Handle::current();
        let counting = move |wanted: &Wanted| {
            let wanted = || wanted.is_wanted();
            let (store, viewer) = (&self.state.store, &self.viewer);
            runtime.block_on(store.count_while(&self.query, viewer, &wanted))
        };
        match aside(&turns, client, counting).await {
            Some((count, elsewhere)) => (exact(count), elsewhere),
            None => (Err(StoreError::Closed), Duration::ZERO),
        }
    }
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
