//! Keeps what the relay publishes about its members in step with the truth.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stentor_event::{Event, Filter, PublicKey, SecretKey, Timestamp, normalize_relay_url};
use stentor_store::{StoreError, Submission};

use super::{MEMBERS, OWN_MEMBERSHIPS, ROLE, events};
use crate::access::{Lists, Role};
use crate::holdings::newest;
use crate::state::{State, now};

/// Changes that come within this time are published together.
const PAUSE: Duration = Duration::from_millis(200);
/// Time until a failed publication is tried again.
const RETRY: Duration = Duration::from_secs(10);
/// Roles of the relay that are read back at the start.
const ROLES: usize = 1_000;

/// What has been published so far, and when.
#[derive(Debug, Clone, Default)]
struct Published {
    said: Said,
    at: Timestamp,
}

/// What is published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    members: BTreeMap<PublicKey, Vec<String>>,
    roles: BTreeMap<String, Role>,
}

/// Publishes what changes, until it is dropped.
pub(crate) async fn publish(state: Arc<State>) {
    let mut changes = state.access.watch();
    let mut published: Option<Published> = None;
    loop {
        changes.mark_unchanged();
        match step(&state, published.as_ref()).await {
            Ok(done) => published = done,
            Err(error) => {
                tracing::warn!(%error, "publishing who is a member");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        }
        // A change of the configuration counts with the next change of the lists, or within a minute.
        let _ = tokio::time::timeout(Duration::from_secs(60), changes.changed()).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Publishes what differs from what has been published; gives what is published then.
async fn step(state: &State, before: Option<&Published>) -> Result<Option<Published>, StoreError> {
    let (config, lists) = (state.settings(), state.lists());
    let membership = &config.config.membership;
    if !membership.enabled || !membership.publish {
        return Ok(None);
    }
    let key = &state.own_key;
    let wanted = wanted(state, &lists, membership.published_members).await?;
    let stored;
    let before = match before {
        Some(before) => before,
        None => {
            stored = read_back(state, key.public_key()).await?;
            &stored
        }
    };
    let mut at = before.at;
    if before.said != wanted {
        // Of two versions with the same second, the one with the lower id would win.
        at = Timestamp(now().0.max(before.at.0 + 1));
        let batch = differences(&before.said, &wanted, key, at);
        let batch = batch.into_iter().map(|event| Submission {
            event,
            verified: true,
        });
        state.store.submit(batch.collect(), now()).await?;
    }
    Ok(Some(Published { said: wanted, at }))
}

/// What should be published.
async fn wanted(state: &State, lists: &Lists, most: usize) -> Result<Said, StoreError> {
    let mut members = BTreeMap::new();
    let allowed = lists.allowed_keys.keys().map(|key| (key, Vec::new()));
    let own = lists.members.iter();
    let own = own.map(|(key, member)| (key, member.roles.iter().cloned().collect()));
    let urls = &state.settings().urls.clone();
    for (key, roles) in allowed.chain(own) {
        if members.len() < most && professes(state, key, urls).await? {
            members.insert(*key, roles);
        }
    }
    Ok(Said {
        members,
        roles: lists.roles.clone(),
    })
}

/// Whether the person lets it be known: who keeps a list of memberships (kind 10010) is named only if this relay is on it.
/// Without public URLs there is nothing to look for.
async fn professes(state: &State, key: &PublicKey, urls: &[String]) -> Result<bool, StoreError> {
    if urls.is_empty() {
        return Ok(true);
    }
    let list = Filter {
        authors: Some(vec![*key]),
        kinds: Some(vec![OWN_MEMBERSHIPS]),
        ..Filter::default()
    };
    let found = newest(&state.store, list, 1, now()).await?;
    Ok(found.first().is_none_or(|list| names(list, urls)))
}

/// Whether one of the values of the event's tags is one of these URLs.
fn names(list: &Event, urls: &[String]) -> bool {
    list.view().tags().any(|tag| {
        let url = tag
            .get(1)
            .and_then(|url| normalize_relay_url(&url.to_text()));
        url.is_some_and(|url| urls.contains(&url))
    })
}

/// What was published before the start.
async fn read_back(state: &State, own: PublicKey) -> Result<Published, StoreError> {
    let of = |kind| Filter {
        authors: Some(vec![own]),
        kinds: Some(vec![kind]),
        ..Filter::default()
    };
    let list = newest(&state.store, of(MEMBERS), 1, now()).await?;
    let roles = newest(&state.store, of(ROLE), ROLES, now()).await?;
    let members = list.iter().flat_map(|event| {
        let tags = event.view().tags();
        let member = tags.filter(|tag| tag.name().is(b"member"));
        member.filter_map(|tag| {
            let mut values = tag.iter().skip(1).map(|value| value.to_text().into_owned());
            let key = PublicKey::from_hex(values.next()?.as_bytes())?;
            Some((key, values.collect()))
        })
    });
    let newest = list.iter().chain(&roles).map(Event::created_at).max();
    Ok(Published {
        said: Said {
            members: members.collect(),
            roles: roles.iter().filter_map(role_of).collect(),
        },
        at: newest.unwrap_or_default(),
    })
}

/// The role that an event defines.
fn role_of(event: &Event) -> Option<(String, Role)> {
    let text = |name: &[u8]| {
        let value = event.view().tag_value(name);
        value.map(|value| value.to_text().into_owned())
    };
    let id = text(b"d")?;
    let role = Role {
        id: id.clone(),
        label: text(b"label"),
        description: text(b"description"),
        color: text(b"color").and_then(|color| color.parse().ok()),
        order: text(b"order").and_then(|order| order.parse().ok()),
    };
    Some((id, role))
}

/// The events that make of the one what is the other.
fn differences(before: &Said, wanted: &Said, key: &SecretKey, at: Timestamp) -> Vec<Event> {
    let mut batch = Vec::new();
    for (id, role) in &wanted.roles {
        if before.roles.get(id) != Some(role) {
            batch.push(events::role(role, at, key));
        }
    }
    let gone = before
        .roles
        .keys()
        .filter(|id| !wanted.roles.contains_key(*id));
    batch.extend(gone.map(|id| events::no_role(id, at, key)));
    if before.members == wanted.members {
        return batch;
    }
    let list = wanted.members.iter();
    let list = list.map(|(member, roles)| (*member, roles.iter().map(String::as_str).collect()));
    batch.push(events::members(list, at, key));
    let came = wanted
        .members
        .keys()
        .filter(|member| !before.members.contains_key(*member));
    batch.extend(came.map(|member| events::came_or_went(member, true, at, key)));
    let went = before
        .members
        .keys()
        .filter(|member| !wanted.members.contains_key(*member));
    batch.extend(went.map(|member| events::came_or_went(member, false, at, key)));
    batch
}
