//! The other pages.

use std::time::Duration;

use stentor_console::chart::{Bar, Histogram, LineChart, Series, Uptime, bars, sparkline};
use stentor_console::component::{
    Coverage, Interval, Intervals, Level, Stat, State, badge, badge_with, breadcrumb, definitions,
    empty, meter, notice, period_tabs, stats, timestamp,
};
use stentor_console::format::{bytes, compact, duration, number};
use stentor_console::live::fragment;
use stentor_console::map::WorldMap;
use stentor_console::{Markup, Query, html};

use crate::data::{course, now, places, times, uptime};

/// Figures, charts, the map.
pub(crate) fn overview(query: &Query, tick: u64) -> Markup {
    let (periods, seconds) = period_tabs(query, "period", "24h");
    html! {
        h1 { "Network" }
        (fragment("figures", figures(tick)))
        h2 { "Round trips" }
        (periods)
        (fragment("charts", charts(seconds, tick)))
        h2 { "Where they are" }
        (WorldMap { id: "places", title: "Relays by place", places: &places(), cell: 8.0 }.render())
        h2 { "What the archive holds" }
        (coverage())
        (archive())
    }
}

fn figures(tick: u64) -> Markup {
    let course: Vec<f64> = (0..40u64)
        .map(|n| ((n + tick) as f64 / 4.0).sin() + n as f64 / 9.0)
        .collect();
    let spark = sparkline("Events a minute", &course, |value| format!("{value:.1}"));
    stats(&[
        Stat::new("Relays known", number(1_874))
            .note("1 203 of them online")
            .href("/relays"),
        Stat::new("Events archived", compact(48_213_377)).note(spark),
        Stat::new("Events of today", number(182_400 + tick)),
        Stat::new("Disk", bytes(61_203_283_968)),
        Stat::new("Oldest gap", duration(Duration::from_secs(273_600)))
            .note(meter(0.918, "Covered")),
    ])
}

fn charts(seconds: i64, tick: u64) -> Markup {
    let times = times(seconds, 180);
    let [open, read, write] =
        [(1, 40.0), (2, 90.0), (3, 140.0)].map(|(seed, base)| course(seed, base, &times, tick));
    let series = [
        Series {
            name: "open",
            values: &open,
        },
        Series {
            name: "read",
            values: &read,
        },
        Series {
            name: "write",
            values: &write,
        },
    ];
    html! {
        (LineChart {
            title: "Round trips of wss://amber-0.relay.example/",
            from: now() - seconds,
            to: now(),
            times: &times,
            series: &series,
            format: |value| format!("{value:.0}\u{a0}ms"),
        }.render())
        (Uptime { label: "Uptime, 24 hours", cells: &uptime() }.render())
    }
}

fn coverage() -> Markup {
    let day = 86_400;
    let from = now() - 60 * day;
    let piece = |start: i64, end: i64, coverage, reason| Interval {
        from: from + start * day,
        to: from + end * day,
        coverage,
        reason,
    };
    let intervals = [
        piece(8, 21, Coverage::Complete, "negentropy"),
        piece(21, 26, Coverage::Capped, "more than 500 events in a second"),
        piece(26, 30, Coverage::Refused, "auth-required: members only"),
        piece(30, 44, Coverage::Complete, "negentropy"),
        piece(44, 48, Coverage::Failed, "no answer within 30 s"),
        piece(48, 60, Coverage::Complete, "windows"),
    ];
    Intervals {
        id: "all",
        label: "wss://amber-0.relay.example/, all kinds",
        from,
        to: now(),
        intervals: &intervals,
    }
    .render()
}

fn archive() -> Markup {
    let buckets: Vec<(String, u64)> = (1..=24u64)
        .map(|n| (n.to_string(), 9_000_000 / (n * n) + n * 90))
        .collect();
    let software = [
        Bar {
            label: "strfry",
            count: 612,
            href: "/relays?q=strfry",
        },
        Bar {
            label: "nostr-rs-relay",
            count: 288,
            href: "/relays?q=rs",
        },
        Bar {
            label: "khatru",
            count: 141,
            href: "/relays?q=khatru",
        },
        Bar {
            label: "a relay with a name that is longer than any column would be",
            count: 9,
            href: "",
        },
    ];
    html! {
        (Histogram { title: "On how many relays an event is", unit: "events", buckets: &buckets }.render())
        (bars("Software", "relays", &software))
    }
}

/// Small components, in each of their states.
pub(crate) fn parts(tick: u64) -> Markup {
    html! {
        (breadcrumb(&[("/", "Network"), ("/relays", "Relays")], "wss://amber-0.relay.example/"))
        h1 { "wss://amber-0.relay.example/" }
        (notice(Level::Info, "The relay asks for NIP-42 before it answers."))
        (notice(Level::Warning, "Its certificate is about to expire."))
        (notice(Level::Error, "The relay has been offline for two days."))
        h2 { "States" }
        p { @for state in State::ALL { (badge(state)) " " } (badge_with(State::Offline, "certificate expired")) }
        h2 { "What it says of itself" }
        (definitions(&[
            ("Software", html! { "strfry 1.0.4" }),
            ("State", badge(State::Online)),
            ("Checked", timestamp(now() - 240, now())),
            ("Certificate ends", timestamp(now() + 900_000, now())),
            ("Contact", stentor_console::link::link("mailto:admin@relay.example", "admin@relay.example")),
            ("Key", html! { code { "7f3b1c0a55e2d94cbb0dcb41a7d9ce3a6f0b1f5a08c2e4917d3355aa10e6c9bd" } }),
        ]))
        h2 { "Nothing" }
        (empty("No changes yet", "They are written down when the relay's document changes."))
        (LineChart {
            title: "Round trips",
            from: now() - 3_600,
            to: now(),
            times: &[],
            series: &[Series { name: "open", values: &[] }],
            format: |value| value.to_string(),
        }.render())
        h2 { "In place" }
        (fragment("parts", html! {
            p { "Seen " (tick) " changes." }
            details { summary { "More about the relay" } p { "It stays open while the page changes." } }
            p { label { "A note " input type="text" name="note" id="note"; } }
        }))
    }
}
