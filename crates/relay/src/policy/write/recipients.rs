//! Rule `recipients`: to whom gift wraps (NIP-59) may be addressed (R2.2).

use std::sync::Arc;

use stentor_event::{Event, Filter, Kind, PublicKey, normalize_relay_url};
use stentor_store::{BoxFuture, EventStore, StoreError};

use super::super::Verdict;
use super::{Asked, WriteRule, Writing};
use crate::config::{Config, ConfigError, WhoReceives};
use crate::holdings::newest;
use crate::state::Surroundings;

/// Lists of relays for messages (NIP-17).
const MESSAGE_RELAYS: Kind = Kind(10_050);
/// Recipients that one gift wrap may have; NIP-59 has one.
const RECIPIENTS: usize = 8;

/// For whom an event is: every `p`, as each of them may read it. `None` when there is nobody, or too many.
pub(super) fn recipients(event: &Event) -> Option<Vec<PublicKey>> {
    let mut found: Vec<PublicKey> = event.view().tagged_keys().take(RECIPIENTS + 1).collect();
    if found.is_empty() || found.len() > RECIPIENTS {
        return None;
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

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
        let Some(recipients) = recipients(writing.event) else {
            return Verdict::refuse(format!(
                "restricted: a gift wrap has a p tag for each recipient, at most {RECIPIENTS}"
            ));
        };
        let mut recipients = recipients.iter();
        if recipients.all(|key| writing.standing.is_member(key)) {
            return Verdict::Pass;
        }
        match self.who {
            WhoReceives::Listed => Verdict::Ask,
            _ => Verdict::refuse("restricted: its recipient is not a member here"),
        }
    }

    /// Of recipients who are not all members, each must have listed the relay.
    fn ask(&self, asked: &Asked) -> BoxFuture<'static, Verdict> {
        let (store, urls, asked) = (Arc::clone(&self.store), self.urls.clone(), asked.clone());
        Box::pin(async move {
            for recipient in recipients(&asked.event).unwrap_or_default() {
                match lists_us(&store, recipient, &urls, &asked).await {
                    Ok(true) => {}
                    Ok(false) => return unlisted(),
                    // Then the event itself cannot be stored either, and is told so.
                    Err(_) => return Verdict::Pass,
                }
            }
            Verdict::Pass
        })
    }
}

fn unlisted() -> Verdict {
    Verdict::refuse("restricted: its recipient does not get messages here (kind 10050)")
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
