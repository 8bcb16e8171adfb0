//! Fetches the graph from other relays when the store holds no list of a root yet.

use std::sync::Arc;
use std::time::Duration;

use stentor_event::relay_message::EoseHint;
use stentor_event::{Event, Filter, Kind, PublicKey};
use stentor_net::dial::Trust;
use stentor_peer::{Incoming, Peer, PeerError};
use stentor_store::Submission;

use super::graph::{Bounds, Graph};
use super::reader::CONTACTS;
use crate::state::{State, now};

/// What is fetched of every key that is trusted: profile, contacts, relays.
const KINDS: [Kind; 3] = [Kind(0), CONTACTS, Kind(10_002)];
/// Authors asked for at once: relays allow no longer lists, and hardly one cuts an answer of three events for each short.
const CHUNK: usize = 100;
/// Events put into the store at once.
const BATCH: usize = 256;
/// How long one relay may take for everything.
const PATIENCE: Duration = Duration::from_secs(600);

/// Fetches from each of the relays, one after the other; what one does not have another may.
pub(super) async fn fetch(state: &Arc<State>, bounds: &Bounds, relays: &[String]) {
    let mut graph = Graph::new(bounds);
    for url in relays {
        let fetched = tokio::time::timeout(PATIENCE, fetch_from(state, bounds, url, &mut graph));
        match fetched.await {
            Ok(Ok(events)) => tracing::info!(url, events, "fetched the web of trust"),
            Ok(Err(error)) => tracing::warn!(url, %error, "fetching the web of trust"),
            Err(_) => tracing::warn!(url, "fetching the web of trust took too long"),
        }
    }
}

/// Fetches from one relay, level by level; returns how many events came.
async fn fetch_from(
    state: &Arc<State>,
    bounds: &Bounds,
    url: &str,
    graph: &mut Graph,
) -> Result<u64, PeerError> {
    let peer = Peer::connect(
        &state.dialer,
        url,
        Trust::Operator,
        state.peer.clone(),
        None,
    )
    .await?;
    let mut fetched = 0;
    for depth in 0..=bounds.depth {
        let reach = graph.reach(&Bounds {
            depth,
            followers: if depth == bounds.depth {
                bounds.followers
            } else {
                1
            },
            ..bounds.clone()
        });
        let level = reach.at(depth);
        let mut waiting: Vec<&[PublicKey]> = level.chunks(CHUNK).collect();
        while let Some(chunk) = waiting.pop() {
            let (events, hint) = fetch_chunk(state, &peer, chunk, graph).await?;
            fetched += events;
            // The relay has sent less than it has: it is asked for fewer authors.
            if hint == Some(EoseHint::More) && chunk.len() > 1 {
                let (one, other) = chunk.split_at(chunk.len() / 2);
                waiting.extend([one, other]);
            }
        }
    }
    peer.close().await;
    Ok(fetched)
}

/// Fetches what there is of these keys, stores it, and notes the contacts. Returns how many events came, and whether that was
/// all, as far as the relay says so (NIP-67).
async fn fetch_chunk(
    state: &Arc<State>,
    peer: &Peer,
    chunk: &[PublicKey],
    graph: &mut Graph,
) -> Result<(u64, Option<EoseHint>), PeerError> {
    let mut authors = chunk.to_vec();
    authors.sort_unstable();
    let filter = Filter {
        authors: Some(authors),
        kinds: Some(KINDS.to_vec()),
        // Some relays send fewer to who does not say how many.
        limit: Some((chunk.len() * KINDS.len()) as u64),
        ..Filter::default()
    };
    let mut subscription = peer.req(vec![filter]).await?;
    let (mut batch, mut fetched) = (Vec::new(), 0);
    let hint = loop {
        let event = match subscription.next().await {
            Some(Incoming::Event(event)) => event,
            Some(Incoming::Eose(hint)) => break hint,
            Some(Incoming::Over(_)) | None => break None,
        };
        if !note(&event, graph) {
            continue;
        }
        fetched += 1;
        batch.push(event);
        if batch.len() >= BATCH {
            store(state, std::mem::take(&mut batch)).await;
        }
    };
    store(state, batch).await;
    Ok((fetched, hint))
}

/// Notes whom an event's author follows, if it is one of contacts. Whether the event is its author's at all: what somebody
/// else made up must not say who is asked for next.
fn note(event: &Event, graph: &mut Graph) -> bool {
    let genuine = event.verify_signature().is_ok();
    if genuine && event.kind() == CONTACTS {
        graph.set(event.pubkey(), None, event.view().tagged_keys());
    }
    genuine
}

/// Puts events into the store, whose signatures have been verified. The rules of the policy do not concern them: they are what the policy
/// is to be made from.
async fn store(state: &State, events: Vec<Event>) {
    let lists = state.lists();
    let wanted = events
        .into_iter()
        .filter(|event| !lists.bans(&event.pubkey()));
    let batch: Vec<Submission> = wanted
        .map(|event| Submission {
            event,
            verified: true,
        })
        .collect();
    if let Err(error) = state.store.submit(batch, now()).await {
        tracing::warn!(%error, "storing the web of trust");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use stentor_event::{EventBuilder, SecretKey, Timestamp};

    use super::*;

    #[test]
    fn r4_2_a_forged_list_from_another_relay_leads_nowhere() {
        let (author, other) =
            ([1, 2].map(|byte| SecretKey::from_bytes([byte; 32]).unwrap())).into();
        let bounds = Bounds {
            roots: vec![SecretKey::public_key(&author)],
            depth: 2,
            followers: 1,
            keys: 1_000,
        };
        let list = EventBuilder::new(CONTACTS, Timestamp(1)).tag(["p", &"ab".repeat(32)]);
        let (own, foreign) = (list.clone().sign(&author), list.sign(&other));
        let mut forged: Value = serde_json::from_slice(own.json()).unwrap();
        let foreign: Value = serde_json::from_slice(foreign.json()).unwrap();
        forged["sig"] = foreign["sig"].clone();
        let forged = Event::parse(forged.to_string().as_bytes()).unwrap();
        let mut graph = Graph::new(&bounds);
        assert!(!note(&forged, &mut graph));
        assert_eq!(graph.reach(&bounds).len(), 1);
        assert!(note(&own, &mut graph));
        assert_eq!(graph.reach(&bounds).len(), 2);
    }
}
