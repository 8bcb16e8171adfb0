//! The top of the page: which relay it is, how it does now, and what follows.

use std::time::Duration;

use maud::{Markup, html};
use stentor_console::component::{Stat, breadcrumb, stats, timestamp};
use stentor_console::format::{duration, number, percent};

use super::gather::Gathered;
use crate::pages::relays::PATH;
use crate::pages::visit::seconds;
use crate::pages::words;

/// The sections of the page.
const SECTIONS: [(&str, &str); 8] = [
    ("#charts", "How it does"),
    ("#facts", "What is known of it"),
    ("#checks", "Checks"),
    ("#coverage", "Coverage"),
    ("#archive", "Events"),
    ("#score", "Score"),
    ("#changes", "Changes"),
    ("#named", "Who names it"),
];

/// Its name and its address.
pub(super) fn top(all: &Gathered) -> Markup {
    let relay = &all.detail.relay;
    let short = words::short_url(&relay.url);
    html! {
        (breadcrumb(&[(PATH, "Relays")], short))
        h1 { bdi { (relay.name.as_deref().unwrap_or(short)) } }
        p class="lead" { code { (relay.url) } }
    }
}

/// What is on the page.
pub(super) fn contents() -> Markup {
    html! {
        nav class="contents" aria-label="On this page" {
            ul { @for (href, label) in SECTIONS { li { a href=(href) { (label) } } } }
        }
    }
}

/// How it does now, and over the times that are asked for most.
pub(super) fn status(all: &Gathered) -> Markup {
    let relay = &all.detail.relay;
    let share = |label, value: Option<f64>| match value {
        Some(share) => Stat::new(label, percent(share)),
        None => Stat::new(label, "–").note("not tested"),
    };
    let time = |label, value: Option<u64>| match value {
        Some(ms) => Stat::new(label, duration(Duration::from_millis(ms))),
        None => Stat::new(label, "–").note("not tested"),
    };
    let uptimes = [
        share("Uptime, 24 h", relay.uptime_day),
        share("Uptime, 7 d", relay.uptime_week),
        share("Uptime, 30 d", relay.uptime_month),
        share("Uptime, 90 d", relay.uptime_quarter),
    ];
    let figures = [
        time("To open", relay.open_ms),
        time("To read", relay.read_ms),
        time("To write", relay.write_ms),
        Stat::new("Events", number(relay.events)).note("of the archive"),
        Stat::new("Exclusive", number(relay.exclusive)).note("held by no other relay"),
    ];
    html! {
        p class="standing" {
            (words::status(relay))
            span {
                @if relay.status == "offline" && let Some(word) = &relay.reason { (words::reason(word)) " " }
                @if let Some(since) = all.detail.status_since_ms { "since " (timestamp(seconds(since), all.now)) ", " }
                @match relay.checked_ms {
                    Some(at) => { "checked " (timestamp(seconds(at), all.now)) }
                    None => { "not checked yet" }
                }
            }
        }
        @if relay.status == "offline" && let Some(detail) = &all.detail.detail { p class="detail" { bdi { (detail) } } }
        (stats(&uptimes))
        (stats(&figures))
    }
}
