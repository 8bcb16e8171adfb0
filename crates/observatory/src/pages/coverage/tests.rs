//! Coverage as it is shown.

use super::*;

const NOW: u64 = 1_700_000_000;

fn interval(filter: &str, since: u64, until: u64, state: &str, reason: Option<&str>) -> Asked {
    let mut one = Asked::test(filter, state, reason.unwrap_or_default());
    (one.since, one.until, one.events) = (since, until, 10);
    one.method = Some("windows".to_owned());
    one
}

fn known(relays: Vec<CoverageStrip>) -> Known {
    Known {
        page: CoveredPage { relays, next: None },
        progress: Progress {
            relays: 1,
            complete_seconds: 500,
            capped_seconds: 100,
            refused_seconds: 0,
            failed_seconds: 100,
            left_seconds: 400,
            ..Progress::default()
        },
        since: NOW - 1_000,
        now_ms: NOW * 1_000,
        is_on: true,
    }
}

fn strip(intervals: Vec<Asked>, is_cut: bool) -> CoverageStrip {
    CoverageStrip {
        relay: 7,
        url: "wss://r.example/".to_owned(),
        intervals,
        is_cut,
    }
}

fn shown(raw: &str, known: &Known) -> String {
    body(&Query::new("/observatory/coverage", Some(raw)), known).into_string()
}

#[test]
fn o4_4_coverage_is_told_relay_by_relay_and_filter_by_filter() {
    let intervals = vec![
        interval("{}", NOW - 900, NOW - 801, "complete", None),
        interval("{}", NOW - 800, NOW - 701, "capped", Some("full <b>second")),
        interval(
            "{\"kinds\":[1]}",
            NOW - 900,
            NOW - 1,
            "refused",
            Some("auth-required"),
        ),
    ];
    let html = shown("", &known(vec![strip(intervals, false)]));
    for part in [
        "All events, 20 events",
        "{&quot;kinds&quot;:[1]}, 10 events",
        "full &lt;b&gt;second (by pages whose boundaries are verified)",
        "id=\"relay-7\"",
        "never asked",
        "coverage is to be read",
        "/api/v1/observatory/coverage?format=csv",
    ] {
        assert!(html.contains(part), "{part}\n{html}");
    }
    assert!(!html.contains("<b>second"));
}

#[test]
fn o4_4_what_is_not_shown_is_not_said_to_be_never_asked() {
    let pieces = || vec![interval("{}", NOW - 1_000, NOW - 501, "complete", None)];
    let whole = shown("", &known(vec![strip(pieces(), false)]));
    let cut = shown("", &known(vec![strip(pieces(), true)]));
    let share = |html: &str| {
        let at = html.rfind("never asked <span").unwrap();
        html[at..].chars().skip(37).take(12).collect::<String>()
    };
    assert!(share(&whole).contains("50"), "{}", share(&whole));
    assert!(share(&cut).contains(">0"), "{}", share(&cut));
    assert!(cut.contains("all of them"));
}

#[test]
fn o4_4_totals_of_coverage_add_up() {
    // 600 are told, 400 are left, of which 100 have failed.
    let html = shown("", &known(Vec::new()));
    for part in ["50\u{a0}%", "10\u{a0}%", "30\u{a0}%", "0\u{a0}%"] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn o4_4_no_coverage_says_why() {
    assert!(shown("", &known(Vec::new())).contains("No relay was asked for events yet"));
    assert!(shown("state=failed", &known(Vec::new())).contains("Drop all filters"));
    let off = Known {
        is_on: false,
        ..known(Vec::new())
    };
    assert!(shown("", &off).contains("observatory.archive.enabled"));
    let links = shown(
        "state=failed&text=x",
        &known(vec![strip(Vec::new(), false)]),
    );
    assert!(links.contains("/api/v1/observatory/coverage?state=failed&amp;format=csv"));
}
