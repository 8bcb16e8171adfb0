//! The rows.

use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::component::{Column, Row, Table, meter, timestamp};
use stentor_console::format::number;
use stentor_console::query;

use super::super::visit::seconds;
use super::super::words::{self, known, relay_page, short_software, short_url};
use crate::answer::{RelayQuery, RelaySummary, Sort};
use crate::table::State;

const RELAYS: [Column<'_>; 11] = [
    Column::text("Relay").sortable("url"),
    Column::text("Status"),
    Column::number("Uptime, 30 d").sortable("uptime"),
    Column::number("Open, ms").sortable("open"),
    Column::number("Read, ms").sortable("read"),
    Column::number("NIPs"),
    Column::text("Software"),
    Column::text("Country"),
    Column::number("Events").sortable("events"),
    Column::number("Exclusive").sortable("exclusive"),
    Column::number("Seen").sortable("seen"),
];

const CANDIDATES: [Column<'_>; 4] = [
    Column::text("Candidate").sortable("url"),
    Column::text("Network"),
    Column::text("Encrypted"),
    Column::number("Found").sortable("found"),
];

/// The table.
pub(super) fn table(
    asked: &RelayQuery,
    relays: &[RelaySummary],
    query: &Query,
    now: i64,
) -> Markup {
    let is_candidates = asked.state == State::Candidate;
    let sort = query::Sort {
        key: asked.sort.as_str().to_owned(),
        descending: asked.descending,
    };
    let row = |relay| match is_candidates {
        true => candidate(relay, now),
        false => relay_row(relay, now),
    };
    let rows: Vec<Row> = relays.iter().map(row).collect();
    let columns: &[Column<'_>] = if is_candidates { &CANDIDATES } else { &RELAYS };
    let caption = caption(asked);
    Table {
        caption: &caption,
        columns,
        rows: &rows,
        query,
        sort: Some(&sort),
        empty: "",
    }
    .render()
}

/// What the rows are, and in which order.
fn caption(asked: &RelayQuery) -> String {
    let what = match asked.state {
        State::Candidate => "Candidates",
        State::Relay => "Relays",
    };
    let by = match asked.sort {
        Sort::Url => "by address",
        Sort::Uptime => "by uptime over 30 days",
        Sort::Open => "by the time to open",
        Sort::Read => "by the time to read",
        Sort::Events => "by events of the archive",
        Sort::Exclusive => "by events that no other relay holds",
        Sort::Seen => "by when they last answered",
        Sort::Found => "by when they were found",
    };
    let way = match (asked.sort, asked.descending) {
        (Sort::Url, false) => "",
        (Sort::Url, true) => ", from the end",
        (Sort::Seen | Sort::Found, true) => ", the newest first",
        (Sort::Seen | Sort::Found, false) => ", the oldest first",
        (_, true) => ", the largest first",
        (_, false) => ", the smallest first",
    };
    format!("{what} {by}{way}")
}

fn relay_row(relay: &RelaySummary, now: i64) -> Row {
    let uptime = relay.uptime_month;
    Row::new(vec![
        name(relay),
        html! {
            (words::status(relay))
            @if relay.status == "offline" && let Some(word) = &relay.reason { span class="why" { (words::reason(word)) } }
        },
        known(uptime, |share| meter(share, "Uptime over 30 days")),
        words::count(relay.open_ms),
        words::count(relay.read_ms),
        words::count(relay.nips),
        match &relay.software {
            Some(software) => html! { span class="clip" title=(software) { (short_software(software)) } },
            None => words::nothing("not known"),
        },
        match &relay.country {
            Some(country) => html! { (country) },
            None => words::nothing("not known"),
        },
        html! { (number(relay.events)) },
        html! { (number(relay.exclusive)) },
        match relay.seen_ms {
            Some(at) => timestamp(seconds(at), now),
            None => words::nothing("never"),
        },
    ])
    .href(relay_page(relay.id))
}

fn candidate(relay: &RelaySummary, now: i64) -> Row {
    Row::new(vec![
        html! { span class="address" { (short_url(&relay.url)) } },
        html! { (relay.network) },
        html! { @if relay.url.starts_with("wss:") { "yes" } @else { "no" } },
        timestamp(seconds(relay.found_ms), now),
    ])
    .href(relay_page(relay.id))
}

/// What a relay is called, by itself and by its address.
fn name(relay: &RelaySummary) -> Markup {
    html! {
        @if let Some(name) = &relay.name { bdi class="name" { (name) } }
        span class="address" { (short_url(&relay.url)) }
    }
}
