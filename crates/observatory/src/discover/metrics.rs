//! Metrics of discovery (O5.3).

use metrics::{counter, gauge};

use super::source::Source;
use crate::relay_url::Network;
use crate::table::State;

/// A source has mentioned relays.
pub(super) fn mentioned(source: Source, times: u64) {
    counter!("stentor_observatory_mentions_total", "source" => source.as_str()).increment(times);
}

/// New URLs were dropped: as there are as many candidates as there may be, or as many URLs of their hosts.
pub(super) fn dropped(no_room: u64, of_full_hosts: u64) {
    for (reason, urls) in [("room", no_room), ("host", of_full_hosts)] {
        counter!("stentor_observatory_mentions_dropped_total", "reason" => reason).increment(urls);
    }
}

/// A candidate was tried.
pub(super) fn probed(outcome: &str) {
    counter!("stentor_observatory_probes_total", "outcome" => outcome.to_owned()).increment(1);
}

/// So many relays and candidates there are; none of what is not named.
pub(super) fn relays(census: &[(State, Network, u64)]) {
    for state in [State::Candidate, State::Relay] {
        for network in Network::ALL {
            let these = census
                .iter()
                .filter(|(s, n, _)| (*s, *n) == (state, network));
            let count: u64 = these.map(|(_, _, count)| count).sum();
            let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            let (state, network) = (state.as_str(), network.as_str());
            gauge!("stentor_observatory_relays", "state" => state, "network" => network).set(count);
        }
    }
}
