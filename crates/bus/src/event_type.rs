//! The catalogue of what is published (G1.3): one enum, from which the documents are made too.

use serde_json::{Value, json};

/// In which log an envelope stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Log {
    /// The change feed of the relay's store: references, to which the events are joined when they are read.
    Nostr,
    /// The outbox of the records.
    Records,
}

impl Log {
    /// The `source` of its envelopes.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Nostr => "/nostr",
            Self::Records => "/records",
        }
    }
}

/// Which right it takes to see a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Events of Nostr; which of them, the relay's rule of visibility says.
    Nostr,
    /// The state of this relay and of others.
    Relay,
    /// Long work.
    Jobs,
    /// Webhooks themselves.
    Webhooks,
    /// Other relays, as the observatory sees them.
    Monitor,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Nostr,
        Self::Relay,
        Self::Jobs,
        Self::Webhooks,
        Self::Monitor,
    ];

    /// Its word in scopes: `events:WORD:read`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nostr => "nostr",
            Self::Relay => "relay",
            Self::Jobs => "jobs",
            Self::Webhooks => "webhooks",
            Self::Monitor => "monitor",
        }
    }

    /// Whether its envelopes belong to somebody, so that rights to them reach as far as one's own or all of the tenant's.
    pub const fn is_owned(self) -> bool {
        match self {
            Self::Nostr | Self::Relay | Self::Monitor => false,
            Self::Jobs | Self::Webhooks => true,
        }
    }
}

macro_rules! catalogue {
    ($($(#[doc = $summary:literal])+ $variant:ident = $name:literal, $version:literal, $log:ident, $family:ident, $example:expr;)+) => {
        /// What can happen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventType {
            $($(#[doc = $summary])+ $variant,)+
        }

        impl EventType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The dotted name: CloudEvents' `type`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The version of the form of its data; it changes when readers have to.
            pub const fn version(self) -> u32 {
                match self { $(Self::$variant => $version),+ }
            }

            /// The log that it stands in.
            pub const fn log(self) -> Log {
                match self { $(Self::$variant => Log::$log),+ }
            }

            /// Which right it takes to see it.
            pub const fn family(self) -> Family {
                match self { $(Self::$variant => Family::$family),+ }
            }

            /// What it means, for the documents.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => concat!($($summary),+)),+ }
            }

            /// Data as they may be.
            pub fn example(self) -> Value {
                match self { $(Self::$variant => $example),+ }
            }
        }
    };
}

catalogue! {
    /// An event was stored. The data are the event, as NIP-01 writes it.
    NostrEventStored = "nostr.event.stored", 1, Nostr, Nostr, example_event(1);
    /// An event is gone: deleted, replaced, expired, vanished, or removed by the operator (`dropped`). It is shown nowhere any more.
    NostrEventDeleted = "nostr.event.deleted", 1, Nostr, Nostr, json!({ "id": EXAMPLE_ID, "kind": 1, "reason": "deleted" });
    /// An ephemeral event passed by. It is live only: in no log, so that nobody who was away gets it later.
    NostrEventEphemeral = "nostr.event.ephemeral", 1, Nostr, Nostr, example_event(20_001);
    /// A key has become a member: by an invite (`"by":"invite"`) or by an admin.
    RelayMemberAdded = "relay.member.added", 1, Records, Relay, json!({ "pubkey": EXAMPLE_KEY, "by": "invite", "role": "member" });
    /// A key is a member no more.
    RelayMemberRemoved = "relay.member.removed", 1, Records, Relay, json!({ "pubkey": EXAMPLE_KEY });
    /// A member has another role, or one less.
    RelayMemberChanged = "relay.member.changed", 1, Records, Relay, json!({ "pubkey": EXAMPLE_KEY, "role": "moderator", "assigned": true });
    /// A role was made, is another now, or is no more.
    RelayRoleChanged = "relay.role.changed", 1, Records, Relay, json!({ "role": "moderator", "change": "created" });
    /// A key, an event, a kind or an address is not wanted any more. Which address, only the detail says.
    RelayBanAdded = "relay.ban.added", 1, Records, Relay, json!({ "target": "pubkey", "value": EXAMPLE_KEY });
    /// A ban is no more.
    RelayBanLifted = "relay.ban.lifted", 1, Records, Relay, json!({ "target": "event", "value": EXAMPLE_ID });
    /// A key or a kind was put on the list of what is let in, or an event was judged to be good.
    RelayAllowAdded = "relay.allow.added", 1, Records, Relay, json!({ "target": "kind", "value": "1" });
    /// A key or a kind was taken off the list of what is let in.
    RelayAllowRemoved = "relay.allow.removed", 1, Records, Relay, json!({ "target": "pubkey", "value": EXAMPLE_KEY });
    /// What the relay says of itself is another: `name`, `description` or `icon`.
    RelayProfileChanged = "relay.profile.changed", 1, Records, Relay, json!({ "field": "name", "value": "A relay" });
    /// An event waits for a moderator, reported or hit by a rule.
    RelayModerationQueued = "relay.moderation.queued", 1, Records, Relay, json!({ "event": EXAMPLE_ID });
    /// A job waits for its turn.
    JobQueued = "job.queued", 1, Records, Jobs, example_job("queued", 0);
    /// A job has begun.
    JobStarted = "job.started", 1, Records, Jobs, example_job("running", 0);
    /// How far a job has got.
    JobProgress = "job.progress", 1, Records, Jobs, example_job("running", 42);
    /// A job was done.
    JobCompleted = "job.completed", 1, Records, Jobs, example_job("completed", 100);
    /// A job could not be done, or was cancelled.
    JobFailed = "job.failed", 1, Records, Jobs, json!({ "job": EXAMPLE_JOB, "kind": "sync", "status": "failed", "percent": 42, "reason": "unreachable" });
    /// A webhook was made.
    WebhookEndpointCreated = "webhook.endpoint.created", 1, Records, Webhooks, json!({ "endpoint": EXAMPLE_WEBHOOK });
    /// A webhook was changed, has a new secret, or was switched on again.
    WebhookEndpointUpdated = "webhook.endpoint.updated", 1, Records, Webhooks, json!({ "endpoint": EXAMPLE_WEBHOOK, "change": "settings" });
    /// A webhook was removed, with all that waited for it.
    WebhookEndpointDeleted = "webhook.endpoint.deleted", 1, Records, Webhooks, json!({ "endpoint": EXAMPLE_WEBHOOK });
    /// A webhook was switched off: `by_hand`, `gone` (it answered 410), `failing` (five days of failure alone), `refused` (its URL may not be dialed) or `credential` (whoever made it may not read any more).
    WebhookEndpointDisabled = "webhook.endpoint.disabled", 1, Records, Webhooks, json!({ "endpoint": EXAMPLE_WEBHOOK, "reason": "failing" });
    /// A webhook was away for longer than the log is kept: what came before the oldest entry was not delivered.
    WebhookEndpointResynced = "webhook.endpoint.resynced", 1, Records, Webhooks, json!({ "endpoint": EXAMPLE_WEBHOOK });
    /// A delivery was given up, and lies with the dead letters of its webhook. Not told of deliveries that tell of webhooks themselves.
    WebhookDeliveryDead = "webhook.delivery.dead", 1, Records, Webhooks, json!({ "endpoint": EXAMPLE_WEBHOOK, "delivery": EXAMPLE_JOB, "event": EXAMPLE_JOB, "type": "job.completed", "attempts": 8, "outcome": "failed" });
    /// A relay that is watched is down: several checks in a row have found it so. `reason` is why, as the last of them saw it; `since` is when it was first found so.
    RelayMonitorDown = "relay.monitor.down", 1, Records, Monitor, json!({ "relay": EXAMPLE_RELAY, "reason": "tcp", "since": "2026-11-21T20:34:30.123Z", "checks": 2 });
    /// A relay that was down answers again; `since` is from when on it was down.
    RelayMonitorRecovered = "relay.monitor.recovered", 1, Records, Monitor, json!({ "relay": EXAMPLE_RELAY, "since": "2026-11-21T20:34:30.123Z" });
    /// The certificate of a relay that is watched expires soon, or has expired. Said once of each certificate.
    RelayMonitorCertificate = "relay.monitor.certificate", 1, Records, Monitor, json!({ "relay": EXAMPLE_RELAY, "until": "2026-12-05T00:00:00.000Z" });
}

const EXAMPLE_ID: &str = "5c83da77af1dec6d7289834998ad7aafbd9e2191396d75ec3cc27f5a77226f36";
const EXAMPLE_KEY: &str = "f7234bd4c1394dda46d09f35bd384dd30cc552ad5541990f98844fb06676e9ca";
const EXAMPLE_RELAY: &str = "wss://relay.example.com/";
const EXAMPLE_WEBHOOK: &str = "0193a3c1-9b10-7c41-8a52-6f0de1c2b3a4";
const EXAMPLE_JOB: &str = "0193a3c1-7a55-7d8e-b1f5-0a4f7ce1d0a2";

fn example_event(kind: u16) -> Value {
    json!({
        "id": EXAMPLE_ID,
        "pubkey": EXAMPLE_KEY,
        "created_at": 1_700_000_000,
        "kind": kind,
        "tags": [],
        "content": "hello",
        "sig": "00".repeat(64),
    })
}

fn example_job(status: &str, percent: u8) -> Value {
    json!({ "job": EXAMPLE_JOB, "kind": "import", "status": status, "percent": percent })
}

impl EventType {
    /// The type of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }

    /// Whether only the last of several that wait for a reader counts, if the reader says so.
    pub const fn coalesces(self) -> bool {
        matches!(self, Self::JobProgress)
    }

    /// Whether the name begins with these parts: `nostr.event` is the beginning of `nostr.event.stored`, `nostr.ev` of nothing.
    pub fn begins_with(self, parts: &str) -> bool {
        let parts = parts.trim_end_matches('.');
        self.name()
            .strip_prefix(parts)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn g1_3_names_are_dotted_and_tell_types_apart() {
        let names: HashSet<&str> = EventType::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
        for one in EventType::ALL {
            let fits = |c: char| c.is_ascii_lowercase() || c == '.';
            assert!(one.name().chars().all(fits) && one.name().contains('.'));
            assert_eq!(EventType::parse(one.name()), Some(*one));
            assert!(one.version() > 0 && !one.summary().is_empty() && one.example().is_object());
        }
        assert_eq!(EventType::parse("nostr.event"), None);
    }

    #[test]
    fn g3_1_types_are_chosen_by_whole_parts_of_their_names() {
        let stored = EventType::NostrEventStored;
        for beginning in ["nostr", "nostr.", "nostr.event", "nostr.event.stored"] {
            assert!(stored.begins_with(beginning), "{beginning}");
        }
        for other in ["nostr.ev", "job", "nostr.event.stored.x", "ostr"] {
            assert!(!stored.begins_with(other), "{other}");
        }
    }
}
