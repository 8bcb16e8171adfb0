//! Which events may be written, as far as the event and its sender tell (R1.3, R1.12). What depends on other events is
//! decided by the store.

use std::borrow::Cow;

use stentor_auth::{Keys, Place};
use stentor_event::{Event, Kind, Timestamp, embeds_protected, vanish};

use crate::config::Policy;
use crate::metrics::EventOutcome;

/// What is known when an event comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writing<'a> {
    pub(crate) policy: &'a Policy,
    /// The keys of the connection.
    pub(crate) keys: &'a Keys,
    /// Where the connection has arrived.
    pub(crate) place: Place<'a>,
    pub(crate) now: Timestamp,
}

/// Why an event is not taken: a text with its NIP-01 prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) reason: Cow<'static, str>,
    pub(crate) outcome: EventOutcome,
}

impl Rejection {
    pub(crate) fn new(outcome: EventOutcome, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: reason.into(),
            outcome,
        }
    }
}

/// Judges an event whose id is right.
pub(crate) fn judge(event: &Event, writing: &Writing<'_>) -> Result<(), Rejection> {
    if event.kind() == Kind::AUTH {
        let reason = "invalid: events of kind 22242 are for AUTH messages only";
        return Err(Rejection::new(EventOutcome::Invalid, reason));
    }
    if event.kind() == Kind::VANISH && judge_vanish(event, &writing.place)? {
        return Ok(());
    }
    judge_protection(event, writing.keys)?;
    judge_time(event.created_at(), writing.policy, writing.now)
}

/// Whether a request to vanish (NIP-62) concerns this relay: it then passes every rule.
fn judge_vanish(event: &Event, place: &Place<'_>) -> Result<bool, Rejection> {
    let view = event.view();
    if vanish::relays(&view).next().is_none() {
        let reason = "invalid: a request to vanish names at least one relay";
        return Err(Rejection::new(EventOutcome::Invalid, reason));
    }
    Ok(vanish::relays(&view).any(|relay| relay == vanish::ALL_RELAYS || place.is_named_by(&relay)))
}

/// NIP-70: a protected event comes from its author, and no repost carries one.
fn judge_protection(event: &Event, keys: &Keys) -> Result<(), Rejection> {
    if event.is_protected() && !keys.contains(&event.pubkey()) {
        let prefix = if keys.is_empty() {
            "auth-required"
        } else {
            "restricted"
        };
        let reason = format!("{prefix}: this event may only be published by its author");
        return Err(Rejection::new(EventOutcome::Refused, reason));
    }
    if embeds_protected(&event.view()) {
        return Err(Rejection::new(
            EventOutcome::Refused,
            "blocked: a repost must not embed a protected event",
        ));
    }
    Ok(())
}

/// The window that `created_at` must lie in.
fn judge_time(created_at: Timestamp, policy: &Policy, now: Timestamp) -> Result<(), Rejection> {
    let (ahead, behind) = (policy.created_at_ahead, policy.created_at_behind);
    if ahead > 0 && created_at.0 > now.0.saturating_add(ahead) {
        let reason =
            format!("invalid: created_at is more than {ahead} seconds ahead of the relay's clock");
        return Err(Rejection::new(EventOutcome::Invalid, reason));
    }
    if behind > 0 && created_at.0 < now.0.saturating_sub(behind) {
        let reason =
            format!("invalid: created_at is more than {behind} seconds behind the relay's clock");
        return Err(Rejection::new(EventOutcome::Invalid, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, SecretKey};

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn key() -> SecretKey {
        SecretKey::from_bytes([5; 32]).unwrap()
    }

    /// The reason against an event, empty when there is none.
    fn reason(builder: EventBuilder, keys: &Keys, policy: &Policy) -> String {
        let place = Place {
            public_urls: &["wss://here.example.com".to_owned()],
            local: None,
        };
        let writing = Writing {
            policy,
            keys,
            place,
            now: Timestamp(NOW),
        };
        judge(&builder.sign(&key()), &writing)
            .err()
            .map(|rejection| rejection.reason.into_owned())
            .unwrap_or_default()
    }

    fn with_key(key: &SecretKey) -> Keys {
        let mut keys = Keys::default();
        keys.add(key.public_key(), 0).unwrap();
        keys
    }

    fn kind(kind: u16) -> EventBuilder {
        EventBuilder::new(Kind(kind), Timestamp(NOW))
    }

    #[test]
    fn r1_12_protected_events_come_from_their_author() {
        let policy = Policy::default();
        let protected = || kind(1).tag(["-"]);
        assert!(reason(protected(), &Keys::default(), &policy).starts_with("auth-required: "));
        let other = SecretKey::from_bytes([6; 32]).unwrap();
        assert!(reason(protected(), &with_key(&other), &policy).starts_with("restricted: "));
        assert_eq!(reason(protected(), &with_key(&key()), &policy), "");
    }

    #[test]
    fn r1_12_reposts_must_not_embed_protected_events() {
        let policy = Policy::default();
        let inner = kind(1).tag(["-"]).sign(&key());
        let text = String::from_utf8(inner.json().to_vec()).unwrap();
        for repost in [6, 16] {
            assert!(
                reason(
                    kind(repost).content(text.clone()),
                    &with_key(&key()),
                    &policy
                )
                .starts_with("blocked: ")
            );
        }
        let open = String::from_utf8(kind(1).sign(&key()).json().to_vec()).unwrap();
        assert_eq!(reason(kind(6).content(open), &Keys::default(), &policy), "");
        assert_eq!(reason(kind(6), &Keys::default(), &policy), "");
    }

    #[test]
    fn r4_5_created_at_window() {
        let policy = Policy {
            created_at_ahead: 900,
            created_at_behind: 3_600,
        };
        let at = |time| {
            reason(
                EventBuilder::new(Kind(1), Timestamp(time)),
                &Keys::default(),
                &policy,
            )
        };
        assert_eq!(at(NOW + 900), "");
        assert!(at(NOW + 901).starts_with("invalid: "));
        assert_eq!(at(NOW - 3_600), "");
        assert!(at(NOW - 3_601).starts_with("invalid: "));
        let off = Policy {
            created_at_ahead: 0,
            created_at_behind: 0,
        };
        assert_eq!(
            reason(
                EventBuilder::new(Kind(1), Timestamp(u64::MAX)),
                &Keys::default(),
                &off
            ),
            ""
        );
    }

    #[test]
    fn r1_13_a_request_to_vanish_passes_every_rule_if_it_concerns_this_relay() {
        let policy = Policy {
            created_at_ahead: 1,
            created_at_behind: 1,
        };
        let request = |relay: &str| {
            EventBuilder::new(Kind::VANISH, Timestamp(5))
                .tag(["-"])
                .tag(["relay", relay])
        };
        assert_eq!(reason(request("ALL_RELAYS"), &Keys::default(), &policy), "");
        assert_eq!(
            reason(
                request("wss://Here.example.com/"),
                &Keys::default(),
                &policy
            ),
            ""
        );
        assert_ne!(
            reason(
                request("wss://elsewhere.example.com"),
                &Keys::default(),
                &policy
            ),
            ""
        );
        assert!(reason(kind(62), &Keys::default(), &policy).starts_with("invalid: "));
    }

    #[test]
    fn r1_11_kind_22242_is_not_published() {
        assert!(
            reason(kind(22_242), &with_key(&key()), &Policy::default()).starts_with("invalid: ")
        );
    }
}
