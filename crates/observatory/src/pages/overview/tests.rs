//! The overview as it is shown.

use stentor_console::Query;

use super::figures::Switches;
use super::*;
use crate::answer::{Network, Parameters, Share};
use crate::config::Config;
use crate::history::Outcome;
use crate::pages::days::Span;
use crate::ranking::{Part, Ranked, Score};
use crate::statistics::answer::{
    ActiveAuthors, DeadEntries, DeadEntry, PartSum, RelayLatency, Replication, Totals,
};

const HOSTILE: &str = "<script>alert(1)</script>\"><img src=x>";

fn part(value: Option<f64>) -> Part {
    Part { value, weight: 0.2 }
}

fn figures() -> Figures {
    let share = |name: &str, relays| Share {
        name: name.to_owned(),
        relays,
    };
    let score = Score {
        score: 0.75,
        uptime: part(Some(1.0)),
        speed: part(None),
        openness: part(Some(0.5)),
        holdings: part(Some(0.25)),
        nips: part(None),
    };
    Figures {
        at_ms: 1_700_000_000_000,
        own_network: Some(true),
        totals: Totals {
            events: 10,
            exclusive: 4,
            relays: 6,
            relays_online: 3,
            relays_offline: 1,
            candidates: 2,
            ..Totals::default()
        },
        network: Network {
            software: vec![
                share("git+https://github.com/a/relay.git", 2),
                share(HOSTILE, 1),
            ],
            nips: vec![share("1", 3)],
            countries: vec![share("CH", 1)],
            degraded: 1,
            events: 10,
            ..Network::default()
        },
        outcomes: vec![
            Outcome {
                outcome: "online".to_owned(),
                checks: 30,
            },
            Outcome {
                outcome: "http_503".to_owned(),
                checks: 10,
            },
        ],
        replication: vec![Replication {
            copies: 1,
            events: 4,
        }],
        ranking: vec![Ranked {
            relay: 5,
            url: format!("wss://r.example/{HOSTILE}"),
            network: "clearnet".to_owned(),
            country: None,
            read_ms: None,
            events: 1,
            score,
        }],
        dead: DeadEntries {
            entries: 9,
            dead: 2,
            untested: 3,
            share: 2.0 / 9.0,
            urls: vec![DeadEntry {
                url: HOSTILE.to_owned(),
                entries: 2,
                was_relay: false,
                offline_since_ms: None,
            }],
        },
        latencies: vec![RelayLatency {
            relay: 5,
            url: HOSTILE.to_owned(),
            events: 7,
            p50_ms: Some(1_500),
            p95_ms: None,
            early: 1,
            late: 0,
        }],
        ..Figures::default()
    }
}

fn activity(events: Vec<PartSum>, known: Option<(i64, i64)>) -> Activity {
    Activity {
        asked: activity::Asked::read(Parameters::read("").unwrap()).unwrap(),
        span: Span {
            from: 20_240,
            to: 20_241,
            step: 1,
        },
        known,
        events,
        kinds: vec![(1, 7)],
        new_authors: Vec::new(),
        authors: Vec::new(),
    }
}

fn shown(figures: &Figures, activity: &Activity) -> String {
    let query = Query::new("/observatory", None);
    body(&query, figures, Some(activity)).into_string()
}

fn some() -> Activity {
    let sum = PartSum {
        day: 20_240,
        count: 7,
    };
    activity(vec![sum], Some((20_240, 20_240)))
}

#[test]
fn o4_4_the_overview_tells_the_network_and_the_archive() {
    let html = shown(&figures(), &some());
    for part in [
        "href=\"/observatory/relays?status=unknown\"",
        "75\u{a0}% found the relay online",
        "HTTP status 503",
        "href=\"/observatory/relays?status=online&amp;software=git%2Bhttps%3A%2F%2Fgithub.com%2Fa%2Frelay.git\">a/relay</a>",
        "href=\"/observatory/relays?status=online&amp;nip=1\">NIP-01</a>",
        "href=\"/observatory/relays?status=online&amp;country=CH\"",
        "href=\"/observatory/events?kinds=1\">1 · note</a>",
        "40\u{a0}% of all events",
        "never spoke Nostr",
        "1.5\u{a0}s",
        "As of 2023-11-14 22:13 UTC",
        "1 Jun 2025 to 2 Jun 2025, by day",
        "statistics/kinds?from_day=20240&amp;to_day=20241&amp;format=csv",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn o4_4_what_is_not_known_is_not_told_as_bad() {
    let html = shown(&figures(), &some());
    // Two parts of the score, and the slowest events.
    assert_eq!(html.matches(">–</span>").count(), 3);
    assert!(!html.contains("NaN"));
}

#[test]
fn o2_3_that_our_own_network_is_down_is_said_plainly() {
    let with = |own_network| {
        let figures = Figures {
            own_network,
            ..figures()
        };
        shown(&figures, &some())
    };
    assert!(with(Some(false)).contains("Our own network is down"));
    assert!(with(Some(false)).contains("role=\"alert\""));
    assert!(with(None).contains("not known yet whether our own network is up"));
    assert!(!with(Some(true)).contains("wn network"));
}

#[test]
fn o4_4_an_overview_of_nothing_says_what_to_do() {
    let mut config = Config::default();
    let html = shown(&Figures::default(), &activity(Vec::new(), None));
    assert!(html.contains("No relay is known yet") && html.contains("observatory.discover"));
    assert!(!html.contains("<figure"));
    let mut figures = Figures::default();
    figures.totals.candidates = 1;
    let html = shown(&figures, &activity(Vec::new(), None));
    assert!(html.contains("relays?state=candidate") && html.contains("One URL"));
    config.discover.enabled = false;
    figures.totals.candidates = 0;
    figures.switches = Switches::of(&config);
    let html = shown(&figures, &activity(Vec::new(), None));
    assert!(
        html.contains("Discovery is switched off")
            && html.contains("by the configuration: discovery")
    );
}

#[test]
fn o4_4_days_without_events_lead_to_those_that_have_some() {
    let html = shown(&figures(), &activity(Vec::new(), Some((20_000, 20_010))));
    assert!(html.contains("from 4 Oct 2024 to 14 Oct 2024") && html.contains("?days=all"));
    let html = shown(&figures(), &activity(Vec::new(), None));
    assert!(html.contains("Nothing has been counted yet"));
}

#[test]
fn o4_4_no_check_and_no_copies_are_said_in_words() {
    let bare = Figures {
        totals: figures().totals,
        ..Figures::default()
    };
    let html = shown(&bare, &some());
    for part in [
        "No relay was checked in the last 24 hours",
        "not known yet who holds what",
        "No event has come on a live subscription yet",
        "No relay list has been read",
        "No relay is online",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn o4_4_what_strangers_call_themselves_is_text_on_the_overview() {
    let html = shown(&figures(), &some());
    assert!(!html.contains("<script") && !html.contains("<img"));
}

#[test]
fn o4_4_a_chart_of_authors_that_is_cut_says_so() {
    let authors = |first: i64| {
        let row = |start| ActiveAuthors { start, authors: 3 };
        Activity {
            authors: (first..=20_241).map(row).collect(),
            ..some()
        }
    };
    let html = shown(&figures(), &authors(20_241));
    assert!(html.contains("The last 120 days, without those of gift wraps"));
    assert!(html.contains("statistics/authors?period=day&amp;from_day=20241&amp;to_day=20241"));
    let html = shown(&figures(), &authors(20_240));
    assert!(!html.contains("The last 120") && html.contains("Without those of gift wraps"));
}
