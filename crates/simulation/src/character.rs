//! The characters that a relay can have.

use std::fmt;
use std::str::FromStr;

/// Defines the enumeration with its names and descriptions in one place, so that none can be left out of [`Character::ALL`].
macro_rules! characters {
    ($($variant:ident $name:literal $description:literal,)*) => {
        /// How a relay behaves. The description of each ends with what a correct client can get from it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Character {
            $(#[doc = $description] $variant,)*
        }

        impl Character {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name, lower case with hyphens.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it does, and what a correct client can get from it.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }
        }
    };
}

characters! {
    Honest "honest" "Does all that NIP-01 asks, newest first, without a cap. Everything can be had.",
    Mirror "mirror" "Honest, and has the same events as the honest relay with its number. Everything can be had.",
    Backdating "backdating" "Honest; meant to be given events with old times by `Relay::publish`. What it has at the start can be had by any walk, what comes later by one that looks back.",
    Negentropy "negentropy" "Honest, with reconciliation (NIP-77). Everything can be had.",
    NegentropyLimited "negentropy-limited" "Reconciles sets of at most 60 events and answers `NEG-ERR` with `blocked: too many` beyond. Everything can be had by smaller windows or by REQ.",
    NegentropyLying "negentropy-lying" "Reconciles as if it had nothing, and answers REQ honestly. Everything can be had by REQ, nothing by NIP-77.",
    NegentropyAgreeing "negentropy-agreeing" "Says at once when it reconciles that it has just what was named, and answers REQ honestly. Everything can be had by REQ, nothing by NIP-77.",
    NegentropyBoasting "negentropy-boasting" "Says the same, and refuses nothing, but has no event. Nothing can be had.",
    Hints "hints" "Honest, and says with each EOSE whether that was all (NIP-67). Everything can be had, and is proven.",
    Capped "capped" "Sends at most 50 events for a REQ and tells nobody. Everything can be had by windows that come back with fewer.",
    CappedHints "capped-hints" "Sends at most 50 events for a REQ and says so with EOSE (NIP-67). Everything can be had, and is proven.",
    CappedTold "capped-told" "Sends at most 50 events for a REQ, which its NIP-11 document tells as max_limit. Everything can be had.",
    BurstBeyondCap "burst-beyond-cap" "Capped at 50, with 80 notes of one author in one second. All but 30 of these can be had: splitting by kind and author does not help.",
    BurstSplittable "burst-splittable" "Capped at 50, with 120 events of two kinds and three authors in one second. Everything can be had by splitting that second by kind and author.",
    BurstWithinCap "burst-within-cap" "Capped at 50, with 45 notes of one author in one second. Everything can be had; paging with a smaller limit stops at that second.",
    OldestFirst "oldest-first" "Sends the oldest events first, capped at 50. Everything can be had by windows that come back with fewer; the oldest event of an answer is no boundary.",
    Arbitrary "arbitrary" "Sends an arbitrary choice of at most 50 matching events in arbitrary order. Everything can be had by windows that come back with fewer; no event of an answer is a boundary.",
    IgnoresSince "ignores-since" "Answers as if a filter had no since. Everything can be had; what is older than asked for is to be dropped.",
    IgnoresUntil "ignores-until" "Answers as if a filter had no until. Everything can be had by one request without a small limit; paging back never moves.",
    IgnoresLimit "ignores-limit" "Sends all that matches, whatever the limit. Everything can be had.",
    IgnoresFilters "ignores-filters" "Sends all it has, whatever the filter. Everything can be had; what was not asked for is to be dropped.",
    Duplicating "duplicating" "Sends each event twice. Everything can be had.",
    SlowEvents "slow-events" "Pauses before each event. Everything can be had.",
    SlowOpen "slow-open" "Pauses before it completes the WebSocket handshake. Everything can be had.",
    SlowEose "slow-eose" "Pauses before EOSE. Everything can be had.",
    NeverEose "never-eose" "Sends all that matches, but never EOSE. Everything can be had, nothing is proven.",
    Mute "mute" "Completes the WebSocket handshake and says nothing. Nothing can be had.",
    Silent "silent" "Accepts TCP connections and says nothing. Nothing can be had.",
    Flooding "flooding" "Sends what matches and then, instead of EOSE, the same events and others over and over, some under names of subscriptions that nobody opened. Everything can be had by whoever takes enough, nothing is proven.",
    HugeFrames "huge-frames" "Has two events of more than 1 MiB, each alone in its second. All others can be had by windows without these.",
    BadSignatures "bad-signatures" "Half as many forged events as real ones among them, with signatures that do not verify. The real ones can be had.",
    BadIds "bad-ids" "Half as many forged events as real ones among them, with ids that are not theirs. The real ones can be had.",
    Malformed "malformed" "A message that is no JSON, one that is cut off and a binary one among the events of each answer. Everything can be had.",
    WrongSubscription "wrong-subscription" "Sends half of its events, always the same ones, under a name of a subscription that nobody opened. The other half can be had, and there is no way to know that this is not all.",
    Future "future" "A tenth of its events are of the year 2100. The others can be had.",
    Disconnecting "disconnecting" "Closes a connection after 20 events, before EOSE. Everything can be had by windows with fewer, each on a new connection.",
    HangsUp "hangs-up" "Closes the connection at each REQ. Nothing can be had.",
    ClosedError "closed-error" "Answers each REQ with CLOSED `error:`. Nothing can be had.",
    ClosedRestricted "closed-restricted" "Answers each REQ with CLOSED `restricted:`. Nothing can be had.",
    RateLimited "rate-limited" "Answers its first 3 REQs with CLOSED `rate-limited:`. Everything can be had afterwards.",
    AuthReads "auth-reads" "Shows events to those only who authenticate (NIP-42). Everything can be had by these, nothing by others.",
    AuthRefused "auth-refused" "Wants authentication (NIP-42) and refuses everybody. Nothing can be had.",
    PowWrites "pow-writes" "Refuses events with less than 16 bits of work (`pow:`). Everything can be had.",
    WritesBlocked "writes-blocked" "Refuses all events (`blocked:`). Everything can be had.",
    WritesLost "writes-lost" "Accepts events and never shows them. What it had before can be had.",
    EphemeralOnly "ephemeral-only" "Passes ephemeral events on and refuses all others. It has nothing.",
    Refusing "refusing" "Its port is closed. Nothing can be had.",
    TlsBroken "tls-broken" "Answers a TLS handshake with garbage; its URL is a wss one. Nothing can be had.",
    Tls "tls" "Honest, over TLS with a certificate of the network's authority. Everything can be had by whoever trusts that.",
    TlsExpired "tls-expired" "Honest, over TLS with a certificate that has expired. Nothing can be had by whoever checks.",
    TlsSelfSigned "tls-self-signed" "Honest, over TLS with a certificate that it signed itself. Nothing can be had by whoever checks.",
    HttpPage "http-page" "A web server: answers every request with a page, status 200. Nothing can be had.",
    HttpForbidden "http-forbidden" "Answers every request with HTTP status 403. Nothing can be had.",
    HttpBadGateway "http-bad-gateway" "Answers every request with HTTP status 502. Nothing can be had.",
    HttpUnavailable "http-unavailable" "Answers every request with HTTP status 503. Nothing can be had.",
    InformationRedirects "information-redirects" "Honest; its NIP-11 document is a redirection (302) to an address of the network's tripwire. Everything can be had.",
    InformationHuge "information-huge" "Honest; its NIP-11 document has more than 1 MiB. Everything can be had.",
    InformationInvalid "information-invalid" "Honest; its NIP-11 document is no JSON. Everything can be had.",
    InformationLying "information-lying" "Honest; its NIP-11 document has texts for numbers, nulls for lists, and limits that it does not have. Everything can be had.",
    InformationAbsent "information-absent" "Honest, without a NIP-11 document (404). Everything can be had.",
    ShuttingDown "shutting-down" "Honest; its NIP-11 document and a NOTICE at the start say that it shuts down. It has events that nobody else has. Everything can be had.",
    NoticeOnly "notice-only" "Answers each REQ with a NOTICE and nothing else. Nothing can be had.",
    Withholding "withholding" "Has events, and answers each REQ with EOSE at once. Nothing can be had, and there is no way to know that.",
    Empty "empty" "Honest, without events. It has nothing.",
}

/// There is no character with such a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCharacter(String);

impl fmt::Display for UnknownCharacter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no character of a relay is named {:?}", self.0)
    }
}

impl std::error::Error for UnknownCharacter {}

impl FromStr for Character {
    type Err = UnknownCharacter;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.iter().copied();
        all.find(|character| character.name() == name)
            .ok_or_else(|| UnknownCharacter(name.to_owned()))
    }
}

impl fmt::Display for Character {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn o5_4_characters_are_many_and_found_by_name() {
        assert!(Character::ALL.len() >= 36);
        let names: BTreeSet<_> = Character::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Character::ALL.len());
        for character in Character::ALL {
            assert_eq!(character.name().parse(), Ok(*character));
            assert!(character.description().ends_with('.'));
        }
        assert!("nobody".parse::<Character>().is_err());
    }

    #[test]
    fn o5_4_the_page_about_them_tells_of_all() {
        let page = include_str!("../../../docs/simulation.md");
        for character in Character::ALL {
            let row = format!("| `{character}` | {} |\n", character.description());
            assert!(page.contains(&row), "{row}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        assert_eq!(rows.count(), Character::ALL.len());
    }
}
