//! Events about which a rule has to ask somebody: a plugin, a web server, the store. They wait apart, each on its own.

use std::borrow::Cow;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use stentor_event::{Event, Filter};
use stentor_store::BoxFuture;
use stentor_trace::Trace;

use crate::holdings::newest;
use crate::membership::{Request, answer};
use crate::policy::Verdict;
use crate::policy::write::{Asked, Stage};
use crate::state::{State, now};

/// The events of one connection about which somebody is asked. How many there may be is part of
/// `limits.events_in_flight`.
#[derive(Default)]
pub(super) struct Waiting {
    answers: FuturesUnordered<BoxFuture<'static, Answered>>,
    bytes: usize,
}

/// An event about which the rule at a place of the stage has to be asked.
pub(super) struct Pending {
    pub(super) asked: Asked,
    pub(super) stage: Arc<Stage>,
    pub(super) place: usize,
    /// Why somebody should look at it, as far as is known.
    pub(super) reviews: Vec<Cow<'static, str>>,
    /// Whether its signature has been verified, and whether it has been seen to be new.
    pub(super) verified: bool,
    pub(super) trace: Trace,
}

/// What came of waiting.
pub(super) enum Answered {
    /// Of asking a rule.
    Asked(Pending, Step),
    /// Of a join or leave request: whether it is granted, and what is said.
    Request(Event, bool, String, Trace),
}

impl Answered {
    /// The event that has waited.
    fn event(&self) -> &Event {
        match self {
            Self::Asked(pending, _) => &pending.asked.event,
            Self::Request(event, ..) => event,
        }
    }
}

/// How it goes on with an event.
pub(super) enum Step {
    /// The store has it: there is nothing to be asked.
    Known,
    /// The signature is wrong: there is nothing to be asked.
    Forged,
    /// What the rule says.
    Verdict(Verdict),
}

impl Waiting {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.answers.len()
    }

    /// Their size in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Asks.
    pub(super) fn ask(&mut self, mut pending: Pending, state: &Arc<State>) {
        self.bytes += pending.asked.event.json().len();
        pending.trace.enter("ask");
        let state = Arc::clone(state);
        self.answers.push(Box::pin(async move {
            let step = step(&pending, &state).await;
            Answered::Asked(pending, step)
        }));
    }

    /// Answers a join or leave request.
    pub(super) fn request(
        &mut self,
        event: Event,
        request: Request,
        client: IpAddr,
        mut trace: Trace,
        state: &Arc<State>,
    ) {
        self.bytes += event.json().len();
        trace.enter("membership");
        let state = Arc::clone(state);
        self.answers.push(Box::pin(async move {
            if !is_signed(&event, &state).await {
                let reason = "invalid: the signature is wrong".into();
                return Answered::Request(event, false, reason, trace);
            }
            let key = event.pubkey();
            let (granted, reason) = answer(&state.access, request, key, client, now()).await;
            Answered::Request(event, granted, reason, trace)
        }));
    }

    /// The next answer.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Answered> {
        match Pin::new(&mut self.answers).poll_next(cx) {
            Poll::Ready(Some(answered)) => {
                self.bytes -= answered.event().json().len();
                Poll::Ready(answered)
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Whoever is asked is not bothered with what is known or forged.
async fn step(pending: &Pending, state: &State) -> Step {
    let asked = &pending.asked;
    if !pending.verified {
        let same = Filter {
            ids: Some(vec![asked.event.id()]),
            ..Filter::default()
        };
        let known = newest(&state.store, same, 1, asked.now).await;
        if known.is_ok_and(|known| !known.is_empty()) {
            return Step::Known;
        }
        if !is_signed(&asked.event, state).await {
            return Step::Forged;
        }
    }
    Step::Verdict(pending.stage.ask(pending.place, asked).await)
}

/// Verifies the signature on another thread; as many at once as there are cores.
async fn is_signed(event: &Event, state: &State) -> bool {
    let _turn = state.verifications.acquire().await;
    let event = event.clone();
    let verified = tokio::task::spawn_blocking(move || event.verify_signature().is_ok());
    verified.await.unwrap_or(false)
}
