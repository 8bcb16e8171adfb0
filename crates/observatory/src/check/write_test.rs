//! Whether a relay takes events (O2.2), found out honestly.
//!
//! What is written is either an ephemeral event of kind 20166 (the ephemeral neighbour of the monitors' 30166), which relays pass on
//! and do not keep, so that nothing but their answer counts; or a note that expires within the hour (NIP-40), which is asked for again,
//! as a relay that says yes and keeps nothing is no relay that can be written to. Both are signed by the monitor's key. A refusal by
//! policy is the relay's right and recorded as what it is.

use std::time::{Duration, Instant};

use stentor_event::{Event, EventBuilder, Filter, Kind, SecretKey, Timestamp};
use stentor_peer::{Incoming, OkAnswer, Peer, PeerError};
use tokio::time::timeout;

use super::policy::Policy;
use crate::config::WriteTest;

/// The kind of the ephemeral event.
const EPHEMERAL: Kind = Kind(20_166);
/// How long the note is to be kept.
const KEPT_SECONDS: u64 = 3_600;

/// What became of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// The relay took the note, and gave it back.
    Accepted,
    /// The relay took the ephemeral event, which says nothing of what it would keep.
    Taken,
    /// The relay said that it took it, but does not have it.
    Lost,
    /// The relay said that it took it, and does not say whether it has it.
    Unverified,
    /// No answer.
    Unanswered,
    /// The relay does not take it, for no reason that is a policy.
    Failed,
    /// The relay does not take it by this policy.
    Refused(Policy),
}

impl Written {
    /// Its word in the records and answers; a policy's is its own.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Taken => "taken",
            Self::Lost => "lost",
            Self::Unverified => "unverified",
            Self::Unanswered => "unanswered",
            Self::Failed => "failed",
            Self::Refused(policy) => policy.word(),
        }
    }

    /// What an answer means.
    fn of(answer: &OkAnswer) -> Self {
        // `mute` (NIP-01): it would have passed the ephemeral event on, but nobody was listening.
        if answer.accepted || matches!(answer.prefix(), Some("duplicate" | "mute")) {
            return Self::Accepted;
        }
        Policy::of(&answer.reason).map_or(Self::Failed, Self::Refused)
    }
}

/// Writes to a relay; what became of it, and how long the answer took. `None` where nothing is to be written.
pub(super) async fn write(
    peer: &Peer,
    test: WriteTest,
    key: &SecretKey,
    now: Timestamp,
    limit: Duration,
) -> Option<(Written, Option<u64>)> {
    let event = event(test, peer.url(), key, now)?;
    let start = Instant::now();
    let answer = match timeout(limit, peer.publish(&event)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(PeerError::Timeout)) | Err(_) => return Some((Written::Unanswered, None)),
        Ok(Err(_)) => return Some((Written::Failed, None)),
    };
    let took = super::attempt::millis(start.elapsed());
    let written = match (Written::of(&answer), test) {
        (Written::Accepted, WriteTest::Note) => match timeout(limit, has(peer, &event)).await {
            Ok(Some(true)) => Written::Accepted,
            Ok(Some(false)) => Written::Lost,
            Ok(None) | Err(_) => Written::Unverified,
        },
        (Written::Accepted, _) => Written::Taken,
        (other, _) => other,
    };
    Some((written, Some(took)))
}

fn event(test: WriteTest, url: &str, key: &SecretKey, now: Timestamp) -> Option<Event> {
    let builder = match test {
        WriteTest::Off => return None,
        WriteTest::Ephemeral => EventBuilder::new(EPHEMERAL, now),
        WriteTest::Note => {
            let until = now.0.saturating_add(KEPT_SECONDS).to_string();
            EventBuilder::new(Kind::NOTE, now)
                .tag(["expiration", &until])
                .content("A test of whether this relay takes notes. It expires within the hour.")
        }
    };
    // The URL makes it another event for every relay: none can have it from another.
    Some(builder.tag(["relay", url]).sign(key))
}

/// Whether the relay gives an event back; `None` when it does not say.
async fn has(peer: &Peer, event: &Event) -> Option<bool> {
    let filter = Filter::parse(format!(r#"{{"ids":["{}"]}}"#, event.id()).as_bytes()).ok()?;
    let mut subscription = peer.req(vec![filter]).await.ok()?;
    match subscription.next().await? {
        Incoming::Event(_) => Some(true),
        Incoming::Eose(_) => Some(false),
        Incoming::Over(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o2_2_what_is_written_does_not_stay() {
        let key = crate::testing::key(3);
        let made = |test| event(test, "wss://a.b/", &key, Timestamp(1_000));
        assert_eq!(made(WriteTest::Off), None);
        let ephemeral = made(WriteTest::Ephemeral).unwrap();
        assert!(ephemeral.kind().is_ephemeral());
        let note = made(WriteTest::Note).unwrap();
        let json = String::from_utf8(note.json().to_vec()).unwrap();
        assert!(json.contains(r#"["expiration","4600"]"#), "{json}");
    }

    #[test]
    fn o2_2_a_policy_is_no_failure() {
        let of = |accepted, reason: &str| {
            Written::of(&OkAnswer {
                accepted,
                reason: reason.to_owned(),
            })
        };
        assert_eq!(of(true, ""), Written::Accepted);
        assert_eq!(of(false, "duplicate: had it"), Written::Accepted);
        assert_eq!(of(false, "mute: nobody listens"), Written::Accepted);
        assert_eq!(of(false, "blocked: no"), Written::Refused(Policy::Blocked));
        assert_eq!(of(false, "error: full"), Written::Failed);
        assert_eq!(Written::Refused(Policy::Pow).word(), "pow");
    }
}
