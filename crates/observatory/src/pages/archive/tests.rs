//! The archive as it is shown.

use super::*;
use crate::archive::Pace;

const NOW: u64 = 1_700_000_000_000;

fn known(relays: Vec<Standing>) -> Known {
    Known {
        progress: Progress::default(),
        page: ArchivingPage { relays, next: None },
        samples: Vec::new(),
        fetching: 0,
        live: 0,
        exclusive: 0,
        events: 0,
        config: config::Archive::default(),
        now_ms: NOW,
    }
}

fn shown(known: &Known) -> String {
    body(&Query::new("/observatory/archive", None), known).into_string()
}

fn one(doing: &'static str) -> Standing {
    Standing {
        relay: 3,
        url: "wss://r.example/<b>".to_owned(),
        doing,
        status: "online".to_owned(),
        reason: Some("dns".to_owned()),
        next_ms: NOW + 120_000,
        failures: 2,
        last_ms: Some(NOW - 60_000),
        last_outcome: Some("refused: <script>".to_owned()),
        ..Standing::default()
    }
}

#[test]
fn o5_3_progress_has_an_eta_and_a_pace() {
    let known = Known {
        progress: Progress {
            share: Some(0.25),
            eta_seconds: Some(7_200),
            relays: 4,
            complete: 1,
            pace: Some(Pace {
                seconds: 60,
                new_events: 30,
                duplicates: 0,
                rejected: 0,
                bytes: 61_440,
            }),
            ..Progress::default()
        },
        ..known(Vec::new())
    };
    let html = shown(&known);
    for part in [
        "25\u{a0}%",
        "about 2\u{a0}h to go",
        "0.5",
        "1\u{a0}KiB",
        "4 relays were asked",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn o4_4_an_archive_without_relays_says_so() {
    let html = shown(&known(Vec::new()));
    assert!(html.contains("No relay has been taken up yet") && html.contains("not measured yet"));
    assert!(html.contains("Nothing has been asked for yet"));
    let mut off = known(Vec::new());
    off.config.enabled = false;
    assert!(shown(&off).contains("switched off"));
}

#[test]
fn o4_4_why_a_relay_is_not_fetched_is_told() {
    for (doing, words) in [
        ("fetching", "fetching"),
        ("waiting", "for its turn"),
        ("offline", "its name is not found"),
        ("failed", "2 times in a row"),
        ("left_out", "by the configuration"),
        ("resting", "asked again"),
    ] {
        let html = shown(&known(vec![one(doing)]));
        assert!(html.contains(words), "{doing}");
        assert!(
            !html.contains("<b>") && !html.contains("<script>"),
            "{doing}"
        );
    }
}

#[test]
fn o4_4_what_comes_first_is_marked_in_words() {
    let standing = Standing {
        live: true,
        first: true,
        leaving: true,
        ..one("waiting")
    };
    let html = shown(&known(vec![standing]));
    for word in ["live", "first", "shuts down"] {
        assert!(html.contains(&format!(">{word}</span>")), "{word}");
    }
}

#[test]
fn o3_8_what_is_kept_is_told() {
    let mut kept = known(Vec::new());
    assert!(shown(&kept).contains("for ever"));
    kept.config.keep_days = 30;
    kept.config.first = vec!["wss://first.example/".to_owned()];
    kept.config.filters = vec!["{\"kinds\":[1]}".to_owned()];
    let html = shown(&kept);
    assert!(html.contains("30 days") && html.contains("wss://first.example/"));
    assert!(html.contains("{&quot;kinds&quot;:[1]}"));
}
