//! The overview's part on relays.

use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::component::State;
use stentor_console::component::{Column, Row, Stat, Table, badge, empty, meter, stats, timestamp};
use stentor_console::format::{number, percent};

use super::Figures;
use crate::answer::Share;
use crate::pages::counts::counts;
use crate::pages::source::source;
use crate::pages::visit::seconds;
use crate::pages::words;
use crate::ranking::Part;

/// The relay table.
const TABLE: &str = "/observatory/relays";
/// Rows of a list of what relays have in common.
const SHARES: usize = 10;

/// How many there are and how they do.
pub(super) fn figures(figures: &Figures) -> Markup {
    let totals = &figures.totals;
    let unknown = totals
        .relays
        .saturating_sub(totals.relays_online)
        .saturating_sub(totals.relays_offline);
    let checks: u64 = figures.outcomes.iter().map(|one| one.checks).sum();
    let good = figures.outcomes.iter().find(|one| one.outcome == "online");
    let good = good.map_or(0, |one| one.checks);
    let state = |state, count: u64, status: &str| {
        html! { a class="count" href={ (TABLE) "?status=" (status) } { (badge(state)) " " (number(count)) } }
    };
    let states = html! {
        (state(State::Online, totals.relays_online, "online"))
        (state(State::Offline, totals.relays_offline, "offline"))
        (state(State::Unknown, unknown, "unknown"))
    };
    let share = match checks {
        0 => html! { "no check in the last 24 hours" },
        _ => html! { (percent(good as f64 / checks as f64)) " found the relay online" },
    };
    html! {
        (stats(&[
            Stat::new("Relays", number(totals.relays)).note(states).href(TABLE),
            Stat::new("Slower than usual", number(figures.network.degraded))
                .note("of those that are online")
                .href("/observatory/relays?degraded=true"),
            Stat::new("Checks in 24 hours", number(checks)).note(share),
            Stat::new("Candidates", number(totals.candidates))
                .note("named by somebody, and have not spoken Nostr yet")
                .href("/observatory/relays?state=candidate"),
        ]))
        (source(&as_of(figures), "statistics/totals", false))
    }
}

/// When the figures were read, in words; it does not move by itself, lest a part that stays the same looks as if it had changed.
pub(super) fn as_of(figures: &Figures) -> String {
    format!(
        "As of {}",
        stentor_console::format::utc(seconds(figures.at_ms))
    )
}

/// What came of the checks.
pub(super) fn checks(figures: &Figures) -> Markup {
    if figures.outcomes.is_empty() {
        let then = html! {
            @if figures.switches.checks() {
                "Each relay is checked soon after it has become known, and then once in " code { "observatory.check.interval_seconds" } "."
            } @else {
                "Checks are switched off (" code { "observatory.check.enabled" } ")."
            }
        };
        return empty("No relay was checked in the last 24 hours", then);
    }
    let rows = figures
        .outcomes
        .iter()
        .map(|one| (words::outcome(&one.outcome), String::new(), one.checks));
    html! {
        (counts("What came of them", "checks", rows))
        (source("The last 24 hours, and the hour under way", "statistics/checks?hours=24", true))
    }
}

/// Software, NIPs, countries and networks.
pub(super) fn programs(figures: &Figures) -> Markup {
    let network = &figures.network;
    html! {
        div class="pair" {
            div {
                (shares("Software", &network.software, "software", |name| words::short_software(name).to_owned()))
                (source("By their own word, of those that name it", "statistics/software", true))
            }
            div {
                (shares("NIPs", &network.nips, "nip", |nip| format!("NIP-{nip:0>2}")))
                (source("Those that most say they know", "statistics/nips", true))
            }
            @if !network.countries.is_empty() {
                div {
                    (shares("Countries", &network.countries, "country", str::to_owned))
                    (source("Where the place is known", "network", false))
                }
            }
            @if network.networks.len() > 1 {
                div {
                    (shares("Networks", &network.networks, "network", str::to_owned))
                    (source("By what they are reached", "network", false))
                }
            }
        }
    }
}

/// What relays have in common, each with a link to those that have it.
fn shares(caption: &str, all: &[Share], parameter: &str, named: fn(&str) -> String) -> Markup {
    if all.is_empty() {
        return empty(caption, "No relay that is online says so yet.");
    }
    let table = Query::new(TABLE, None).with("status", "online");
    let rows = all.iter().take(SHARES).map(|share| {
        let href = table.with(parameter, &share.name).href();
        let label = words::clipped(&named(&share.name), 60).into_owned();
        (label, href, share.relays)
    });
    counts(caption, "relays", rows)
}

/// The best relays, with the parts of their scores.
pub(super) fn ranking(query: &Query, figures: &Figures) -> Markup {
    const COLUMNS: [Column<'static>; 7] = [
        Column::text("Relay"),
        Column::text("Score"),
        Column::number("Uptime"),
        Column::number("Speed"),
        Column::number("Open to all"),
        Column::number("Holds"),
        Column::number("NIPs"),
    ];
    let part = |part: &Part| {
        html! {
            @match part.value {
                Some(value) => (percent(value)),
                None => (words::nothing("not known")),
            }
        }
    };
    let rows: Vec<Row> = figures
        .ranking
        .iter()
        .map(|relay| {
            let score = &relay.score;
            Row::new(vec![
                html! { (words::clipped(&relay.url, 120)) },
                meter(score.score, "Score"),
                part(&score.uptime),
                part(&score.speed),
                part(&score.openness),
                part(&score.holdings),
                part(&score.nips),
            ])
            .href(format!("{TABLE}/{}", relay.relay))
        })
        .collect();
    let table = Table {
        caption: "Relays that are online, the best first",
        columns: &COLUMNS,
        rows: &rows,
        query,
        sort: None,
        empty: "No relay is online, as far as checks have shown.",
    };
    html! {
        (table.render())
        @if !rows.is_empty() {
            (source("The score is the mean of its parts by weight: uptime 35, speed 20, what it holds 20, openness 15, NIPs 10; what is not known is left out", "ranking", true))
        }
    }
}

/// Entries of relay lists that lead nowhere.
pub(super) fn lists(query: &Query, figures: &Figures) -> Markup {
    const COLUMNS: [Column<'static>; 3] = [
        Column::text("Relay"),
        Column::number("Lists that name it"),
        Column::text("Is"),
    ];
    let (dead, now) = (&figures.dead, seconds(figures.at_ms));
    if dead.entries == 0 {
        let then = "Authors name their relays in events of the kinds 10002 and 10050; the archive has none yet.";
        return empty("No relay list has been read", then);
    }
    let rows: Vec<Row> = dead
        .urls
        .iter()
        .map(|entry| {
            let is = html! {
                @match entry.offline_since_ms {
                    Some(since) => { "offline since " (timestamp(seconds(since), now)) },
                    None if entry.was_relay => "offline",
                    None => "never spoke Nostr",
                }
            };
            Row::new(vec![
                html! { (words::clipped(&entry.url, 120)) },
                html! { (number(entry.entries)) },
                is,
            ])
        })
        .collect();
    let table = Table {
        caption: "Named most often",
        columns: &COLUMNS,
        rows: &rows,
        query,
        sort: None,
        empty: "Every entry leads to a relay, was never tried, or has been known for less than seven days.",
    };
    html! {
        (stats(&[
            Stat::new("Entries of relay lists", number(dead.entries)),
            Stat::new("Lead nowhere", number(dead.dead)).note(meter(dead.share, "Of all entries")),
            Stat::new("Name what was never tried", number(dead.untested)),
        ]))
        (table.render())
        (source("Offline for seven days, or named for as long and tried in vain", "statistics/lists", true))
    }
}
