//! The table as a reader gets it.

use super::*;
use crate::answer::{Parameters, RelaySummary, Share};

fn asked(raw: &str) -> RelayQuery {
    let mut parameters = Parameters::read(raw).unwrap();
    let mut asked = RelayQuery::read(&mut parameters).unwrap();
    if !raw.contains("limit=") {
        asked.limit = ROWS;
    }
    asked
}

pub(in crate::pages) fn relay(id: i64) -> RelaySummary {
    RelaySummary {
        id,
        url: format!("wss://r{id}.example/"),
        network: "clearnet".to_owned(),
        state: "relay".to_owned(),
        status: "unknown".to_owned(),
        reason: None,
        name: None,
        software: None,
        version: None,
        geohash: None,
        country: None,
        auth_required: None,
        payment_required: None,
        open_ms: None,
        read_ms: None,
        write_ms: None,
        uptime_day: None,
        uptime_week: None,
        uptime_month: None,
        uptime_quarter: None,
        degraded: None,
        nips: None,
        events: 0,
        exclusive: 0,
        found_ms: 1,
        checked_ms: None,
        seen_ms: None,
    }
}

fn html(raw: &str, relays: Vec<RelaySummary>, next: Option<&str>) -> String {
    let found = RelayPage {
        relays,
        next: next.map(str::to_owned),
    };
    let names = Names {
        software: vec![Share {
            name: "git+https://github.com/hoytech/strfry.git".to_owned(),
            relays: 2,
        }],
        countries: Vec::new(),
    };
    let data = maud::html! {};
    shown(&asked(raw), &found, &names, 100, true, &data)
        .body
        .into_string()
}

#[test]
fn o4_4_links_keep_the_filters_and_the_order() {
    let raw = "status=online&nip=50,!77&text=a%26b&sort=-events&after=xyz";
    let html = html(raw, vec![relay(1)], Some("abc"));
    let kept = "status=online&amp;text=a%26b";
    // Another order begins anew.
    assert!(html.contains(&format!(
        "href=\"/observatory/relays?{kept}&amp;nip=50%2C%2177&amp;sort=-uptime\""
    )));
    // The next page is of the same question.
    assert!(html.contains(&format!(
        "href=\"/observatory/relays?{kept}&amp;sort=-events&amp;nip=50%2C%2177&amp;after=abc\" rel=\"next\""
    )));
    // A filter can be dropped by itself.
    assert!(html.contains("href=\"/observatory/relays?status=online&amp;text=a%26b&amp;sort=-events\" title=\"Drop this filter\""));
    assert!(html.contains("name=\"nip\" value=\"50,!77\""));
    assert!(html.contains("aria-sort=\"descending\""));
}

#[test]
fn o4_4_each_filter_of_the_question_has_a_field() {
    let full = "state=relay&status=online&network=tor&software=x&nip=1&country=DE&auth_required=true&payment_required=false\
                &degraded=true&min_uptime=0.93&text=t";
    let html = html(full, vec![relay(1)], None);
    for (name, _) in url::form_urlencoded::parse(full.as_bytes()) {
        if name != "state" {
            assert!(html.contains(&format!("name=\"{name}\"")), "{name}");
        }
    }
    // What is chosen stays chosen, even where it is not offered.
    for chosen in ["x", "DE", "0.93"] {
        assert!(html.contains(&format!("<option value=\"{chosen}\" selected>")));
    }
    assert_eq!(html.matches("chip-drop").count(), 10);
}

#[test]
fn o4_4_what_was_not_tested_is_said_so() {
    let unknown = html("", vec![relay(1)], None);
    assert!(unknown.contains("unknown") && !unknown.contains("offline</span>"));
    // Uptime, open, read and NIPs.
    assert_eq!(unknown.matches(">not tested<").count(), 4);
    let mut offline = relay(2);
    offline.status = "offline".to_owned();
    offline.reason = Some("http_503".to_owned());
    offline.uptime_month = Some(0.0);
    offline.nips = Some(0);
    let offline = html("", vec![offline], None);
    assert!(offline.contains("HTTP status 503"));
    assert_eq!(offline.matches(">not tested<").count(), 2);
}

#[test]
fn o4_4_a_strangers_name_is_text() {
    let words = "</bdi><script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}";
    let mut hostile = relay(1);
    for field in [
        &mut hostile.name,
        &mut hostile.software,
        &mut hostile.country,
    ] {
        *field = Some(words.to_owned());
    }
    let html = html("text=%3Cscript%3E", vec![hostile], None);
    assert!(!html.contains("<script") && !html.contains("<img"));
    assert!(html.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn o4_4_an_empty_table_says_why() {
    let filtered = html("status=online&sort=-events", Vec::new(), None);
    assert!(filtered.contains("Drop all filters") && filtered.contains("Status: online"));
    assert!(filtered.contains("href=\"/observatory/relays?sort=-events\""));
    let none = html("", Vec::new(), None);
    assert!(none.contains("No relay yet") && none.contains("state=candidate"));
    assert!(html("after=x", Vec::new(), None).contains("Back to its beginning"));
}

#[test]
fn o4_4_candidates_have_a_table_of_their_own() {
    let mut one = relay(1);
    one.state = "candidate".to_owned();
    let html = html("state=candidate", vec![one], None);
    assert!(
        html.contains("<caption>Candidates by address</caption>") && html.contains("sort=-found")
    );
    assert!(html.contains("name=\"state\" value=\"candidate\""));
    // What is asked of relays only has no field here.
    assert!(html.contains("name=\"network\"") && !html.contains("name=\"status\""));
}
