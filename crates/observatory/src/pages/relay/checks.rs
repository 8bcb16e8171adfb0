//! Its checks, the newest first.

use maud::{Markup, html};
use stentor_console::component::{Column, Pager, Row, State, Table, badge_with, timestamp};
use stentor_console::format::number;

use super::gather::Gathered;
use crate::answer::RelayCheck;
use crate::pages::visit::seconds;
use crate::pages::words;

const COLUMNS: [Column<'_>; 7] = [
    Column::text("When"),
    Column::text("Outcome"),
    Column::number("Open, ms"),
    Column::number("Read, ms"),
    Column::number("Write, ms"),
    Column::text("Write test"),
    Column::number("Attempts"),
];

/// The table, with the way to older ones.
pub(super) fn table(all: &Gathered) -> Markup {
    let Some(page) = &all.checks else {
        return html! {};
    };
    let rows: Vec<Row> = page
        .checks
        .iter()
        .map(|check| row(check, all.now))
        .collect();
    html! {
        (Table {
            caption: "Checks",
            columns: &COLUMNS,
            rows: &rows,
            query: &all.query,
            sort: None,
            empty: "It has not been checked yet.",
        }.render())
        @if !rows.is_empty() {
            (Pager { query: &all.query, next: page.next.as_deref(), shown: rows.len(), total: None }.render())
        }
    }
}

fn row(check: &RelayCheck, now: i64) -> Row {
    let outcome = match (check.online, &check.reason) {
        (Some(true), _) => badge_with(State::Online, "online"),
        (Some(false), word) => html! {
            (badge_with(State::Offline, "offline"))
            @if let Some(word) = word { span class="why" { (words::reason(word)) } }
        },
        (None, word) => html! {
            (badge_with(State::Unknown, "says nothing"))
            @if let Some(word) = word { span class="why" { (untold(word)) } }
        },
    };
    Row::new(vec![
        timestamp(seconds(check.at_ms), now),
        outcome,
        words::count(check.open_ms),
        words::count(check.read_ms),
        words::count(check.write_ms),
        match &check.write_outcome {
            Some(word) => html! { (words::write_outcome(word)) },
            None => words::untested(),
        },
        html! { (number(check.attempts)) },
    ])
}

/// Why a check says nothing of the relay.
fn untold(word: &str) -> String {
    match word {
        "own_network" => "our own network was down".to_owned(),
        "no_proxy" => "no proxy leads to its network".to_owned(),
        other => words::reason(other),
    }
}
