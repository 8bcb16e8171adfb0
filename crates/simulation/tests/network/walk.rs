//! A correct walk over all of a relay: windows that are halved until they come back with less than the relay sends at once, then
//! split by kind and by author.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use stentor_event::{EoseHint, EventId, Filter, Kind, PublicKey, Timestamp};
use stentor_simulation::{Character, Network, Relay};

use crate::client::{Client, End, SURELY};

const KINDS: [u16; 8] = [0, 1, 3, 6, 7, 10_002, 10_050, 30_023];
/// How long the walk waits for relays from which nothing need come.
const IN_VAIN: Duration = Duration::from_millis(800);
const END: u64 = 1_750_000_000;

#[derive(Clone)]
struct Window {
    since: u64,
    until: u64,
    kind: Option<u16>,
    author: Option<PublicKey>,
}

/// What a walk got.
#[derive(Default)]
pub struct Got {
    pub ids: BTreeSet<EventId>,
    /// Seconds that could not be had in full.
    pub seconds: BTreeSet<u64>,
    /// Whether it came to its end.
    pub finished: bool,
    authors: BTreeSet<PublicKey>,
}

/// Walks over everything, authenticating where that is wanted and `auth` says so.
pub async fn walk(network: &Network, relay: &Relay, auth: bool) -> Got {
    let patience = if relay.truth().provable {
        SURELY
    } else {
        IN_VAIN
    };
    let page = page(relay.character());
    let mut windows = vec![Window {
        since: END - 40 * 86_400,
        until: END + 86_400,
        kind: None,
        author: None,
    }];
    let (mut got, mut in_vain) = (Got::default(), 0);
    let (mut client, mut verified) = (None::<Client>, HashSet::new());
    while let Some(window) = windows.pop() {
        if client.is_none() {
            client = Client::connect(network, relay, patience).await;
            if let Some(client) = client.as_mut() {
                client.verified = std::mem::take(&mut verified);
            }
        }
        let Some(connected) = client.as_mut() else {
            return got;
        };
        let answer = connected.ask(&filter(&window, page)).await;
        for event in &answer.events {
            got.authors.insert(event.pubkey());
            if event.expiration().is_none_or(|end| end.0 > END) {
                got.ids.insert(event.id());
            }
        }
        let whole = match &answer.end {
            End::Eose(Some(hint)) => *hint == EoseHint::Finish,
            End::Eose(None) => answer.received < page,
            End::Gone => {
                verified = std::mem::take(&mut connected.verified);
                client = None;
                in_vain = if answer.received == 0 { in_vain + 1 } else { 0 };
                false
            }
            End::Closed(reason) if reason.starts_with("rate-limited:") => {
                windows.push(window);
                continue;
            }
            End::Closed(reason) if reason.starts_with("auth-required:") && auth => {
                if !connected.authenticate().await {
                    return got;
                }
                windows.push(window);
                continue;
            }
            End::Closed(_) | End::Silence | End::Flood => return got,
        };
        if in_vain > 40 {
            return got;
        }
        if !whole {
            got.split(window, &mut windows);
        }
    }
    got.finished = true;
    got
}

/// Events that a relay sends for a request.
fn page(character: Character) -> usize {
    use Character::*;
    match character {
        Capped | CappedHints | CappedTold | BurstBeyondCap | BurstSplittable | BurstWithinCap
        | OldestFirst | Arbitrary => 50,
        _ => 1_000,
    }
}

fn filter(window: &Window, page: usize) -> Filter {
    Filter {
        since: Some(Timestamp(window.since)),
        until: Some(Timestamp(window.until)),
        kinds: window.kind.map(|kind| vec![Kind(kind)]),
        authors: window.author.map(|author| vec![author]),
        limit: Some(page as u64),
        ..Filter::default()
    }
}

impl Got {
    fn split(&mut self, window: Window, windows: &mut Vec<Window>) {
        let Window { since, until, .. } = window;
        if since < until {
            let middle = since + (until - since) / 2;
            windows.push(Window {
                until: middle,
                ..window.clone()
            });
            windows.push(Window {
                since: middle + 1,
                ..window
            });
        } else if window.kind.is_none() {
            windows.extend(KINDS.map(|kind| Window {
                kind: Some(kind),
                ..window.clone()
            }));
        } else if window.author.is_none() {
            windows.extend(self.authors.iter().map(|author| Window {
                author: Some(*author),
                ..window.clone()
            }));
        } else {
            self.seconds.insert(since);
        }
    }
}
