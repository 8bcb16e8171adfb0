//! How long events of Marmot are kept (R7): messages to groups that do not say themselves when they expire, and gift wraps
//! to servers that pass notifications on.
//!
//! Their `created_at` says little (gift wraps are dated back on purpose, NIP-59), so time counts from their arrival: a
//! reader of the change feed stays as far behind as they are kept, and removes what it comes upon.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use stentor_event::{Event, EventId, Kind, PublicKey, Viewer};
use stentor_store::{ChangeKind, Seq, StoreError};

use crate::config::{Marmot, parse_keys};
use crate::state::{State, now};

/// Messages to groups.
const GROUP_MESSAGE: Kind = Kind(445);
/// Entries of the feed read at once.
const BATCH: usize = 512;
/// Time between two passes.
const PAUSE: Duration = Duration::from_secs(60);

/// What is kept for a time only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matter {
    Messages,
    Notifications,
}

impl Matter {
    /// Its reader's name in the feed, and in metrics.
    const fn reader(self) -> &'static str {
        match self {
            Self::Messages => "marmot-messages",
            Self::Notifications => "marmot-notifications",
        }
    }

    /// How long it is kept, in milliseconds; none: for ever.
    fn lifetime(self, config: &Marmot) -> Option<u64> {
        let milliseconds = match self {
            Self::Messages => config.message_days.saturating_mul(24 * 3_600_000),
            Self::Notifications if config.notification_servers.is_empty() => 0,
            Self::Notifications => config.notification_hours.saturating_mul(3_600_000),
        };
        Some(milliseconds).filter(|time| config.enabled && *time > 0)
    }

    /// Whether the event is of this matter.
    fn concerns(self, event: &Event, servers: &HashSet<PublicKey>) -> bool {
        let view = event.view();
        match self {
            Self::Messages => event.kind() == GROUP_MESSAGE && view.expiration().is_none(),
            Self::Notifications => {
                event.kind().is_gift_wrap() && view.tagged_keys().any(|key| servers.contains(&key))
            }
        }
    }
}

/// Removes what has been kept for long enough, until it is dropped.
pub(crate) async fn expire(state: Arc<State>) {
    loop {
        for matter in [Matter::Messages, Matter::Notifications] {
            if let Err(error) = pass(&state, matter).await {
                tracing::warn!(%error, reader = matter.reader(), "removing what has been kept for long enough");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Goes on in the feed as far as it is old enough.
async fn pass(state: &State, matter: Matter) -> Result<(), StoreError> {
    let config = state.settings().config.marmot.clone();
    let Some(lifetime) = matter.lifetime(&config) else {
        return Ok(());
    };
    let servers = parse_keys("marmot.notification_servers", &config.notification_servers);
    let servers = servers.unwrap_or_default();
    let until = (now().0 * 1_000).saturating_sub(lifetime);
    let begin = state.store.cursor(matter.reader()).unwrap_or_default();
    let (viewer, mut position) = (Viewer::operator(), begin);
    loop {
        let changes = state.store.changes(position, BATCH, &viewer, now()).await?;
        let old = changes
            .iter()
            .take_while(|change| change.committed_ms <= until);
        let (mut read, mut gone): (Option<Seq>, Vec<EventId>) = (None, Vec::new());
        for change in old {
            read = Some(change.seq);
            let event = change
                .event
                .as_ref()
                .filter(|_| change.kind == ChangeKind::Added);
            gone.extend(
                event
                    .filter(|event| matter.concerns(event, &servers))
                    .map(Event::id),
            );
        }
        let Some(read) = read else {
            break;
        };
        if !gone.is_empty() {
            let removed = state.store.remove(&gone).await?;
            counter!("stentor_relay_marmot_removed_total", "matter" => matter.reader())
                .increment(removed);
        }
        position = read;
    }
    if position != begin {
        state.store.set_cursor(matter.reader(), position).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, SecretKey, Timestamp};

    use super::*;

    #[test]
    fn r7_what_is_kept_for_a_time_only() {
        let key = SecretKey::from_bytes([1; 32]).unwrap();
        let event = |kind: u16| EventBuilder::new(Kind(kind), Timestamp(1));
        let servers = HashSet::from([PublicKey([7; 32])]);
        let server = PublicKey([7; 32]).to_string();
        let plain = event(445).sign(&key);
        let dated = event(445).tag(["expiration", "9"]).sign(&key);
        let wrap = event(1_059).tag(["p", &server]).sign(&key);
        let other = event(1_059).tag(["p", &"11".repeat(32)]).sign(&key);
        let concerns = |matter: Matter, event: &Event| matter.concerns(event, &servers);
        assert!(concerns(Matter::Messages, &plain));
        assert!(
            !concerns(Matter::Messages, &dated),
            "it says itself when it ends"
        );
        assert!(!concerns(Matter::Messages, &wrap));
        assert!(concerns(Matter::Notifications, &wrap));
        assert!(!concerns(Matter::Notifications, &other));
        assert!(!concerns(Matter::Notifications, &plain));
    }

    #[test]
    fn r7_nothing_goes_where_nothing_is_set() {
        let config = Marmot::default();
        assert!(Matter::Messages.lifetime(&config).is_some());
        assert_eq!(Matter::Notifications.lifetime(&config), None, "no servers");
        let off = Marmot {
            enabled: false,
            ..config.clone()
        };
        assert_eq!(Matter::Messages.lifetime(&off), None);
        let for_ever = Marmot {
            message_days: 0,
            ..config
        };
        assert_eq!(Matter::Messages.lifetime(&for_ever), None);
    }
}
