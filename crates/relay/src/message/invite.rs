//! A REQ for an invite (NIP-43, kind 28935): answered with one that is made for it (R3.1).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use stentor_event::{Event, Filter, SubscriptionId, relay_message};
use stentor_serve::SessionIo;
use stentor_store::BoxFuture;
use stentor_trace::Trace;

use super::req::Opening;
use crate::answer::say;
use crate::connection::Connection;
use crate::membership::{INVITE, invite_event, may_invite};
use crate::state::{Settings, now};

/// Invites of one connection that are being made; more are refused.
const AT_ONCE: usize = 4;

/// Invites that are being made.
#[derive(Default)]
pub(crate) struct Invites {
    futures: FuturesUnordered<BoxFuture<'static, Made>>,
    /// The subscriptions that still want theirs, each with the number of the REQ: a later one of the same name is another.
    wanted: Vec<(SubscriptionId, u64)>,
    /// REQs so far.
    requests: u64,
}

/// An invite, or why there is none, for this subscription.
struct Made {
    sub: SubscriptionId,
    request: u64,
    filters: Arc<[Filter]>,
    event: Result<Event, String>,
    trace: Trace,
}

impl Invites {
    /// Whether none is being made.
    pub(crate) fn is_empty(&self) -> bool {
        self.futures.is_empty()
    }

    /// Nobody waits any more for the invite of this subscription.
    pub(crate) fn end(&mut self, sub: &SubscriptionId) {
        self.wanted.retain(|(wanted, _)| wanted != sub);
    }

    /// Begins to make one with the number that it is given.
    fn begin(&mut self, sub: &SubscriptionId, make: impl FnOnce(u64) -> BoxFuture<'static, Made>) {
        self.requests += 1;
        self.wanted.push((sub.clone(), self.requests));
        self.futures.push(make(self.requests));
    }

    /// Whether somebody still waits for this one; from now on nobody does.
    fn take(&mut self, made: &Made) -> bool {
        let is_it =
            |(sub, request): &(SubscriptionId, u64)| *request == made.request && *sub == made.sub;
        let place = self.wanted.iter().position(is_it);
        place.map(|place| self.wanted.swap_remove(place)).is_some()
    }
}

/// Whether the filters ask for an invite: they name its kind.
pub(super) fn asks(filters: &[Filter]) -> bool {
    filters
        .iter()
        .filter_map(|filter| filter.kinds.as_ref())
        .any(|kinds| kinds.contains(&INVITE))
}

impl Connection {
    /// Begins to make an invite; the subscription goes on when it is there.
    pub(super) fn begin_invite(
        &mut self,
        sub: SubscriptionId,
        filters: Arc<[Filter]>,
        settings: &Settings,
        mut trace: Trace,
        io: &mut SessionIo<'_>,
    ) {
        let creator = may_invite(
            self.keys.as_slice(),
            &settings.config,
            settings.standing(&self.state.lists()),
        );
        let full = self.work().invites.futures.len() >= AT_ONCE;
        let Some(creator) = creator.filter(|_| settings.config.membership.enabled && !full) else {
            let reason = if !settings.config.membership.enabled {
                "unsupported: this relay gives no invites"
            } else if self.keys.is_empty() {
                "auth-required: prove a key that may invite"
            } else if full {
                "rate-limited: too many invites at once"
            } else {
                "restricted: none of your keys may invite"
            };
            return self.refuse("REQ", &sub, reason, &mut trace, io);
        };
        let state = Arc::clone(&self.state);
        let settings = Arc::clone(&state.settings());
        let own = sub.clone();
        trace.enter("invite");
        self.work().invites.begin(&sub, |request| {
            Box::pin(async move {
                let event = invite_event(&state, &settings, creator, now()).await;
                Made {
                    sub: own,
                    request,
                    filters,
                    event,
                    trace,
                }
            })
        });
    }

    /// Sends the invites that are made.
    pub(crate) fn poll_invites(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) {
        if self.work().invites.is_empty() {
            return;
        }
        while let Poll::Ready(Some(made)) = Pin::new(&mut self.work().invites.futures).poll_next(cx)
        {
            if self.work().invites.take(&made) {
                self.send_invite(made, io);
            }
        }
    }

    /// Sends an invite, and goes on with what else the subscription asks for: under the settings of now, which may have
    /// changed since it was asked for.
    fn send_invite(&mut self, mut made: Made, io: &mut SessionIo<'_>) {
        let event = match made.event {
            Ok(event) => event,
            Err(reason) => return self.refuse("REQ", &made.sub, &reason, &mut made.trace, io),
        };
        let settings = Arc::clone(&self.state.settings());
        let searches = match self
            .state
            .read_searches(&made.filters, &self.client, &settings)
        {
            Ok(searches) => searches,
            Err(reason) => return self.refuse("REQ", &made.sub, &reason, &mut made.trace, io),
        };
        let view = event.view();
        if made.filters.iter().any(|filter| filter.matches(&view)) {
            say(io, |text| {
                relay_message::event(text, &made.sub, event.json())
            });
        }
        let opening = Opening {
            sub: made.sub,
            filters: made.filters,
            searches,
            replaces: None,
            trace: made.trace,
        };
        self.follow(opening, &settings, io);
    }
}
