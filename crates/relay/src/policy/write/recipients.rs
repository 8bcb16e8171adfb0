//! Rule `recipients`: to whom gift wraps (NIP-59) may be addressed (R2.2).

use std::sync::Arc;

use stentor_event::{Filter, Kind, PublicKey, normalize_relay_url};
use stentor_store::{BoxFuture, EventStore, StoreError};

use super::super::Verdict;
use super::{Asked, WriteRule, Writing};
use crate::config::{Config, ConfigError, WhoReceives};
use crate::holdings::newest;
use crate::state::Surroundings;

/// Lists of relays for messages (NIP-17).
const MESSAGE_RELAYS: Kind = Kind(10_050);
/// Recipients of one gift wrap that are looked up; NIP-59 has one.
const RECIPIENTS: usize = 8;

struct Recipients {
    who: WhoReceives,
    store: Arc<dyn EventStore>,
    /// The relay's public URLs, normalised.
    urls: Vec<String>,
}

/// The rule; none when anyone may be sent gift wraps.
pub(super) fn rule(
    config: &Config,
    surroundings: &Surroundings,
) -> Result<Option<Arc<dyn WriteRule>>, ConfigError> {
    let who = config.policy.recipients.who;
    if who == WhoReceives::Anyone {
        return Ok(None);
    }
    let urls = config.public_urls()?;
    if who == WhoReceives::Listed && urls.is_empty() {
        return Err(ConfigError::new(
            "policy.recipients.who",
            "\"listed\" needs relay.urls: lists name the relay by them",
        ));
    }
    Ok(Some(Arc::new(Recipients {
        who,
        store: Arc::clone(&surroundings.store),
        urls,
    })))
}

impl WriteRule for Recipients {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        if !writing.event.kind().is_gift_wrap() {
            return Verdict::Pass;
        }
        let view = writing.event.view();
        if view
            .tagged_keys()
            .any(|key| writing.standing.is_member(&key))
        {
            return Verdict::Pass;
        }
        match self.who {
            WhoReceives::Listed => Verdict::Ask,
            _ => Verdict::refuse("restricted: its recipient is not a member here"),
        }
    }

    fn ask(&self, asked: &Asked) -> BoxFuture<'static, Verdict> {
        let (store, urls, asked) = (Arc::clone(&self.store), self.urls.clone(), asked.clone());
        Box::pin(async move {
            let view = asked.event.view();
            let recipients: Vec<PublicKey> = view.tagged_keys().take(RECIPIENTS).collect();
            for recipient in recipients {
                match lists_us(&store, recipient, &urls, &asked).await {
                    Ok(false) => {}
                    // Then the event itself cannot be stored either, and is told so.
                    Ok(true) | Err(_) => return Verdict::Pass,
                }
            }
            Verdict::refuse("restricted: its recipient does not get messages here (kind 10050)")
        })
    }
}

/// Whether the recipient's list of relays for messages names this relay.
async fn lists_us(
    store: &Arc<dyn EventStore>,
    recipient: PublicKey,
    urls: &[String],
    asked: &Asked,
) -> Result<bool, StoreError> {
    let list = Filter {
        authors: Some(vec![recipient]),
        kinds: Some(vec![MESSAGE_RELAYS]),
        ..Filter::default()
    };
    let events = newest(store, list, 1, asked.now).await?;
    Ok(events.iter().any(|event| {
        let view = event.view();
        let mut relays = view.tags().filter(|tag| tag.name().is(b"relay"));
        relays.any(|tag| {
            let url = tag.get(1).map(|url| url.to_text());
            let url = url.and_then(|url| normalize_relay_url(&url));
            url.is_some_and(|url| urls.contains(&url))
        })
    }))
}
