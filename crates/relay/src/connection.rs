//! One client's connection: what it has said and what it is owed.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Context;

use stentor_auth::{Challenge, Keys, Place};
use stentor_event::{
    ClientMessage, MessageError, SubscriptionId, Verb, parse_client_message, relay_message,
};
use stentor_net::limit::Limited;
use stentor_serve::{CloseCode, CloseFrame, ConnectionInfo, Flow, Outbox, Session, SessionIo};
use stentor_trace::Trace;

use crate::answer::{closed, notice, say};
use crate::config::Entrance;
use crate::fanout::{Client, Registration};
use crate::metrics::Message;
use crate::policy::rate::{Meter, Sender, Thing};
use crate::refusal;
use crate::state::{Settings, State};
use crate::work::Work;

/// The session of one connection.
///
/// An idle one is small: what is in progress is in [`Work`], which exists only as long as there is any.
pub struct Connection {
    pub(crate) state: Arc<State>,
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) client: Arc<Client>,
    /// `None`: the operating system had no random numbers.
    pub(crate) challenge: Option<Challenge>,
    pub(crate) keys: Keys,
    pub(crate) meter: Meter,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) work: Option<Box<Work>>,
    pub(crate) draining: bool,
}

/// A subscription of the connection.
pub(crate) struct Subscription {
    pub(crate) id: SubscriptionId,
    pub(crate) registration: Registration,
}

/// A message with what is known when it comes.
pub(crate) struct Received<'a> {
    pub(crate) settings: &'a Settings,
    /// Its length in bytes.
    pub(crate) length: usize,
    /// Its trace, until somebody takes it.
    pub(crate) trace: Cell<Trace>,
}

impl Received<'_> {
    /// Takes the trace of the message, which has turned out to be this.
    pub(crate) fn trace(&self, verb: &'static str) -> Trace {
        let mut trace = self.trace.take();
        trace.rename(verb);
        trace
    }
}

impl Connection {
    /// The session of a connection that has just been opened.
    pub(crate) fn new(state: Arc<State>, info: Arc<ConnectionInfo>, outbox: Outbox) -> Self {
        let client = Arc::new(Client::new(outbox, Arc::clone(&state.settings().anonymous)));
        state.connections.fetch_add(1, Ordering::Relaxed);
        state.presence.enter(&info, &client);
        state.unauthenticated.fetch_add(1, Ordering::Relaxed);
        Self {
            state,
            info,
            client,
            challenge: Challenge::random().ok(),
            keys: Keys::default(),
            meter: Meter::default(),
            subscriptions: Vec::new(),
            work: None,
            draining: false,
        }
    }

    /// What is in progress; makes room for it.
    pub(crate) fn work(&mut self) -> &mut Work {
        self.work.get_or_insert_default()
    }

    /// Where the connection has arrived.
    pub(crate) fn place<'a>(&self, settings: &'a Settings) -> Place<'a> {
        Place {
            public_urls: &settings.urls,
            local: self.info.local,
        }
    }

    /// Who may read and write through the listener that the connection came by.
    pub(crate) fn entrance(&self, settings: &Settings) -> Entrance {
        settings.config.access.entrance(&self.info.listener)
    }

    /// Takes a message of this kind from the rates, and its bytes.
    pub(crate) fn take(&mut self, received: &Received<'_>, thing: Thing) -> Result<(), Limited> {
        let bytes = u32::try_from(received.length).unwrap_or(u32::MAX);
        self.take_units(received, thing, 1)?;
        self.take_units(received, Thing::Byte, bytes)
    }

    /// Takes units of a thing from the rates.
    pub(crate) fn take_units(
        &mut self,
        received: &Received<'_>,
        thing: Thing,
        units: u32,
    ) -> Result<(), Limited> {
        let config = &received.settings.config;
        let sender = Sender {
            ip: self.info.scope,
            key: self.keys.as_slice().first(),
        };
        let by = (config.policy.rate.as_slice(), &config.rates);
        let taken = self
            .state
            .meters
            .take(&mut self.meter, sender, by, thing, units);
        taken.map_err(|(rule, limited)| {
            self.state.metrics.limited(thing, rule);
            limited
        })
    }

    /// Counts a message that does nothing. Many of them are a flood, and end the connection.
    pub(crate) fn tolerate(
        &mut self,
        received: &Received<'_>,
        message: Message,
    ) -> Result<(), Flow> {
        self.state.metrics.message(message);
        let flood = CloseFrame::new(
            CloseCode::POLICY,
            "too many messages that mean nothing here",
        );
        self.take(received, Thing::Event)
            .map_err(|_| Flow::Close(flood))
    }

    /// A message that cannot be read.
    fn on_malformed(
        &mut self,
        error: &MessageError,
        received: &Received<'_>,
        io: &mut SessionIo<'_>,
    ) -> Result<(), Flow> {
        refusal::note("malformed", "invalid", &mut received.trace("malformed"));
        self.tolerate(received, Message::Malformed)?;
        // A refused REQ has no successor to the subscription of its name, which CLOSED says has ended; NEG-ERR likewise.
        match (error.subscription(), error.verb()) {
            (Some(sub), Some(Verb::Req)) => self.end_subscription(sub),
            (Some(sub), Some(Verb::NegOpen | Verb::NegMsg)) => {
                self.end_neg(sub);
            }
            _ => {}
        }
        say(io, |text| error.write_answer(text));
        Ok(())
    }

    /// Does what a message asks for.
    fn dispatch(
        &mut self,
        message: ClientMessage<'_>,
        received: &Received<'_>,
        io: &mut SessionIo<'_>,
    ) -> Result<(), Flow> {
        match message {
            ClientMessage::Event(event) => self.on_event(event, received, io),
            ClientMessage::Req { sub, filters } => self.on_req(sub, filters, received, io),
            ClientMessage::Close(sub) => {
                drop(received.trace("CLOSE"));
                self.on_close_request(&sub);
            }
            ClientMessage::Auth(event) => self.on_auth(&event, received, io),
            ClientMessage::Count { sub, filters } => self.on_count(sub, filters, received, io),
            ClientMessage::NegOpen {
                sub,
                filter,
                message,
            } => self.on_neg_open(sub, filter, message, received, io)?,
            ClientMessage::NegMsg { sub, message } => {
                self.on_neg_msg(&sub, message, received, io)?;
            }
            ClientMessage::NegClose(sub) => self.on_neg_close(&sub, received)?,
            ClientMessage::Unknown(verb) => {
                refusal::note("unknown", "unsupported", &mut received.trace("unknown"));
                self.tolerate(received, Message::Unknown)?;
                let verb: String = verb.chars().take(40).collect();
                notice(io, &format!("unsupported: unknown message type {verb:?}"));
            }
        }
        Ok(())
    }

    /// Ends a subscription if there is one of this name: its scan, its live events, and what of these waits.
    pub(crate) fn end_subscription(&mut self, sub: &SubscriptionId) {
        if let Some(registration) = self.take_subscription(sub) {
            self.state.registry.remove(registration);
        }
    }

    /// Takes the registration of a subscription out and ends its scan.
    pub(crate) fn take_subscription(&mut self, sub: &SubscriptionId) -> Option<Registration> {
        let position = self
            .subscriptions
            .iter()
            .position(|subscription| subscription.id == *sub)?;
        if let Some(work) = &mut self.work {
            work.scans.end(sub);
        }
        let subscription = self.subscriptions.swap_remove(position);
        if self.subscriptions.is_empty() {
            self.subscriptions = Vec::new();
        }
        Some(subscription.registration)
    }

    /// Answers a REQ or COUNT with CLOSED.
    pub(crate) fn refuse(
        &self,
        verb: &'static str,
        sub: &SubscriptionId,
        reason: &str,
        trace: &mut Trace,
        io: &mut SessionIo<'_>,
    ) {
        refusal::note(verb, reason, trace);
        self.state.metrics.refused();
        closed(io, sub, reason);
    }
}

impl Session for Connection {
    fn on_open(&mut self, io: &mut SessionIo<'_>) -> Flow {
        let Some(challenge) = &self.challenge else {
            return Flow::Close(CloseFrame::new(CloseCode::INTERNAL, "no random numbers"));
        };
        say(io, |text| relay_message::auth(text, &challenge.to_string()));
        Flow::Continue
    }

    fn on_text(&mut self, text: &str, io: &mut SessionIo<'_>) -> Flow {
        let trace = Cell::new(Trace::begin("message"));
        let state = Arc::clone(&self.state);
        let settings = state.settings();
        let received = Received {
            settings: &settings,
            length: text.len(),
            trace,
        };
        let done = match parse_client_message(text, &settings.parse) {
            Ok(message) => self.dispatch(message, &received, io),
            Err(error) => self.on_malformed(&error, &received, io),
        };
        done.err().unwrap_or(Flow::Continue)
    }

    fn poll_work(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) -> Flow {
        if self.work.is_some() {
            self.poll_events(cx, io);
            self.poll_invites(cx, io);
            self.poll_counts(cx, io);
            self.poll_scans(cx, io);
            self.poll_negs(cx, io);
            self.work.take_if(|work| work.is_empty());
        }
        Flow::Continue
    }

    fn ready_for_input(&self) -> bool {
        let Some(work) = &self.work else { return true };
        let settings = self.state.settings();
        let limits = &settings.config.limits;
        work.events.count() < limits.events_in_flight
            && work.events.bytes() < limits.bytes_in_flight
    }

    fn on_drain(&mut self, _io: &mut SessionIo<'_>) {
        self.draining = true;
        if let Some(work) = &mut self.work {
            work.end_queries();
        }
    }

    fn is_idle(&self) -> bool {
        self.work.as_ref().is_none_or(|work| work.is_empty())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for subscription in self.subscriptions.drain(..) {
            self.state.registry.remove(subscription.registration);
        }
        if let Some(work) = &self.work {
            self.state.finish(work.events.bytes());
        }
        self.state.presence.leave(self.info.id);
        self.state.connections.fetch_sub(1, Ordering::Relaxed);
        if self.keys.is_empty() {
            self.state.unauthenticated.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_1_an_idle_connection_is_small() {
        assert!(
            size_of::<Connection>() <= 192,
            "{}",
            size_of::<Connection>()
        );
        assert!(
            size_of::<Subscription>() <= 40,
            "{}",
            size_of::<Subscription>()
        );
        assert!(
            size_of::<crate::fanout::Live>() <= 128,
            "{}",
            size_of::<crate::fanout::Live>()
        );
    }
}
