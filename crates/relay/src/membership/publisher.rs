//! Keeps what the relay publishes about its members in step with the truth.
//!
//! The list (kind 13534) names the first members in the order of their keys, as many as it may. That somebody has come or
//! gone (8000, 8001) follows from who is a member and of whom that has been said before ([`Announced`]), not from the list:
//! who drops out of it has not gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use stentor_event::{Event, Filter, PublicKey, SecretKey, Timestamp, normalize_relay_url};
use stentor_store::{Outcome, Refusal, StoreError, Submission};

use super::announced::Announced;
use super::{MEMBERS, OWN_MEMBERSHIPS, ROLE, events};
use crate::access::{AccessError, Role};
use crate::holdings::newest;
use crate::state::{Settings, State, now};

/// Changes that come within this time are published together.
const PAUSE: Duration = Duration::from_millis(200);
/// Time until a failed publication is tried again.
const RETRY: Duration = Duration::from_secs(10);
/// Roles of the relay that are read back at the start.
const ROLES: usize = 1_000;
/// Members whose own lists are looked up at once.
const LOOKED_UP: usize = 500;
/// Comings and goings that are published at once.
const AT_ONCE: usize = 500;

/// What has been published so far, and when.
#[derive(Debug, Clone, Default)]
struct Published {
    said: Said,
    at: Timestamp,
    announced: Announced,
}

/// What is published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    members: BTreeMap<PublicKey, Vec<String>>,
    roles: BTreeMap<String, Role>,
}

/// Who is a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Membership {
    /// All of them.
    members: BTreeSet<PublicKey>,
    /// Those who let it be known, with their roles.
    known: BTreeMap<PublicKey, Vec<String>>,
    roles: BTreeMap<String, Role>,
}

/// Why nothing could be published.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    #[error("the store has not taken it: {0}")]
    Unavailable(String),
    #[error("{0}")]
    Records(#[from] AccessError),
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
                // How far it came is read back.
                published = None;
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
async fn step(
    state: &State,
    before: Option<&Published>,
) -> Result<Option<Published>, PublishError> {
    let settings = Arc::clone(&state.settings());
    let config = &settings.config.membership;
    if !config.enabled || !config.publish {
        return Ok(None);
    }
    let membership = membership(state, &settings).await?;
    let mut published = match before {
        Some(before) => before.clone(),
        None => read_back(state, config.published_members, &membership).await?,
    };
    let wanted = membership.said(config.published_members);
    // Of two versions with the same second, the one with the lower id would win.
    let at = Timestamp(now().0.max(published.at.0 + 1));
    let changed = differences(&published.said, &wanted, &state.own_key, at);
    if !changed.is_empty() {
        submit(state, changed).await?;
        (published.said, published.at) = (wanted, at);
    }
    announce(state, &mut published.announced, &membership).await?;
    Ok(Some(published))
}

/// Says who has come and gone.
async fn announce(
    state: &State,
    announced: &mut Announced,
    membership: &Membership,
) -> Result<(), PublishError> {
    let came = announced.missing(membership.known.keys());
    let went = announced.gone(&membership.members);
    for (came, keys) in [(true, came), (false, went)] {
        for keys in keys.chunks(AT_ONCE) {
            let event = |key| events::came_or_went(key, came, now(), &state.own_key);
            submit(state, keys.iter().map(event).collect()).await?;
            announced.note(&state.access, keys, came).await?;
        }
    }
    Ok(())
}

async fn submit(state: &State, events: Vec<Event>) -> Result<(), PublishError> {
    let submission = |event| Submission {
        event,
        verified: true,
    };
    let batch = events.into_iter().map(submission).collect();
    for outcome in state.store.submit(batch, now()).await? {
        if let Outcome::Refused(Refusal::Unavailable(reason)) = outcome {
            return Err(PublishError::Unavailable(reason.to_string()));
        }
    }
    Ok(())
}

/// Who is a member now.
async fn membership(state: &State, settings: &Settings) -> Result<Membership, StoreError> {
    let lists = Arc::clone(&state.lists());
    let standing = settings.standing(&lists);
    let listed = lists.allowed_keys.keys().map(|key| (*key, Vec::new()));
    let own = lists.members.iter();
    let own = own.map(|(key, member)| (*key, member.roles.iter().cloned().collect()));
    // Who is on both lists has the roles of a member.
    let mut all: BTreeMap<PublicKey, Vec<String>> = listed.chain(own).collect();
    all.retain(|key, _| !standing.bans(key));
    let members: BTreeSet<PublicKey> = all.keys().copied().collect();
    let keys: Vec<PublicKey> = members.iter().copied().collect();
    for keys in keys.chunks(LOOKED_UP) {
        for hidden in hiding(state, keys, &settings.urls).await? {
            all.remove(&hidden);
        }
    }
    Ok(Membership {
        members,
        known: all,
        roles: lists.roles.clone(),
    })
}

impl Membership {
    /// What is to be published of it.
    fn said(&self, most: usize) -> Said {
        let named = self.known.iter().take(most);
        Said {
            members: named.map(|(key, roles)| (*key, roles.clone())).collect(),
            roles: self.roles.clone(),
        }
    }
}

/// Those of these who do not let it be known: who keeps a list of memberships (kind 10010) is named only if this relay is on
/// it. Without public URLs there is nothing to look for.
async fn hiding(
    state: &State,
    keys: &[PublicKey],
    urls: &[String],
) -> Result<Vec<PublicKey>, StoreError> {
    if urls.is_empty() {
        return Ok(Vec::new());
    }
    let lists = Filter {
        authors: Some(keys.to_vec()),
        kinds: Some(vec![OWN_MEMBERSHIPS]),
        ..Filter::default()
    };
    let found = newest(&state.store, lists, keys.len(), now()).await?;
    let hiding = found.iter().filter(|list| !names(list, urls));
    Ok(hiding.map(Event::pubkey).collect())
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
async fn read_back(
    state: &State,
    most: usize,
    membership: &Membership,
) -> Result<Published, PublishError> {
    let own = state.own_key.public_key();
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
    let said = Said {
        members: members.collect(),
        roles: roles.iter().filter_map(role_of).collect(),
    };
    // Before it was written down who is announced, those were whom the list named; or all, if it could not name all.
    let mut named: Vec<PublicKey> = said.members.keys().copied().collect();
    if most > 0 && named.len() >= most {
        named.extend(membership.known.keys());
    }
    Ok(Published {
        announced: Announced::open(&state.access, named).await?,
        said,
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
    if before.members != wanted.members {
        let list = wanted.members.iter();
        let list =
            list.map(|(member, roles)| (*member, roles.iter().map(String::as_str).collect()));
        batch.push(events::members(list, at, key));
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u16) -> PublicKey {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        PublicKey(bytes)
    }

    fn of(members: impl Iterator<Item = u16>) -> Membership {
        let known: BTreeMap<PublicKey, Vec<String>> =
            members.map(|number| (key(number), Vec::new())).collect();
        Membership {
            members: known.keys().copied().collect(),
            known,
            roles: BTreeMap::new(),
        }
    }

    #[test]
    fn r3_1_a_list_that_is_cut_names_the_same_members_whenever_it_is_made() {
        let (forth, back) = (of(0..500).said(100), of((0..500).rev()).said(100));
        assert_eq!(forth, back);
        assert_eq!(forth.members.len(), 100);
        let more = of(0..501).said(100);
        assert_eq!(forth, more, "somebody more at the end changes nothing");
    }
}
