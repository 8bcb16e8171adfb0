//! One WebSocket: several subscriptions of one principal, each a stream of its own (G3.2).

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use stentor_auth::{AuditKind, EndReason};
use stentor_bus::From;
use stentor_serve::{CloseCode, CloseFrame, Flow, Session, SessionIo};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::frame::{self, Fault, Marked, Request};
use crate::asked::Query;
use crate::failure::Failure;
use crate::state::Shared;
use crate::stream::follow::{Client, End, Follow, Item, LOOK_EVERY};
use crate::stream::measure::Measured;
use crate::stream::places::Place;

/// A subscription.
struct Subscription {
    id: String,
    /// What comes next; the stream comes back with it.
    next: BoxFuture<'static, (Follow, Option<Item>)>,
}

/// The session of a WebSocket.
pub(super) struct Conversation {
    shared: Arc<Shared>,
    client: Arc<Client>,
    /// When it is looked whether the client may go on, as long as no subscription does.
    looks: Interval,
    /// Where a ticket's stream goes on: the place of the first subscription that does not say.
    last: Option<String>,
    subscriptions: Vec<Subscription>,
    measured: Measured,
    _place: Place,
}

impl Conversation {
    pub fn new(
        shared: Arc<Shared>,
        client: Client,
        last: Option<String>,
        (place, measured): (Place, Measured),
    ) -> Self {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            shared,
            client: Arc::new(client),
            looks,
            last,
            subscriptions: Vec::new(),
            measured,
            _place: place,
        }
    }

    fn answer(&mut self, marked: &Marked) -> Result<String, Fault> {
        let mark = marked.reference.as_deref();
        match &marked.request {
            Request::Ping => Ok(frame::told("pong", mark, json!({}))),
            Request::Unsubscribe { id } => {
                let before = self.subscriptions.len();
                self.subscriptions.retain(|one| one.id != *id);
                if self.subscriptions.len() == before {
                    return Err(Fault::new(
                        mark,
                        "not_found",
                        "there is no such subscription",
                    ));
                }
                Ok(frame::told("unsubscribed", mark, json!({ "id": id })))
            }
            Request::Subscribe { id, query } => {
                self.subscribe(id, query, mark)?;
                Ok(frame::told("subscribed", mark, json!({ "id": id })))
            }
        }
    }

    fn subscribe(&mut self, id: &str, query: &Query, mark: Option<&str>) -> Result<(), Fault> {
        let streams = &self.shared.parts.config.streams;
        let most = streams.subscriptions;
        if self.subscriptions.iter().any(|one| one.id == id) {
            return Err(Fault::new(
                mark,
                "exists",
                "there is a subscription of this id",
            ));
        }
        if most != 0 && self.subscriptions.len() >= most {
            let detail = format!("at most {most} subscriptions on one connection");
            return Err(Fault::new(mark, "too_many", detail));
        }
        let malformed = |error| Fault::new(mark, "malformed", error);
        let interest = query.interest(streams).map_err(malformed)?;
        let permitted = self.shared.permit(&self.client.principal, &interest);
        if let Err(Failure::Scope(scope)) = permitted {
            let detail = format!("the scope {scope} is needed");
            return Err(Fault::new(mark, "forbidden", detail));
        }
        let last = self.last.take().filter(|_| query.since.is_none());
        let given = query.since.as_deref().or(last.as_deref());
        let cursor = given.map(|text| self.unsealed(text)).transpose();
        let cursor = cursor.map_err(|()| {
            Fault::new(
                mark,
                "malformed",
                "the cursor is not one of this ticket's streams",
            )
        })?;
        let from = query.from(cursor, From::Now).map_err(malformed)?;
        let audience = self.shared.audience(&self.client.principal);
        let reader = self.shared.parts.bus.read(from, audience, interest);
        let what = query.what();
        self.client.note(&self.shared, AuditKind::Subscribed, &what);
        let (shared, client) = (Arc::clone(&self.shared), Arc::clone(&self.client));
        let follow = Follow::new(shared, reader, client, None);
        self.subscriptions.push(Subscription {
            id: id.to_owned(),
            next: next(follow),
        });
        Ok(())
    }

    /// The cursor in what the client was given.
    fn unsealed<'a>(&self, text: &'a str) -> Result<&'a str, ()> {
        match &self.client.lease {
            None => Ok(text),
            Some(_) if matches!(text, "now" | "oldest") => Ok(text),
            // What was redeemed is a cursor already.
            Some(lease) => match lease.seal().open(text) {
                Some(cursor) => Ok(cursor),
                None if !text.contains('~') => Ok(text),
                None => Err(()),
            },
        }
    }

    /// The credential has ended.
    fn end(&mut self, reason: EndReason, io: &mut SessionIo<'_>) -> Flow {
        self.measured.ends(End::Auth(reason));
        let reason = reason.as_str();
        io.write_text(frame::told("end", None, json!({ "reason": reason })).as_bytes());
        close(reason)
    }

    /// Writes what a subscription is given; how the connection goes on.
    fn write(&mut self, id: &str, follow: &Follow, item: &Item, io: &mut SessionIo<'_>) -> Flow {
        let mut tell = |op: &str, fields| io.write_text(frame::told(op, None, fields).as_bytes());
        match item {
            Item::Envelopes(envelopes) => {
                let mut bytes = 0;
                for delivery in envelopes {
                    let cursor = follow.text(&delivery.cursor);
                    let text = frame::event(id, &cursor, delivery.json());
                    bytes += text.len();
                    io.write_text(text.as_bytes());
                }
                self.measured.delivered(envelopes, bytes, follow.waiting());
            }
            Item::Position(cursor) => {
                tell(
                    "position",
                    json!({ "id": id, "cursor": follow.text(cursor) }),
                );
            }
            Item::Resync(cursor) => {
                self.measured.resynced();
                let oldest = follow.text(cursor);
                tell("resync_required", json!({ "id": id, "oldest": oldest }));
            }
            Item::End(end @ End::Lagged(missed)) => {
                self.measured.ends(*end);
                tell("lagged", json!({ "id": id, "missed": missed }));
                return close("too slow");
            }
            Item::End(End::Auth(reason)) => return self.end(*reason, io),
        }
        Flow::Continue
    }
}

fn close(reason: &'static str) -> Flow {
    Flow::Close(CloseFrame::new(CloseCode::POLICY, reason))
}

fn next(mut follow: Follow) -> BoxFuture<'static, (Follow, Option<Item>)> {
    async move {
        let item = follow.next().await;
        (follow, item)
    }
    .boxed()
}

impl Session for Conversation {
    fn on_text(&mut self, text: &str, io: &mut SessionIo<'_>) -> Flow {
        let answer = frame::parse(text).and_then(|marked| self.answer(&marked));
        let text = answer.unwrap_or_else(|fault| {
            let fields = json!({ "code": fault.code, "detail": fault.detail });
            frame::told("error", fault.reference.as_deref(), fields)
        });
        io.write_text(text.as_bytes());
        Flow::Continue
    }

    fn poll_work(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) -> Flow {
        while self.looks.poll_tick(cx).is_ready() {
            if self.subscriptions.is_empty()
                && let Err(reason) = self.client.still_good(&self.shared)
            {
                return self.end(reason, io);
            }
        }
        // In turns, so that a busy subscription does not keep the others waiting.
        let mut waiting = 0;
        while waiting < self.subscriptions.len() && io.has_room() {
            let mut subscription = self.subscriptions.remove(0);
            match subscription.next.poll_unpin(cx) {
                Poll::Pending => {
                    waiting += 1;
                    self.subscriptions.push(subscription);
                }
                Poll::Ready((_, None)) => {}
                Poll::Ready((follow, Some(item))) => {
                    waiting = 0;
                    let flow = self.write(&subscription.id, &follow, &item, io);
                    if flow != Flow::Continue {
                        return flow;
                    }
                    subscription.next = next(follow);
                    self.subscriptions.push(subscription);
                }
            }
        }
        Flow::Continue
    }
}
