//! REQ: the client asks for stored events and follows new ones.

use std::sync::Arc;

use stentor_event::{Filter, SubscriptionId};
use stentor_serve::SessionIo;
use stentor_store::search::Searches;
use stentor_store::{EventNumber, Query};
use stentor_trace::Trace;

use super::invite;
use crate::connection::{Connection, Received, Subscription};
use crate::fanout::{Live, NodeLimits, Registration, Request, values};
use crate::metrics::Message;
use crate::policy::rate::Thing;
use crate::scan::ScanTask;
use crate::state::{Settings, now};

/// A subscription that may be opened.
pub(super) struct Opening {
    pub(super) sub: SubscriptionId,
    pub(super) filters: Arc<[Filter]>,
    pub(super) searches: Option<Arc<Searches>>,
    /// The one of the same name before it.
    pub(super) replaces: Option<Registration>,
    pub(super) trace: Trace,
}

impl Connection {
    /// Opens a subscription, or answers with CLOSED. One of the same name ends in either case (R1.7).
    pub(crate) fn on_req(
        &mut self,
        sub: SubscriptionId,
        filters: Vec<Filter>,
        received: &Received<'_>,
        io: &mut SessionIo<'_>,
    ) {
        let mut trace = received.trace("REQ");
        self.state.metrics.message(Message::Req);
        let replaced = self.take_subscription(&sub);
        if let Some(work) = &mut self.work {
            work.invites.end(&sub);
        }
        let filters: Arc<[Filter]> = filters.into();
        match self.may_follow(&filters, received) {
            Ok(_) if invite::asks(&filters) => {
                self.drop_registration(replaced);
                self.begin_invite(sub, filters, received.settings, trace, io);
            }
            Ok(searches) => {
                let opening = Opening {
                    sub,
                    filters,
                    searches,
                    replaces: replaced,
                    trace,
                };
                self.follow(opening, received.settings, io);
            }
            Err(reason) => {
                self.drop_registration(replaced);
                self.refuse("REQ", &sub, &reason, &mut trace, io);
            }
        }
    }

    /// Whether the connection may have this subscription; what it searches for.
    fn may_follow(
        &mut self,
        filters: &[Filter],
        received: &Received<'_>,
    ) -> Result<Option<Arc<Searches>>, String> {
        self.may_ask(filters, received, Thing::Req)?;
        let limits = &received.settings.config.limits;
        let most = limits.subscriptions;
        if most != 0 && self.subscriptions.len() >= most {
            return Err(format!(
                "rate-limited: more than {most} subscriptions on one connection"
            ));
        }
        let watched = self
            .subscriptions
            .iter()
            .map(|subscription| subscription.registration.live().values());
        if limits.values != 0 && watched.sum::<usize>() + values(filters) > limits.values {
            return Err(format!(
                "rate-limited: more than {} values in the filters of one connection",
                limits.values
            ));
        }
        self.state
            .read_searches(filters, &self.client, received.settings)
    }

    /// Registers the subscription first and begins the scan then: what is committed before the registration is a stored
    /// event, and what is committed after it a live one.
    pub(super) fn follow(&mut self, opening: Opening, settings: &Settings, io: &mut SessionIo<'_>) {
        let Opening {
            sub,
            filters,
            searches,
            replaces,
            mut trace,
        } = opening;
        trace.set("stentor.search", searches.is_some());
        let limits = &settings.config.limits;
        let most = NodeLimits {
            subscriptions: limits.subscriptions_node,
            values: limits.values_node,
        };
        let client = &self.client;
        let request = Request {
            client,
            connection: self.info.id,
            sub: &sub,
            filters: Arc::clone(&filters),
            searches: searches.clone(),
            replaces,
            most,
        };
        let registration = match self
            .state
            .registry
            .register(request, || self.state.store.next_number())
        {
            Ok(registration) => registration,
            Err(full) => {
                let reason = format!("rate-limited: {full}");
                return self.refuse("REQ", &sub, &reason, &mut trace, io);
            }
        };
        let live = Arc::clone(registration.live());
        self.subscriptions.reserve_exact(1);
        self.subscriptions.push(Subscription {
            id: sub.clone(),
            registration,
        });
        if filters.iter().all(|filter| filter.limit == Some(0)) {
            return self.stored_events_end(&sub, &live, None, &mut trace, io);
        }
        let query = query(filters, live.from(), settings);
        let scan = match (searches, self.state.search.get()) {
            (Some(searches), Some(search)) => search.scan(query, searches),
            _ => self.state.store.scan(query),
        };
        self.work()
            .scans
            .begin(ScanTask::new(sub, Arc::<Live>::clone(&live), scan, trace));
    }

    /// Ends a subscription that was taken out already.
    fn drop_registration(&self, registration: Option<Registration>) {
        if let Some(registration) = registration {
            self.state.registry.remove(registration);
        }
    }
}

/// The query for the stored events of a subscription that gets the ones from `before` on live.
fn query(filters: Arc<[Filter]>, before: EventNumber, settings: &Settings) -> Query {
    let config = &settings.config;
    Query {
        filters,
        now: now(),
        before: Some(before),
        limits: config.queries.scan_limits(config.limits.limit),
    }
}
