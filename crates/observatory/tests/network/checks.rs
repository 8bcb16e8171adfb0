//! What there is to be known of a relay of each character once it was tried and checked (O1.3, O2.1 to O2.3).

use serde_json::Value;
use stentor_simulation::{Character, Relay};

use Character as C;

/// Whether it speaks Nostr, to whoever trusts the network's authority.
pub fn is_relay(character: Character) -> bool {
    no_relay(character).is_none()
}

/// Why it is none, in a word, if it is none.
fn no_relay(character: Character) -> Option<&'static str> {
    Some(match character {
        C::Mute => "mute",
        C::Silent => "timeout",
        // Without a word, and without a close frame.
        C::HangsUp => "protocol",
        C::Refusing => "tcp",
        C::TlsBroken | C::TlsExpired | C::TlsSelfSigned => "tls",
        C::HttpPage => "http_200",
        C::HttpForbidden => "http_403",
        C::HttpBadGateway => "http_502",
        C::HttpUnavailable => "http_503",
        _ => return None,
    })
}

/// Collects what is not as it should be.
struct Judge<'a> {
    relay: &'a Relay,
    wrong: Vec<String>,
}

impl Judge<'_> {
    fn is(&mut self, what: &str, found: &Value, expected: impl Into<Value>) {
        let expected = expected.into();
        if *found != expected {
            let character = self.relay.character();
            let wrong = format!("{character}: {what} is {found}, not {expected}");
            self.wrong.push(wrong);
        }
    }

    fn holds(&mut self, what: &str, found: &Value, holds: impl Fn(&Value) -> bool) {
        if !holds(found) {
            let character = self.relay.character();
            self.wrong.push(format!("{character}: {what} is {found}"));
        }
    }
}

/// What is wrong with what is known of one that is none.
pub fn wrong_of_candidate(relay: &Relay, known: &Value) -> Vec<String> {
    let wrong = Vec::new();
    let mut judge = Judge { relay, wrong };
    judge.is("the state", &known["relay"]["state"], "candidate");
    judge.is("the status", &known["relay"]["status"], "unknown");
    let reason = no_relay(relay.character());
    judge.is("the reason", &known["relay"]["reason"], reason);
    judge.is("the evidence", &known["proven_by"], Value::Null);
    judge.is("the archiving", &known["archiving"], Value::Null);
    judge.is("the checks", &known["last_checks"], Vec::<Value>::new());
    judge.wrong
}

/// What is wrong with what is known of a relay.
pub fn wrong_of_relay(relay: &Relay, known: &Value) -> Vec<String> {
    let character = relay.character();
    let wrong = Vec::new();
    let mut judge = Judge { relay, wrong };
    judge.is("the state", &known["relay"]["state"], "relay");
    judge.is("the status", &known["relay"]["status"], "online");
    judge.is("the reason", &known["relay"]["reason"], Value::Null);
    let evidence = evidence(character);
    judge.holds("the evidence", &known["proven_by"], |word| {
        word.as_str().is_some_and(|word| evidence.contains(&word))
    });
    judge.is("the address", &known["address"], "127.0.0.1");
    judge.holds(
        "the time to open",
        &known["relay"]["open_ms"],
        Value::is_u64,
    );
    let answers = answers(character);
    judge.holds("the time to read", &known["relay"]["read_ms"], |time| {
        answers.is_none_or(|answers| time.is_u64() == answers)
    });
    if let Some(policy) = read_policy(character) {
        judge.is(
            "the policy of reading",
            &known["facts"]["read_policy"],
            policy,
        );
    }
    if let Some(outcome) = written(character) {
        judge.is("what was written", &known["write_outcome"], outcome);
    }
    let asks = matches!(character, C::AuthReads | C::AuthRefused);
    let auth = asks.then_some(true);
    judge.is("auth", &known["relay"]["auth_required"], auth);
    information(&mut judge, known);
    tls(&mut judge, known);
    judge.wrong
}

/// By what it may have shown that it is a relay.
fn evidence(character: Character) -> &'static [&'static str] {
    match character {
        C::ClosedError | C::ClosedRestricted | C::RateLimited => &["CLOSED"],
        C::AuthReads | C::AuthRefused => &["CLOSED", "AUTH"],
        C::NoticeOnly => &["NOTICE"],
        C::Withholding | C::Empty | C::EphemeralOnly | C::NegentropyBoasting => &["EOSE"],
        // It may speak before it is asked.
        C::ShuttingDown => &["EVENT", "NOTICE"],
        // The newest note may be one that is forged, one under another name or one that was not asked for.
        C::BadSignatures
        | C::BadIds
        | C::WrongSubscription
        | C::IgnoresFilters
        | C::Arbitrary
        | C::Future => &["EVENT", "EOSE"],
        _ => &["EVENT"],
    }
}

/// Whether it answers a question for notes with an event or an end, where that is always the same.
fn answers(character: Character) -> Option<bool> {
    let silent = matches!(
        character,
        C::ClosedError | C::ClosedRestricted | C::AuthReads | C::AuthRefused | C::NoticeOnly
    );
    (character != C::RateLimited).then_some(!silent)
}

fn read_policy(character: Character) -> Option<&'static str> {
    Some(match character {
        C::AuthReads | C::AuthRefused => "auth-required",
        C::ClosedRestricted => "restricted",
        _ => return None,
    })
}

/// What comes of a note that is written, where that is certain.
fn written(character: Character) -> Option<&'static str> {
    Some(match character {
        C::WritesBlocked | C::EphemeralOnly => "blocked",
        C::PowWrites => "pow",
        C::WritesLost => "lost",
        C::AuthReads | C::AuthRefused => "auth-required",
        // It says yes, and shows nothing to anybody.
        C::Withholding => "lost",
        C::ClosedError | C::ClosedRestricted => "unverified",
        C::Honest
        | C::Mirror
        | C::Negentropy
        | C::Hints
        | C::Capped
        | C::Duplicating
        | C::SlowOpen
        | C::SlowEose
        | C::NeverEose
        | C::Tls
        | C::Empty
        | C::InformationAbsent
        | C::ShuttingDown => "accepted",
        _ => return None,
    })
}

fn information(judge: &mut Judge<'_>, known: &Value) {
    let document = &known["information"];
    match judge.relay.character() {
        // Nothing that cannot be read, is too large or stands elsewhere is believed.
        C::InformationAbsent
        | C::InformationInvalid
        | C::InformationHuge
        | C::InformationRedirects => {
            judge.is("the document", document, Value::Null);
        }
        C::InformationLying => {
            judge.is("the name", &known["relay"]["name"], Value::Null);
            judge.is("the software", &known["relay"]["software"], Value::Null);
        }
        character => {
            let name = format!("simulated: {character}");
            judge.is("the name", &known["relay"]["name"], name);
            judge.is(
                "the software",
                &known["relay"]["software"],
                "stentor-simulation",
            );
            judge.holds("the NIPs", &known["nips"], |nips| {
                nips.as_array()
                    .is_some_and(|nips| nips.contains(&11.into()))
            });
        }
    }
}

fn tls(judge: &mut Judge<'_>, known: &Value) {
    let tls = &known["facts"]["tls"];
    if judge.relay.character() == C::Tls {
        judge.is("the certificate", &tls["valid"], true);
        judge.holds("its end", &known["certificate_until_ms"], Value::is_u64);
    } else {
        judge.is("TLS", tls, Value::Null);
    }
}
