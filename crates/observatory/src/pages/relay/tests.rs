//! The page as a reader gets it.

use serde_json::json;
use stentor_console::Query;

use super::gather::Gathered;
use super::*;
use crate::answer::{
    ChangePage, CheckPage, CoveragePage, Interval, Mention, RelayCheck, RelayDetail, SeriesAnswer,
};
use crate::history::{Change, Point};
use crate::pages::relays::tests::relay as summary;

fn detail() -> RelayDetail {
    RelayDetail {
        relay: summary(7),
        found_by: "seeds".to_owned(),
        found_in: None,
        proven_ms: None,
        proven_by: None,
        detail: None,
        status_since_ms: None,
        next_ms: 1,
        failures: 0,
        write_outcome: None,
        writes_restricted: None,
        negentropy: None,
        address: None,
        asn: None,
        certificate_until_ms: None,
        dns_ttl: None,
        nips: Vec::new(),
        information: None,
        facts: None,
        mentions: Vec::new(),
        archiving: None,
        coverage: Vec::new(),
        last_checks: Vec::new(),
    }
}

fn series(points: Vec<Point>) -> SeriesAnswer {
    SeriesAnswer {
        from_ms: 0,
        to_ms: 86_400_000,
        points,
    }
}

fn gathered(detail: RelayDetail) -> Gathered {
    Gathered {
        query: Query::new("/observatory/relays/7", Some("hours=24&after=x")),
        now: 86_400,
        detail,
        hours: Some(24),
        series: Some(series(Vec::new())),
        cells: Some(series(Vec::new())),
        cell_ms: 3_600_000,
        checks: Some(CheckPage {
            checks: Vec::new(),
            next: None,
        }),
        changes: Some(ChangePage {
            changes: Vec::new(),
            next: None,
        }),
        coverage: Some(CoveragePage {
            intervals: Vec::new(),
            next: None,
        }),
        oldest: 0,
        latency: None,
        ranked: None,
        writes: false,
        data: html! {},
    }
}

fn body(all: &Gathered) -> String {
    shown(all).body.into_string()
}

const HOSTILE: &str =
    "</bdi><script>alert(1)</script><img src=https://evil.example/x.png onerror=alert(2)>";

#[test]
fn o4_4_nothing_is_known_of_a_relay_that_is_new_and_that_is_said() {
    let html = body(&gathered(detail()));
    for said in [
        "not checked yet",
        "It has not been checked yet.",
        "Never asked",
        "Not ranked",
        "Not archived",
        "No change yet",
        "Nobody has named it",
        "No values in this period",
    ] {
        assert!(html.contains(said), "{said}");
    }
    for wrong in ["offline</", ">no<", "0 %"] {
        assert!(!html.contains(wrong), "{wrong}");
    }
    // Every entry of the contents leads somewhere.
    for rest in html.split("<li><a href=\"#").skip(1) {
        let id = rest.split('"').next().unwrap();
        assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
    }
}

#[test]
fn o4_4_no_is_not_the_same_as_not_tested() {
    let mut known = detail();
    known.relay.auth_required = Some(false);
    known.relay.payment_required = Some(true);
    known.writes_restricted = None;
    known.facts = Some(json!({"dns": {"a": ["192.0.2.1"], "aaaa": []}}));
    let html = body(&gathered(known));
    let value = |name: &str| {
        let rest = html.split(&format!("<dt>{name}</dt><dd>")).nth(1).unwrap();
        rest.split("</dd>").next().unwrap().to_owned()
    };
    assert_eq!(value("Asks who reads"), "no");
    assert_eq!(value("Wants payment"), "yes");
    assert!(value("Only some may write").contains("not tested"));
    assert_eq!((&*value("IPv4"), &*value("IPv6")), ("192.0.2.1", "none"));
    assert!(value("Stands for (CNAME)").contains("not tested"));
}

#[test]
fn o4_4_what_a_stranger_says_is_text_and_loads_nothing() {
    let mut hostile = detail();
    let text = || Some(HOSTILE.to_owned());
    hostile.relay.name = text();
    hostile.relay.software = text();
    hostile.detail = text();
    hostile.relay.status = "offline".to_owned();
    hostile.relay.reason = text();
    hostile.write_outcome = text();
    hostile.information = Some(json!({
        "name": HOSTILE, "description": HOSTILE, "icon": "https://evil.example/icon.png", "banner": HOSTILE,
        "contact": "javascript:alert(3)", "pubkey": [HOSTILE], "terms_of_service": {"a": HOSTILE},
        "limitation": {"max_limit": HOSTILE, "auth_required": [1, HOSTILE]},
    }));
    hostile.facts = Some(json!({
        "server": HOSTILE, "network": HOSTILE, "read_policy": HOSTILE, "dns": {"cname": [HOSTILE]},
        "tls": {"valid": false, "problem": HOSTILE, "certificate": {"issuer": HOSTILE}},
    }));
    hostile.mentions = vec![Mention {
        source: HOSTILE.to_owned(),
        mentions: 1,
        first_ms: 1,
        last_ms: 1,
    }];
    let mut all = gathered(hostile);
    all.changes = Some(ChangePage {
        changes: vec![Change {
            at_ms: 1,
            kind: "information".to_owned(),
            keys: vec![HOSTILE.to_owned()],
            before: true,
            after: true,
        }],
        next: Some("x".to_owned()),
    });
    all.coverage = Some(CoveragePage {
        intervals: vec![Interval::test(HOSTILE, "refused", HOSTILE)],
        next: None,
    });
    let html = body(&all);
    assert!(html.matches("&lt;script&gt;").count() > 10);
    for wrong in [
        "<script",
        "<img",
        "src=\"",
        "href=\"javascript",
        "href=\"https://evil",
    ] {
        assert!(!html.contains(wrong), "{wrong}");
    }
}

#[test]
fn o4_4_ranges_are_in_the_address_and_parts_without_a_check_are_told_apart() {
    let mut all = gathered(detail());
    let point = |hour: u64, online: Option<f64>| Point {
        at_ms: hour * 3_600_000,
        open_ms: online.filter(|share| *share > 0.0).map(|_| 30.0),
        read_ms: None,
        write_ms: None,
        online,
        checks: 1,
    };
    let points = vec![point(0, Some(1.0)), point(1, Some(0.0)), point(3, None)];
    all.cells = Some(series(points.clone()));
    all.series = Some(series(points));
    let html = body(&all);
    for hours in [1, 168, 720, 2_160] {
        let link = format!("href=\"/observatory/relays/7?hours={hours}#charts\"");
        assert!(html.contains(&link), "{hours}");
    }
    assert!(html.contains("href=\"/observatory/relays/7?hours=24#charts\" aria-current=\"true\""));
    assert_eq!(html.matches("class=\"cell good\"").count(), 1);
    assert_eq!(html.matches("class=\"cell bad\"").count(), 1);
    assert_eq!(html.matches("class=\"cell idle\"").count(), 22);
    assert!(html.contains("Writing is not tested here"));
}

#[test]
fn o4_4_a_check_that_says_nothing_is_neither_up_nor_down() {
    let mut all = gathered(detail());
    let check = |online, reason: Option<&str>, write: Option<&str>| RelayCheck {
        at_ms: 1,
        online,
        reason: reason.map(str::to_owned),
        open_ms: None,
        read_ms: None,
        write_ms: None,
        write_outcome: write.map(str::to_owned),
        attempts: 1,
    };
    all.checks = Some(CheckPage {
        checks: vec![
            check(Some(true), None, Some("payment")),
            check(Some(false), Some("http_502"), None),
            check(None, Some("own_network"), None),
        ],
        next: Some("older".to_owned()),
    });
    let html = checks::table(&all).into_string();
    assert!(html.contains("our own network was down") && html.contains("says nothing"));
    assert!(html.contains("HTTP status 502") && html.contains("policy: wants payment"));
    assert!(html.contains("href=\"/observatory/relays/7?hours=24&amp;after=older\" rel=\"next\""));
}

#[test]
fn o4_4_coverage_has_states_and_reasons() {
    let mut all = gathered(detail());
    let mut one = Interval::test("{}", "complete", "");
    (one.since, one.until) = (0, 43_199);
    let mut two = Interval::test("{}", "capped", "more in a second than it gives");
    (two.since, two.until) = (43_200, 64_799);
    all.coverage = Some(CoveragePage {
        intervals: vec![one, two],
        next: Some("x".to_owned()),
    });
    let html = archive::coverage(&all).into_string();
    assert!(html.contains("All events") && html.contains("more in a second than it gives"));
    for share in ["50\u{a0}%", "25\u{a0}%"] {
        assert!(html.contains(share), "{share}");
    }
    assert!(html.contains("never asked") && html.contains("/observatory/coverage?relay=7"));
}

#[test]
fn o4_4_of_a_candidate_what_there_is_is_shown() {
    let mut candidate = detail();
    candidate.relay.state = "candidate".to_owned();
    candidate.relay.reason = Some("mute".to_owned());
    candidate.failures = 3;
    let html = body(&gathered(candidate));
    assert!(html.contains("has not spoken Nostr here yet") && html.contains("answers nothing"));
    assert!(!html.contains("Uptime") && !html.contains("Coverage"));
}
