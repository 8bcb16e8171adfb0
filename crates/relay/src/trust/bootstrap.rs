//! Fetches the graph from other relays when the store holds no list of a root yet.

use std::sync::Arc;
use std::time::Duration;

use stentor_event::{Event, Filter, Kind, PublicKey};
use stentor_net::dial::Trust;
use stentor_peer::{Incoming, Peer, PeerError};
use stentor_store::Submission;

use super::graph::{Bounds, Graph};
use super::reader::CONTACTS;
use crate::state::{State, now};

/// What is fetched of every key that is trusted: profile, contacts, relays.
const KINDS: [Kind; 3] = [Kind(0), CONTACTS, Kind(10_002)];
/// Authors asked for at once: relays allow no longer lists.
const CHUNK: usize = 200;
/// Events put into the store at once.
const BATCH: usize = 256;
/// How long one relay may take for everything.
const PATIENCE: Duration = Duration::from_secs(600);

/// Fetches from each of the relays, one after the other; what one does not have another may.
pub(super) async fn fetch(state: &Arc<State>, bounds: &Bounds, relays: &[String]) {
    let mut graph = Graph::default();
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
        for chunk in reach.at(depth).chunks(CHUNK) {
            fetched += fetch_chunk(state, &peer, chunk, graph).await?;
        }
    }
    peer.close().await;
    Ok(fetched)
}

/// Fetches what there is of these keys, stores it, and notes the contacts.
async fn fetch_chunk(
    state: &Arc<State>,
    peer: &Peer,
    authors: &[PublicKey],
    graph: &mut Graph,
) -> Result<u64, PeerError> {
    let mut authors = authors.to_vec();
    authors.sort_unstable();
    let filter = Filter {
        authors: Some(authors),
        kinds: Some(KINDS.to_vec()),
        ..Filter::default()
    };
    let mut subscription = peer.req(vec![filter]).await?;
    let (mut batch, mut fetched) = (Vec::new(), 0);
    while let Some(Incoming::Event(event)) = subscription.next().await {
        if event.kind() == CONTACTS {
            graph.set(event.pubkey(), event.view().tagged_keys());
        }
        fetched += 1;
        batch.push(event);
        if batch.len() >= BATCH {
            store(state, std::mem::take(&mut batch)).await;
        }
    }
    store(state, batch).await;
    Ok(fetched)
}

/// Puts events into the store, which verifies them. The rules of the policy do not concern them: they are what the policy
/// is to be made from.
async fn store(state: &State, events: Vec<Event>) {
    let lists = state.lists();
    let wanted = events
        .into_iter()
        .filter(|event| !lists.bans(&event.pubkey()));
    let batch: Vec<Submission> = wanted
        .map(|event| Submission {
            event,
            verified: false,
        })
        .collect();
    if let Err(error) = state.store.submit(batch, now()).await {
        tracing::warn!(%error, "storing the web of trust");
    }
}
