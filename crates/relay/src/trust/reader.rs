//! Fills the graph from the store, and keeps it from the change feed.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use stentor_event::{EventView, Filter, Kind, PublicKey, Viewer};
use stentor_store::{Change, ChangeKind, Seq, StoreError, StoredEvent};

use super::Reach;
use super::bootstrap::fetch;
use super::graph::{Bounds, Graph};
use crate::config::{self, ConfigError, parse_keys};
use crate::holdings::newest_stored;
use crate::state::{State, now};

/// Contact lists (NIP-02).
pub(super) const CONTACTS: Kind = Kind(3);
/// Authors whose lists are asked for at once.
const CHUNK: usize = 500;
/// Entries of the feed read at once.
const BATCH: usize = 512;
/// Time between two updates: who is reached is found out anew for the whole graph.
const PAUSE: Duration = Duration::from_secs(5);
/// Time until a failed attempt is made again.
const RETRY: Duration = Duration::from_secs(30);
/// How often it is looked whether the configuration has changed.
const LOOK: Duration = Duration::from_secs(5);

/// Keeps the graph as the configuration wants it, until it is dropped.
pub(crate) async fn keep(state: Arc<State>) {
    loop {
        let config = state.settings().config.policy.trust.clone();
        let bounds = match bounds(&config) {
            Ok(Some(bounds)) => bounds,
            Ok(None) | Err(_) => {
                state.surroundings.trust.set(None);
                changed(&state, &config).await;
                continue;
            }
        };
        tokio::select! {
            () = changed(&state, &config) => {}
            () = follow(&state, &bounds, &config) => {}
        }
    }
}

/// Waits until the section of the configuration is another.
async fn changed(state: &State, config: &config::Trust) {
    while state.settings().config.policy.trust == *config {
        tokio::time::sleep(LOOK).await;
    }
}

/// The bounds that the configuration sets; none when the rule is off.
fn bounds(config: &config::Trust) -> Result<Option<Bounds>, ConfigError> {
    let roots = parse_keys("policy.trust.roots", &config.roots)?;
    Ok((!roots.is_empty()).then(|| Bounds {
        roots: roots.into_iter().collect(),
        depth: config.depth,
        followers: config.followers,
        keys: config.keys,
    }))
}

/// Builds the graph and follows the feed; begins again when something fails.
async fn follow(state: &Arc<State>, bounds: &Bounds, config: &config::Trust) {
    loop {
        if let Err(error) = build_and_follow(state, bounds, config).await {
            tracing::warn!(%error, "the web of trust");
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn build_and_follow(
    state: &Arc<State>,
    bounds: &Bounds,
    config: &config::Trust,
) -> Result<(), StoreError> {
    let (mut commits, mut position) = (state.commits.subscribe(), state.store.last_seq());
    let mut graph = Graph::new(bounds);
    let mut reach = load(state, bounds, &mut graph).await?;
    if !bounds.roots.iter().any(|root| graph.has(root)) {
        reach.complete = config.relays.is_empty();
        publish(state, &reach, &graph);
        fetch(state, bounds, &config.relays).await;
        reach = load(state, bounds, &mut graph).await?;
    }
    reach.complete = true;
    publish(state, &reach, &graph);
    loop {
        if commits.changed().await.is_err() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
        commits.mark_unchanged();
        if read_on(state, &mut position, &mut graph, &reach, bounds).await? {
            reach = load(state, bounds, &mut graph).await?;
            reach.complete = true;
            publish(state, &reach, &graph);
        }
    }
}

fn publish(state: &State, reach: &Reach, graph: &Graph) {
    gauge!("stentor_relay_trusted_keys").set(reach.len() as f64);
    gauge!("stentor_relay_trust_seen_keys").set(graph.seen() as f64);
    gauge!("stentor_relay_trust_cut_keys").set(graph.cut() as f64);
    state.surroundings.trust.set(Some(reach.clone()));
}

/// Reads the lists that matter and are not in the graph yet, from the roots outwards.
async fn load(state: &State, bounds: &Bounds, graph: &mut Graph) -> Result<Reach, StoreError> {
    let mut reach = Reach::default();
    for depth in 1..=bounds.depth {
        let partial = Bounds {
            depth,
            followers: if depth == bounds.depth {
                bounds.followers
            } else {
                1
            },
            ..bounds.clone()
        };
        let before = match depth {
            1 => bounds.roots.clone(),
            _ => reach.at(depth - 1),
        };
        let missing: Vec<PublicKey> = before.into_iter().filter(|key| !graph.has(key)).collect();
        for chunk in missing.chunks(CHUNK) {
            for list in lists(state, chunk).await? {
                if let Ok(view) = EventView::from_canonical(&list.json) {
                    graph.set(view.pubkey(), Some(list.number), view.tagged_keys());
                }
            }
            // What the store does not have is not asked for again until it comes.
            for key in chunk {
                if !graph.has(key) && !bounds.roots.contains(key) {
                    graph.set(*key, None, []);
                }
            }
        }
        reach = graph.reach(&partial);
    }
    graph.keep(|author| is_near(&reach, bounds, author));
    Ok(reach)
}

/// Whether it matters whom the author follows.
fn is_near(reach: &Reach, bounds: &Bounds, author: &PublicKey) -> bool {
    let distance = reach.distance(author);
    distance.is_some_and(|own| own < bounds.depth) || bounds.roots.contains(author)
}

/// The contact lists of these authors.
async fn lists(state: &State, authors: &[PublicKey]) -> Result<Vec<StoredEvent>, StoreError> {
    let mut authors = authors.to_vec();
    authors.sort_unstable();
    let most = authors.len();
    let filter = Filter {
        authors: Some(authors),
        kinds: Some(vec![CONTACTS]),
        ..Filter::default()
    };
    newest_stored(&state.store, filter, most, now()).await
}

/// Reads the feed up to its end; whether a list that matters has changed.
async fn read_on(
    state: &State,
    position: &mut Seq,
    graph: &mut Graph,
    reach: &Reach,
    bounds: &Bounds,
) -> Result<bool, StoreError> {
    let (viewer, mut matters) = (Viewer::operator(), false);
    loop {
        let changes = state
            .store
            .changes(*position, BATCH, &viewer, now())
            .await?;
        let Some(last) = changes.last() else {
            return Ok(matters);
        };
        *position = last.seq;
        for change in &changes {
            matters |= take(change, graph, |author| is_near(reach, bounds, author));
        }
    }
}

/// Brings the graph up to a change; whether it is one of a list that matters.
fn take(change: &Change, graph: &mut Graph, is_near: impl Fn(&PublicKey) -> bool) -> bool {
    let event = match (change.kind, &change.event) {
        // What is gone lends no trust any more, however it went.
        (ChangeKind::Removed(_), _) => return graph.removed(change.number),
        (ChangeKind::Added, Some(event)) if event.kind() == CONTACTS => event,
        (ChangeKind::Added, _) => return false,
    };
    let author = event.pubkey();
    let matters = is_near(&author);
    if matters {
        graph.set(author, Some(change.number), event.view().tagged_keys());
    }
    matters
}
