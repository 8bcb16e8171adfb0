//! EVENT: the client publishes (R1.3).
//!
//! An event is judged on the connection's thread. One that passes joins the batch of this read, and is answered when it is
//! durable ([`batch`]); one about which a rule has to ask somebody waits apart ([`waiting`]), and others pass it by; any
//! other is answered at once.

mod answer;
mod batch;
mod waiting;

use std::sync::Arc;
use std::task::{Context, Poll};

use stentor_event::Event;
use stentor_serve::SessionIo;
use stentor_trace::Trace;

use crate::answer::{ok, too_fast};
use crate::connection::{Connection, Received};
use crate::membership::Request;
use crate::metrics::{EventOutcome, Message};
use crate::policy::rate::Thing;
use crate::policy::write::{Asked, Judgement, Source, Writing};
use crate::policy::{Rejection, Verdict};
use crate::refusal;
use crate::state::{Settings, now};

use answer::answer_to;
use batch::Batches;
pub(crate) use batch::Receipt;
use waiting::{Answered, Pending, Step, Waiting};

/// The events of one connection that are on their way into the store.
#[derive(Default)]
pub(crate) struct Events {
    batches: Batches,
    waiting: Waiting,
}

/// An event for which room is reserved and about which nothing is decided yet.
struct Open {
    event: Event,
    /// Whether its signature has been verified, and whether it has been seen to be new.
    verified: bool,
    trace: Trace,
}

impl Events {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.batches.count() + self.waiting.count()
    }

    /// Their size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.batches.bytes() + self.waiting.bytes()
    }
}

impl Connection {
    /// Judges an event; one that passes is answered when it is durable, any other at once.
    pub(crate) fn on_event(
        &mut self,
        event: Event,
        received: &Received<'_>,
        io: &mut SessionIo<'_>,
    ) {
        let mut trace = received.trace("EVENT");
        trace.set("stentor.event.kind", event.kind().0);
        if let Some(traceparent) = trace.traceparent() {
            // For whoever is told of it by way of the store.
            stentor_trace::tie(event.id().0, traceparent);
        }
        self.state.metrics.message(Message::Event);
        match self.may_publish(&event, received) {
            Ok(()) if Request::is(&event) => self.on_request(event, trace, received.settings, io),
            Ok(()) => {
                let settings = received.settings;
                let judged = self.judge(&event, settings, |writing| settings.policy.judge(writing));
                let open = Open {
                    event,
                    verified: false,
                    trace,
                };
                self.follow_judgement(open, judged, settings, io);
            }
            Err(rejection) => self.refuse_event(&event, &rejection, &mut trace, io),
        }
    }

    /// What is checked before the rules are asked; reserves room for the event.
    fn may_publish(&mut self, event: &Event, received: &Received<'_>) -> Result<(), Rejection> {
        let limited = |reason: String| Rejection::new(EventOutcome::RateLimited, reason);
        self.take(received, Thing::Event)
            .map_err(|error| limited(too_fast(&error, "events")))?;
        if self.draining {
            let reason = "error: the relay is shutting down";
            return Err(Rejection::new(EventOutcome::Failed, reason));
        }
        event
            .check_id()
            .map_err(|error| Rejection::invalid(format!("invalid: {error}")))?;
        let most = received.settings.config.limits.bytes_in_flight_node;
        if !self.state.begin(event.json().len(), most) {
            return Err(limited("rate-limited: the relay is busy, try again".into()));
        }
        Ok(())
    }

    /// What the rules that `ask` asks say of an event now.
    fn judge(
        &self,
        event: &Event,
        settings: &Settings,
        ask: impl FnOnce(&Writing<'_>) -> Judgement,
    ) -> Judgement {
        let lists = self.state.lists();
        ask(&Writing {
            event,
            keys: &self.keys,
            place: self.place(settings),
            standing: settings.standing(&lists),
            entrance: self.entrance(settings),
            now: now(),
        })
    }

    /// Does what follows for an event for which room is reserved.
    fn follow_judgement(
        &mut self,
        open: Open,
        judgement: Judgement,
        settings: &Settings,
        io: &mut SessionIo<'_>,
    ) {
        let Open {
            event,
            verified,
            mut trace,
        } = open;
        match judgement {
            Judgement::Taken(reviews) => {
                let batches = &mut self.work().events.batches;
                batches.add(event, verified, reviews, trace);
            }
            Judgement::Refused(rejection) => {
                self.state.finish(event.json().len());
                self.refuse_event(&event, &rejection, &mut trace, io);
            }
            Judgement::Shadowed => {
                self.state.finish(event.json().len());
                self.state
                    .metrics
                    .event(event.kind(), EventOutcome::Shadowed);
                trace.outcome(EventOutcome::Shadowed.as_str());
                ok(io, &event.id(), true, "");
            }
            Judgement::Waits(place, reviews) => {
                let pending = Pending {
                    asked: Asked {
                        event,
                        source: Source::Client(self.info.client),
                        authed: self.keys.as_slice().first().copied(),
                        now: now(),
                    },
                    stage: Arc::clone(&settings.policy.write),
                    place,
                    reviews,
                    verified,
                    trace,
                };
                let state = Arc::clone(&self.state);
                self.work().events.waiting.ask(pending, &state);
            }
        }
    }

    /// A join or leave request (NIP-43): answered by the access lists, neither stored nor passed on.
    fn on_request(
        &mut self,
        event: Event,
        trace: Trace,
        settings: &Settings,
        io: &mut SessionIo<'_>,
    ) {
        let authed = self.keys.contains(&event.pubkey());
        let request = Request::read(&event, &settings.config.membership, authed, now());
        match request {
            Ok(request) => {
                let (state, client) = (Arc::clone(&self.state), self.info.client);
                self.work()
                    .events
                    .waiting
                    .request(event, request, client, trace, &state);
            }
            Err(reason) => {
                let rejection = Judgement::Refused(Rejection::refused(reason));
                let open = Open {
                    event,
                    verified: false,
                    trace,
                };
                self.follow_judgement(open, rejection, settings, io);
            }
        }
    }

    fn refuse_event(
        &self,
        event: &Event,
        rejection: &Rejection,
        trace: &mut Trace,
        io: &mut SessionIo<'_>,
    ) {
        refusal::note("EVENT", &rejection.reason, trace);
        trace.outcome(rejection.outcome.as_str());
        self.state.metrics.event(event.kind(), rejection.outcome);
        ok(io, &event.id(), false, &rejection.reason);
    }

    /// Goes on with events about which somebody has been asked, submits what this read brought, and answers the batches
    /// that are done.
    pub(crate) fn poll_events(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) {
        let state = Arc::clone(&self.state);
        while let Poll::Ready(answered) = self.work().events.waiting.poll_next(cx) {
            self.on_answer(answered, io);
        }
        let batches = &mut self.work().events.batches;
        batches.submit(&state.store, cx);
        while let Some((mut batch, answer)) = batches.poll_done(cx) {
            state.finish(batch.bytes);
            state
                .metrics
                .acknowledged(batch.receipts.len(), batch.submitted.elapsed());
            let outcomes = answer
                .map_err(|error| tracing::error!(%error, "events could not be stored"))
                .unwrap_or_default();
            let mut outcomes = outcomes.into_iter();
            let together = batch.receipts.len();
            for receipt in &mut batch.receipts {
                let (accepted, outcome, reason) = answer_to(outcomes.next());
                receipt.trace.set("stentor.batch.events", together);
                conclude(accepted, outcome, &reason, &mut receipt.trace);
                state.metrics.event(receipt.kind, outcome);
                ok(io, &receipt.id, accepted, &reason);
                if outcome == EventOutcome::Stored {
                    state.review(receipt);
                }
            }
        }
    }

    /// Goes on with an event about which somebody has been asked. A reload in between does not concern it: it goes on
    /// among the rules that it began with.
    fn on_answer(&mut self, answered: Answered, io: &mut SessionIo<'_>) {
        let settings = Arc::clone(&self.state.settings());
        let (pending, step) = match answered {
            Answered::Asked(pending, step) => (pending, step),
            Answered::Request(event, granted, reason, mut trace) => {
                self.state.finish(event.json().len());
                let outcome = if granted {
                    EventOutcome::Ephemeral
                } else {
                    EventOutcome::Refused
                };
                conclude(granted, outcome, &reason, &mut trace);
                self.state.metrics.event(event.kind(), outcome);
                return ok(io, &event.id(), granted, &reason);
            }
        };
        let Pending {
            asked,
            stage,
            place,
            mut reviews,
            trace,
            ..
        } = pending;
        let verified = !matches!(step, Step::Known);
        let verdict = match step {
            Step::Known => None,
            Step::Forged => Some(Verdict::invalid("invalid: the signature is wrong")),
            Step::Verdict(verdict) => Some(verdict),
        };
        let judgement = match verdict {
            // The store says what is to be said of it.
            None => Judgement::Taken(Vec::new()),
            Some(Verdict::Refuse(rejection)) => Judgement::Refused(rejection),
            Some(Verdict::Shadow) => Judgement::Shadowed,
            Some(Verdict::Review(reason)) => {
                reviews.push(reason);
                self.judge(&asked.event, &settings, |writing| {
                    stage.go_on(writing, place + 1, reviews)
                })
            }
            Some(Verdict::Pass | Verdict::Ask) => self.judge(&asked.event, &settings, |writing| {
                stage.go_on(writing, place + 1, reviews)
            }),
        };
        let open = Open {
            event: asked.event,
            verified,
            trace,
        };
        self.follow_judgement(open, judgement, &settings, io);
    }
}

/// Says in logs and in its trace what has become of an event.
fn conclude(accepted: bool, outcome: EventOutcome, reason: &str, trace: &mut Trace) {
    if !accepted {
        refusal::note("EVENT", reason, trace);
    }
    trace.outcome(outcome.as_str());
}
