//! What the archive has to have of a simulated network, and what it has to say of what it cannot have (O5.4, O3.2).

use serde_json::Value;
use stentor_event::Filter;
use stentor_simulation::{Character, Network, Reason, Relay};

use crate::service::{Service, monitor_key};

use Character as C;

/// What is wrong with what is in the archive: it has what could honestly be fetched, all of that, and nothing else.
pub async fn wrong_of_archive(service: &Service, network: &Network) -> Vec<String> {
    let mut wrong = Vec::new();
    let archived = service.archived().await;
    for relay in network.relays() {
        let missing = relay.truth().honest.difference(&archived).count();
        if missing > 0 {
            wrong.push(format!(
                "{}: {missing} events are missing",
                relay.character()
            ));
        }
    }
    let honest = network.union(|_, _| true);
    let monitor = monitor_key().public_key();
    let foreign = archived.difference(&honest).filter(|id| {
        // What the monitor has written to relays is there as well as what others have.
        let written = network.relays().iter().flat_map(Relay::published);
        !written
            .into_iter()
            .any(|event| event.id() == **id && event.pubkey() == monitor)
    });
    let foreign = foreign.count();
    if foreign > 0 {
        wrong.push(format!("{foreign} events are none that could be fetched"));
    }
    wrong
}

/// What is wrong with what is told of the times of a relay.
pub fn wrong_of_coverage(relay: &Relay, coverage: &[Value]) -> Vec<String> {
    let character = relay.character();
    let mut wrong = Vec::new();
    let mut say = |problem: String| wrong.push(format!("{character}: {problem}"));
    let is = |interval: &Value, state: &str| interval["state"] == state;
    if coverage.is_empty() {
        say("nothing is covered".to_owned());
    }
    for interval in coverage {
        if is(interval, "complete") == interval["reason"].is_string() {
            say(format!(
                "a reason where there is none to be, or none: {interval}"
            ));
        }
    }
    for hole in &relay.truth().holes {
        let names = |interval: &&Value| {
            interval["since"].as_u64() <= Some(hole.since)
                && interval["until"].as_u64() >= Some(hole.until)
                && is(interval, "capped")
        };
        let told = coverage.iter().find(names);
        let reason = told.and_then(|told| told["reason"].as_str());
        let words = match hole.reason {
            Reason::BeyondCap => "more events of one second",
            Reason::TooLarge => "a message that is too long",
        };
        if !reason.is_some_and(|reason| reason.contains(words)) {
            say(format!("{hole:?} is told as {told:?}"));
        }
    }
    let complete = coverage.iter().all(|interval| is(interval, "complete"));
    if is_plain(character) && !(complete && coverage.len() == 1) {
        say(format!("not proven complete: {coverage:?}"));
    }
    if !relay.truth().provable && complete && character != C::Withholding {
        say("proven although that cannot be".to_owned());
    }
    if let Some(state) = never(character)
        && !coverage.iter().all(|interval| is(interval, state))
    {
        say(format!("not all {state}: {coverage:?}"));
    }
    wrong
}

/// What comes of a relay that gives nothing to us.
fn never(character: Character) -> Option<&'static str> {
    Some(match character {
        C::AuthReads | C::AuthRefused | C::ClosedRestricted => "refused",
        C::ClosedError | C::NoticeOnly => "failed",
        _ => return None,
    })
}

/// Characters of which a correct client knows that it has all.
pub fn is_plain(character: Character) -> bool {
    matches!(
        character,
        C::Honest
            | C::Mirror
            | C::Backdating
            | C::Negentropy
            | C::NegentropyLimited
            | C::NegentropyLying
            | C::NegentropyAgreeing
            | C::NegentropyBoasting
            | C::Hints
            | C::Capped
            | C::CappedHints
            | C::CappedTold
            | C::BurstWithinCap
            | C::OldestFirst
            | C::Arbitrary
            | C::IgnoresSince
            | C::IgnoresLimit
            | C::Duplicating
            | C::SlowEvents
            | C::SlowOpen
            | C::SlowEose
            | C::BadSignatures
            | C::BadIds
            | C::Malformed
            | C::Future
            | C::Disconnecting
            | C::RateLimited
            | C::PowWrites
            | C::WritesBlocked
            | C::WritesLost
            | C::EphemeralOnly
            | C::Empty
            | C::ShuttingDown
            | C::Tls
            | C::InformationAbsent
            | C::InformationHuge
            | C::InformationInvalid
            | C::InformationLying
            | C::InformationRedirects
    )
}

/// Whether it is the archive that asks so: discovery and checks ask for one note, or for an event of theirs.
pub fn is_archives(filter: &Filter) -> bool {
    filter.ids.is_none() && filter.until.is_some()
}
