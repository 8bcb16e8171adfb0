//! Events as they are shown.

use serde_json::{Value, json};
use stentor_console::Query;

use super::{list, one};
use crate::answer::{EventAnswer, EventPage, Holder};

const ID: &str = "5c83da77af1dec6d7289834998ad7aafbd9e2191396d75ec3cc27f5a77226f36";

fn event(content: &str, tags: Value) -> Value {
    json!({"id": ID, "pubkey": "f7".repeat(32), "created_at": 1_700_000_000, "kind": 1, "tags": tags, "content": content, "sig": "00"})
}

fn answer(content: &str, tags: Value, holders: Vec<Holder>) -> EventAnswer {
    EventAnswer {
        event: event(content, tags),
        holders_total: Some(holders.len() as u64),
        holders: Some(holders),
    }
}

fn page(events: Vec<EventAnswer>, bound_reached: bool) -> EventPage {
    EventPage {
        events,
        next: bound_reached.then(|| "x".to_owned()),
        bound_reached,
    }
}

fn listed(raw: &str, found: &EventPage) -> String {
    let query = Query::new("/observatory/events", Some(raw));
    list::body(&query, found, 1_700_000_100).into_string()
}

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=y>";

#[test]
fn o4_4_what_an_event_says_is_text() {
    let found = answer(HOSTILE, json!([["t", HOSTILE], [HOSTILE]]), Vec::new());
    let pages = [
        one::body(&found, 0).into_string(),
        listed("text=%3Cscript%3E", &page(vec![found], false)),
    ];
    for html in pages {
        assert!(
            !html.contains("<script") && !html.contains("<img"),
            "{html}"
        );
        assert!(html.contains("&lt;script&gt;"));
    }
}

#[test]
fn o4_4_an_event_is_shown_to_a_bounded_length() {
    let tags = json!(
        (0..500)
            .map(|n| json!(["t", "x".repeat(9_000), n.to_string()]))
            .collect::<Vec<_>>()
    );
    let found = answer(&"ö".repeat(200_000), tags, Vec::new());
    let html = one::body(&found, 0).into_string();
    assert!(html.len() < 400_000, "{}", html.len());
    assert!(
        html.contains("And 400 more.")
            && html.contains("The first 10\u{202f}000 characters of 391")
    );
    assert!(listed("", &page(vec![found], false)).len() < 12_000);
}

#[test]
fn o4_4_who_holds_an_event_and_since_when() {
    let holder = |relay, how| Holder {
        relay,
        url: format!("wss://r{relay}.example/"),
        seen_ms: 1_700_000_000_000,
        how,
    };
    let found = answer(
        "hi",
        json!([]),
        vec![holder(3, "live"), holder(9, "fetched")],
    );
    let html = one::body(&found, 1_700_000_060).into_string();
    for part in [
        "2 relays are known to hold it",
        "href=\"/observatory/relays/3\"",
        "it came live",
        "may have had it before",
        "2023-11-14 22:13 UTC",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<h2>Tags"));
    let nobody = one::body(&answer("", json!([]), Vec::new()), 0).into_string();
    assert!(nobody.contains("not known who holds it") && nobody.contains("It is empty."));
}

#[test]
fn o4_4_no_event_says_what_can_be_done() {
    assert!(listed("", &page(Vec::new(), false)).contains("The archive has no events yet"));
    assert!(listed("kinds=7", &page(Vec::new(), false)).contains("Drop all filters"));
    let early = listed("text=x", &page(Vec::new(), true));
    assert!(early.contains("ended early") && early.contains("rel=\"next\""));
}

#[test]
fn o4_4_filters_of_events_stay_in_links() {
    let html = listed(
        "kinds=1&%23t=a%26b&after=old",
        &page(vec![answer("x", json!([]), Vec::new())], false),
    );
    let author = "f7".repeat(32);
    assert!(html.contains(&format!(
        "/observatory/events?kinds=1&amp;%23t=a%26b&amp;authors={author}"
    )));
    assert!(html.contains("/api/v1/observatory/events?kinds=1&amp;%23t=a%26b\""));
}

#[test]
fn o4_4_of_many_holders_it_is_said_how_many_there_are() {
    let holder = |relay| Holder {
        relay,
        url: format!("wss://r{relay}.example/"),
        seen_ms: 1,
        how: "live",
    };
    let told = |total| {
        let found = EventAnswer {
            holders_total: Some(total),
            ..answer("", json!([]), (0..200).map(holder).collect())
        };
        one::body(&found, 0).into_string()
    };
    assert!(told(200).contains("200 relays are known to hold it<"));
    assert!(told(500).contains("500 relays are known to hold it; the first 200 are shown"));
    let many = "1\u{202f}000 relays or more are known to hold it; the first 200 are shown";
    assert!(told(1_000).contains(many));
}
