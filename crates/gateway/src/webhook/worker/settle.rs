//! What follows from what was tried: rows, lines, envelopes, and how it is with the endpoint. Pure.

use serde_json::json;
use stentor_bus::{Draft, EventType, Family};
use uuid::Uuid;

use super::flight::{End, Flown, Origin};
use crate::webhook::attempt::Made;
use crate::webhook::endpoint::{Disabled, Endpoint};
use crate::webhook::ground::draft;
use crate::webhook::pace::Pace;
use crate::webhook::schedule::{self, Next, Outcome};
use crate::webhook::table::attempts::Attempt;
use crate::webhook::table::deliveries::{Delivery, State};

/// After so many milliseconds it is tried again to read what could not be read.
const UNREAD: u64 = 5_000;
/// From so many milliseconds on an attempt is slow.
const SLOW: u64 = 5_000;

/// What becomes of a delivery's row.
#[derive(Debug, Clone)]
pub(super) enum Row {
    /// It gets one.
    Insert(Delivery, State, Option<String>),
    /// It is tried again later, or given up.
    Update(Delivery, State),
    /// It has none any more.
    Delete(Uuid),
}

/// What is written in one transaction.
#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    pub rows: Vec<Row>,
    pub attempts: Vec<Attempt>,
    pub drafts: Vec<Draft>,
    /// Whether the endpoint is switched off.
    pub disable: Option<Disabled>,
    /// Places in the window that need nothing any more when it is written.
    pub slots: Vec<u64>,
    /// By how many more deliveries wait then.
    pub more_waiting: i64,
}

/// How it is with an endpoint.
#[derive(Debug)]
pub(super) struct Condition {
    /// Since when no attempt has succeeded.
    pub failing_since: Option<u64>,
    pub pace: Pace,
    /// Attempts at once, now: as many as the endpoint may have, fewer while it is slow. A slow one holds one turn of the node in the end, and
    /// many of them leave turns for the others.
    pub width: u32,
}

impl Batch {
    /// Adds what follows from a delivery that was under way. `chance` is any number; `id` the attempt's.
    pub fn add(
        &mut self,
        flown: Flown,
        endpoint: &Endpoint,
        condition: &mut Condition,
        (id, chance): (Uuid, u32),
        now: u64,
    ) {
        let Flown { job, end } = flown;
        let mut delivery = job.delivery;
        let next = match &end {
            End::Nothing => Next::Done,
            End::Unread => {
                delivery.due_ms = now + UNREAD;
                self.put(delivery, job.origin, State::Waiting);
                return;
            }
            End::Made(made) => {
                delivery.attempts += 1;
                condition.note(made, endpoint.concurrency, now);
                schedule::next(delivery.attempts as usize, made.outcome, chance)
            }
        };
        let due = match next {
            Next::After(wait) => {
                Some(now + u64::try_from(wait.as_millis()).unwrap_or(u64::MAX / 4))
            }
            Next::Done | Next::Dead => None,
        };
        if let End::Made(made) = &end {
            self.attempts.push(line(id, &delivery, made, due));
            self.judge(endpoint, condition, made, now);
        }
        match next {
            Next::Done => self.done(delivery.id, job.origin),
            Next::After(_) => {
                delivery.due_ms = due.unwrap_or(now);
                self.put(delivery, job.origin, State::Waiting);
            }
            Next::Dead => {
                delivery.due_ms = now;
                self.drafts.extend(dead(endpoint, &delivery, &end));
                self.put(delivery, job.origin, State::Dead);
            }
        }
    }

    /// It needs nothing any more.
    fn done(&mut self, id: Uuid, origin: Origin) {
        match origin {
            Origin::Fresh { slot, .. } => self.slots.push(slot),
            Origin::Row => {
                self.rows.push(Row::Delete(id));
                self.more_waiting -= 1;
            }
        }
    }

    fn put(&mut self, delivery: Delivery, origin: Origin, state: State) {
        let waits = i64::from(state == State::Waiting);
        match origin {
            Origin::Fresh { slot, body } => {
                self.slots.push(slot);
                self.more_waiting += waits;
                self.rows.push(Row::Insert(delivery, state, body));
            }
            Origin::Row => {
                self.more_waiting += waits - 1;
                self.rows.push(Row::Update(delivery, state));
            }
        }
    }

    /// Whether the endpoint is to be switched off now.
    fn judge(&mut self, endpoint: &Endpoint, condition: &Condition, made: &Made, now: u64) {
        let patience = u64::try_from(schedule::PATIENCE.as_millis()).unwrap_or(u64::MAX);
        let since = condition.failing_since;
        let has_only_failed = since.is_some_and(|since| now.saturating_sub(since) >= patience);
        let reason = match made.outcome {
            Outcome::Gone => Disabled::Gone,
            Outcome::Refused if made.url_refused => Disabled::Refused,
            _ if has_only_failed => Disabled::Failing,
            _ => return,
        };
        if self.disable.is_none() {
            self.disable(endpoint, reason);
        }
    }

    /// Switches the endpoint off, and tells of it.
    pub fn disable(&mut self, endpoint: &Endpoint, reason: Disabled) {
        self.disable = Some(reason);
        let reason = [("reason", reason.as_str().into())];
        self.drafts.push(draft(
            EventType::WebhookEndpointDisabled,
            endpoint,
            None,
            &reason,
        ));
    }
}

impl Condition {
    /// Takes note of what came of an attempt.
    fn note(&mut self, made: &Made, concurrency: u32, now: u64) {
        if made.latency_ms >= SLOW {
            self.width = (self.width / 2).max(1);
        } else if made.outcome == Outcome::Taken {
            self.width = (self.width + 1).min(concurrency);
        }
        if made.outcome == Outcome::Taken {
            self.failing_since = None;
            self.pace.recover();
            return;
        }
        self.failing_since.get_or_insert(made.at_ms);
        let (Outcome::Overloaded { retry_after } | Outcome::Failed { retry_after }) = made.outcome
        else {
            return;
        };
        if matches!(made.outcome, Outcome::Overloaded { .. }) {
            self.pace.throttle(now);
        }
        // These two speak of the receiver, not of the message alone.
        if let (Some(429 | 503), Some(wish)) = (made.status, retry_after) {
            let wish = wish.min(schedule::LONGEST_WISH).as_millis();
            self.pace.pause(now + u64::try_from(wish).unwrap_or(0));
        }
    }
}

/// The line in the list of attempts.
fn line(id: Uuid, delivery: &Delivery, made: &Made, next_ms: Option<u64>) -> Attempt {
    Attempt {
        id,
        delivery: delivery.id,
        envelope: delivery.envelope,
        event_type: delivery.event_type.name().to_owned(),
        number: delivery.attempts,
        at_ms: made.at_ms,
        outcome: made.outcome.as_str().to_owned(),
        status: made.status,
        latency_ms: made.latency_ms,
        error: made.error.map(str::to_owned),
        response: made.response.clone(),
        next_ms,
    }
}

/// What is told of a delivery that is given up; nothing, if it was to tell of webhooks itself, as failing endpoints would keep each other busy
/// with that.
fn dead(endpoint: &Endpoint, delivery: &Delivery, end: &End) -> Option<Draft> {
    let End::Made(made) = end else {
        return None;
    };
    if delivery.event_type.family() == Family::Webhooks {
        return None;
    }
    let more = [
        ("delivery", json!(delivery.id.to_string())),
        ("event", json!(delivery.envelope.to_string())),
        ("type", json!(delivery.event_type.name())),
        ("attempts", json!(delivery.attempts)),
        ("outcome", json!(made.outcome.as_str())),
    ];
    Some(draft(EventType::WebhookDeliveryDead, endpoint, None, &more))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stentor_bus::{Cursor, Log, Place};

    use super::super::flight::Job;
    use super::*;
    use crate::webhook::endpoint::{Choice, Grant};
    use crate::webhook::signature::Scheme;

    const NOW: u64 = 1_000_000_000;

    fn endpoint() -> Endpoint {
        let principal = stentor_auth::Principal::public(stentor_auth::Scopes::NONE);
        Endpoint {
            id: Uuid::from_u128(1),
            tenant: "a".into(),
            owner: "o".into(),
            grant: Grant::of(&principal),
            url: "https://example.com/".into(),
            description: String::new(),
            choice: Choice::default(),
            scheme: Scheme::Shared,
            secret: Vec::new(),
            former: None,
            disabled: None,
            rate: 100,
            concurrency: 8,
            place: Cursor {
                epoch: 1,
                nostr: Place::default(),
                records: Place::default(),
            },
            failing_since: None,
            created_ms: 0,
            updated_ms: 0,
            version: 1,
        }
    }

    fn job(event_type: EventType, attempts: u32, origin: Origin) -> Job {
        Job {
            delivery: Delivery {
                id: Uuid::from_u128(2),
                envelope: Uuid::from_u128(3),
                log: Log::Records,
                seq: 4,
                event_type,
                subject: None,
                owner: None,
                traceparent: None,
                time_ms: 5,
                attempts,
                due_ms: 0,
            },
            origin,
        }
    }

    fn made(status: u16, retry_after: Option<u64>) -> End {
        End::Made(Made {
            outcome: Outcome::of(status, retry_after.map(Duration::from_secs)),
            at_ms: NOW,
            latency_ms: 1,
            status: Some(status),
            error: None,
            response: Vec::new(),
            url_refused: false,
        })
    }

    fn condition() -> Condition {
        Condition {
            failing_since: None,
            pace: Pace::new(100),
            width: 8,
        }
    }

    fn fresh() -> Origin {
        Origin::Fresh {
            slot: 7,
            body: Some("{}".into()),
        }
    }

    fn settled(condition: &mut Condition, job: Job, end: End) -> Batch {
        let mut batch = Batch::default();
        let flown = Flown { job, end };
        batch.add(flown, &endpoint(), condition, (Uuid::from_u128(9), 20), NOW);
        batch
    }

    #[test]
    fn g4_3_what_is_taken_leaves_a_line_and_no_row() {
        let mut condition = condition();
        condition.failing_since = Some(1);
        let batch = settled(
            &mut condition,
            job(EventType::JobQueued, 0, fresh()),
            made(204, None),
        );
        assert_eq!((batch.rows.len(), batch.attempts.len()), (0, 1));
        assert_eq!(
            (batch.slots.as_slice(), condition.failing_since),
            ([7].as_slice(), None)
        );
        let batch = settled(
            &mut condition,
            job(EventType::JobQueued, 3, Origin::Row),
            made(200, None),
        );
        assert!(matches!(batch.rows.as_slice(), [Row::Delete(_)]));
        assert_eq!((batch.more_waiting, batch.attempts[0].number), (-1, 4));
    }

    #[test]
    fn g4_3_what_fails_gets_a_row_and_its_slot_is_free() {
        let mut condition = condition();
        let batch = settled(
            &mut condition,
            job(EventType::JobQueued, 0, fresh()),
            made(500, None),
        );
        let [Row::Insert(delivery, State::Waiting, Some(body))] = batch.rows.as_slice() else {
            panic!("{batch:?}");
        };
        assert_eq!(
            (delivery.attempts, delivery.due_ms, &**body),
            (1, NOW + 5_000, "{}")
        );
        assert_eq!(
            (batch.slots.as_slice(), batch.more_waiting),
            ([7].as_slice(), 1)
        );
        assert_eq!(batch.attempts[0].next_ms, Some(NOW + 5_000));
        assert_eq!(condition.failing_since, Some(NOW));
        assert!(batch.drafts.is_empty());
    }

    #[test]
    fn g4_3_the_last_failure_is_told_of_but_not_about_webhooks() {
        let last = job(EventType::JobQueued, 7, Origin::Row);
        let batch = settled(&mut condition(), last, made(500, None));
        assert!(matches!(
            batch.rows.as_slice(),
            [Row::Update(_, State::Dead)]
        ));
        assert_eq!(batch.drafts[0].event_type, EventType::WebhookDeliveryDead);
        let about = job(EventType::WebhookEndpointCreated, 7, Origin::Row);
        let batch = settled(&mut condition(), about, made(500, None));
        assert!(matches!(
            batch.rows.as_slice(),
            [Row::Update(_, State::Dead)]
        ));
        assert!(batch.drafts.is_empty());
    }

    #[test]
    fn g4_3_overload_throttles_and_a_wish_pauses_all() {
        for (status, pauses, throttles) in [
            (429, true, true),
            (503, true, false),
            (502, false, true),
            (504, false, true),
            (500, false, false),
        ] {
            let mut condition = condition();
            let job = job(EventType::JobQueued, 0, fresh());
            settled(&mut condition, job, made(status, Some(60)));
            let pause = condition.pace.next_at(NOW) - NOW;
            assert_eq!(pause, if pauses { 60_000 } else { 0 }, "{status}");
            let later = NOW + 60_000;
            for _ in 0..50 {
                condition.pace.begin(later);
            }
            assert_eq!(condition.pace.next_at(later) > later, throttles, "{status}");
        }
    }

    #[test]
    fn g4_4_who_is_slow_has_fewer_at_once() {
        let mut condition = condition();
        let mut took = |latency_ms| {
            let End::Made(made) = made(200, None) else {
                panic!("no attempt")
            };
            let end = End::Made(Made { latency_ms, ..made });
            settled(&mut condition, job(EventType::JobQueued, 0, fresh()), end);
            condition.width
        };
        assert_eq!([15_000, 15_000, 6_000, 15_000].map(&mut took), [4, 2, 1, 1]);
        assert_eq!([10, 4_999].map(&mut took), [2, 3]);
        assert_eq!([1; 9].map(&mut took)[8], 8, "and no more than it may have");
    }

    #[test]
    fn g1_2_what_is_gone_leaves_nothing() {
        let batch = settled(
            &mut condition(),
            job(EventType::NostrEventStored, 0, fresh()),
            End::Nothing,
        );
        assert!(batch.rows.is_empty() && batch.attempts.is_empty());
        let row = job(EventType::NostrEventStored, 2, Origin::Row);
        let batch = settled(&mut condition(), row, End::Nothing);
        assert!(matches!(batch.rows.as_slice(), [Row::Delete(_)]) && batch.attempts.is_empty());
    }

    #[test]
    fn g4_3_what_cannot_be_read_is_no_attempt() {
        let mut condition = condition();
        let batch = settled(
            &mut condition,
            job(EventType::NostrEventStored, 0, fresh()),
            End::Unread,
        );
        let [Row::Insert(delivery, State::Waiting, _)] = batch.rows.as_slice() else {
            panic!("{batch:?}");
        };
        assert_eq!((delivery.attempts, condition.failing_since), (0, None));
    }
}
