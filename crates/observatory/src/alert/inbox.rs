//! Where somebody wants private messages (NIP-17): his newest list of relays (kind 10050), in the store of our relay or in the archive.

use std::sync::Arc;

use stentor_event::{Event, Filter, Kind, PublicKey, Timestamp, Viewer};
use stentor_store::{Budget, EventStore, Query, ScanLimits, StoreError};

use crate::ground::Ground;
use crate::relay_url::RelayUrl;

/// Relays on which somebody wants private messages.
const INBOX: Kind = Kind(10_050);
/// Relays of one recipient that a message is sent to. Lists should be of one to three.
const RELAYS: usize = 5;
/// What a look for a list may cost.
const BUDGET: Budget = Budget {
    events: 1,
    bytes: 1 << 20,
    rows: 1_000,
};

/// The relays that a message for somebody goes to: those of his list; without one, those of the configuration.
pub(super) async fn relays(
    ground: &Ground,
    recipient: PublicKey,
) -> Result<Vec<RelayUrl>, StoreError> {
    let now = ground.clock.now();
    let own = newest(&ground.own, recipient, now).await?;
    let archived = newest(&ground.archive, recipient, now).await?;
    let list = own
        .into_iter()
        .chain(archived)
        .max_by_key(Event::created_at);
    let named = list.map(|list| named(&list)).unwrap_or_default();
    Ok(if named.is_empty() {
        distinct(ground.config.alert.message_relays.iter())
    } else {
        named
    })
}

/// Whether the operator has named this relay, so that it may know who we are.
pub(super) fn is_ours(ground: &Ground, relay: &RelayUrl) -> bool {
    let named = ground.config.alert.message_relays.iter();
    let mut named = named.filter_map(|url| RelayUrl::parse(url).ok());
    named.any(|url| url == *relay)
}

fn named(list: &Event) -> Vec<RelayUrl> {
    let tags = list.view().tags().filter(|tag| tag.name().is(b"relay"));
    distinct(tags.filter_map(|tag| tag.value().map(|url| url.to_text().into_owned())))
}

/// What is a relay's URL, each once, as many as are used.
fn distinct(urls: impl Iterator<Item = impl AsRef<str>>) -> Vec<RelayUrl> {
    let mut found: Vec<RelayUrl> = Vec::new();
    for url in urls.filter_map(|url| RelayUrl::parse(url.as_ref()).ok()) {
        if found.len() == RELAYS {
            break;
        }
        if !found.contains(&url) {
            found.push(url);
        }
    }
    found
}

async fn newest(
    store: &Arc<dyn EventStore>,
    author: PublicKey,
    now: Timestamp,
) -> Result<Option<Event>, StoreError> {
    let filter = Filter {
        authors: Some(vec![author]),
        kinds: Some(vec![INBOX]),
        limit: Some(1),
        ..Filter::default()
    };
    let mut scan = store.scan(Query {
        filters: Arc::from([filter]),
        now,
        before: None,
        limits: ScanLimits {
            cap: 1,
            rows: 100_000,
        },
    });
    let viewer = Viewer::operator();
    loop {
        let batch = scan.next(&viewer, BUDGET).await?;
        if let Some(stored) = batch.events.into_iter().next() {
            return Ok(Event::from_canonical(stored.json).ok());
        }
        if batch.end.is_some() {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use stentor_event::EventBuilder;

    use super::*;
    use crate::testing::key;

    #[test]
    fn o4_5_a_list_is_read_within_bounds() {
        let mut list = EventBuilder::new(INBOX, Timestamp(1))
            .tag(["relay"])
            .tag(["relay", "https://not.a.relay"])
            .tag(["r", "wss://other.tag"])
            .tag(["relay", "wss://a.example"])
            .tag(["relay", "wss://A.example/"]);
        for number in 0..10 {
            list = list.tag(["relay".to_owned(), format!("wss://{number}.example")]);
        }
        let named = named(&list.sign(&key(1)));
        assert_eq!(named.len(), RELAYS);
        assert_eq!(named[0].as_str(), "wss://a.example/");
        assert_eq!(named[1].as_str(), "wss://0.example/");
    }
}
