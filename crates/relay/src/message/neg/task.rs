//! One reconciliation: its set being gathered, then one message answered after the other.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant as WorkBegun};

use stentor_event::{Filter, SubscriptionId, Viewer};
use stentor_store::Explanation;
use stentor_store::reconcile::{GatherError, Gathering, ReconcileError, Session, Step};
use stentor_trace::Trace;
use tokio::time::Instant;

use super::totals::{Share, Totals};
use crate::aside::{Wanted, aside};
use crate::fanout::Client;

/// Events up to which a message is answered at once. With more, that takes long enough for others on this thread to
/// notice (R8.2), so it is done in a thread of its own.
const QUICK: usize = 16_384;

/// A slice in the making; it owns the set meanwhile.
type Slice = Pin<Box<dyn Future<Output = (Gathering, Result<Step, GatherError>)> + Send>>;
/// An answer in the making; it owns the session meanwhile.
type Round = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What a round comes to.
pub(super) struct Answer {
    /// `None`: the thread it was in has died.
    pub(super) session: Option<Session>,
    pub(super) message: Result<Vec<u8>, ReconcileError>,
    /// Time spent in a thread of its own.
    pub(super) elsewhere: Duration,
}

/// Where a reconciliation is.
pub(super) enum Stage {
    /// Its set is being gathered for who was asking; the first message waits.
    Gathering {
        slice: Slice,
        viewer: Arc<Viewer>,
        message: Vec<u8>,
    },
    /// A message is being answered.
    Answering(Round),
    /// The client has its turn, since this moment.
    Waiting(Session, Instant),
    /// It is over.
    Over,
}

/// A reconciliation of a connection.
pub(super) struct NegTask {
    pub(super) sub: SubscriptionId,
    pub(super) filter: Filter,
    pub(super) stage: Stage,
    pub(super) share: Share,
    /// Bytes of what is kept while the set is gathered, beside the set.
    pub(super) first: usize,
    /// Time spent on gathering.
    pub(super) work: Duration,
    /// Rows looked at for it.
    pub(super) rows: u64,
    /// Of the message that is to be answered.
    pub(super) trace: Trace,
}

/// What came of a slice.
pub(super) enum Gathered {
    /// There is more.
    Some(Step),
    /// The set is complete.
    All(Step, Gathering, Vec<u8>),
    /// It cannot be had.
    Failed(GatherError, Explanation),
}

impl NegTask {
    /// Begins to gather, so many rows at a time.
    pub(super) fn new(
        sub: SubscriptionId,
        filter: Filter,
        share: Share,
        gathering: Gathering,
        viewer: Arc<Viewer>,
        message: Vec<u8>,
        rows: u64,
    ) -> Self {
        let slice = slice(gathering, Arc::clone(&viewer), rows);
        let first = super::waiting_bytes(&filter, &message);
        Self {
            sub,
            filter,
            stage: Stage::Gathering {
                slice,
                viewer,
                message,
            },
            share,
            first,
            work: Duration::ZERO,
            rows: 0,
            trace: Trace::default(),
        }
    }

    /// Goes on gathering. What comes of it other than [`Gathered::Some`] leaves it [`Stage::Over`].
    pub(super) fn poll_gather(&mut self, cx: &mut Context<'_>, rows: u64) -> Poll<Gathered> {
        let Stage::Gathering {
            slice,
            viewer,
            message,
        } = &mut self.stage
        else {
            return Poll::Pending;
        };
        let begun = WorkBegun::now();
        let polled = slice.as_mut().poll(cx);
        self.work += begun.elapsed();
        let Poll::Ready((gathering, result)) = polled else {
            return Poll::Pending;
        };
        let step = match result {
            Ok(step) => step,
            Err(error) => {
                self.stage = Stage::Over;
                return Poll::Ready(Gathered::Failed(error, gathering.explain()));
            }
        };
        self.rows += step.rows;
        if !step.end {
            *slice = self::slice(gathering, Arc::clone(viewer), rows);
            return Poll::Ready(Gathered::Some(step));
        }
        let message = std::mem::take(message);
        self.stage = Stage::Over;
        Poll::Ready(Gathered::All(step, gathering, message))
    }

    /// Goes on answering; tells the time it took here with the answer.
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<(Answer, Duration)> {
        let Stage::Answering(round) = &mut self.stage else {
            return Poll::Pending;
        };
        let begun = WorkBegun::now();
        let Poll::Ready(answer) = round.as_mut().poll(cx) else {
            return Poll::Pending;
        };
        self.stage = Stage::Over;
        Poll::Ready((answer, begun.elapsed()))
    }

    /// Begins to answer a message, not before `delay` has passed.
    pub(super) fn answer(
        &mut self,
        totals: Arc<Totals>,
        client: Arc<Client>,
        session: Session,
        message: Vec<u8>,
        delay: Duration,
    ) {
        let answer = answer(totals, client, session, message, delay);
        self.stage = Stage::Answering(Box::pin(answer));
    }

    /// When it ends if the client stays silent.
    pub(super) fn due(&self, idle: Duration) -> Option<Instant> {
        match self.stage {
            Stage::Waiting(_, since) => Some(since + idle),
            _ => None,
        }
    }
}

/// The future of one slice.
fn slice(mut gathering: Gathering, viewer: Arc<Viewer>, rows: u64) -> Slice {
    Box::pin(async move {
        let result = gathering.slice(&viewer, rows).await;
        (gathering, result)
    })
}

/// The future of one answer.
async fn answer(
    totals: Arc<Totals>,
    client: Arc<Client>,
    session: Session,
    message: Vec<u8>,
    delay: Duration,
) -> Answer {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if session.len() <= QUICK {
        let answer = session.answer(&message);
        return Answer {
            session: Some(session),
            message: answer,
            elsewhere: Duration::ZERO,
        };
    }
    let answering = move |_: &Wanted| {
        let message = session.answer(&message);
        (session, message)
    };
    match aside(&totals.long_rounds, client, answering).await {
        Some(((session, message), elsewhere)) => Answer {
            session: Some(session),
            message,
            elsewhere,
        },
        None => Answer {
            session: None,
            message: Ok(Vec::new()),
            elsewhere: Duration::ZERO,
        },
    }
}
