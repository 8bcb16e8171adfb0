//! The page with a table of relays.

use stentor_console::component::{
    Column, Field, Filters, Pager, Row, Table, badge, meter, timestamp,
};
use stentor_console::format::number;
use stentor_console::live::fragment;
use stentor_console::query::CURSOR;
use stentor_console::{Markup, Query, html};

use crate::data::{Relay, now, relays};

const SHOWN: usize = 12;

const COLUMNS: [Column<'_>; 7] = [
    Column::text("Relay").sortable("url"),
    Column::text("State"),
    Column::text("Network"),
    Column::number("Round trip, ms").sortable("rtt"),
    Column::number("Events").sortable("events"),
    Column::number("Uptime, 30 d").sortable("uptime"),
    Column::text("Checked"),
];

const FIELDS: [Field<'_>; 4] = [
    Field::Text {
        name: "q",
        label: "Address",
        placeholder: "part of it",
    },
    Field::Select {
        name: "net",
        label: "Network",
        options: &[
            ("", "any"),
            ("clearnet", "clearnet"),
            ("tor", "Tor"),
            ("i2p", "I2P"),
        ],
    },
    Field::Checkboxes {
        name: "state",
        label: "State",
        options: &[
            ("online", "online"),
            ("degraded", "degraded"),
            ("offline", "offline"),
            ("unknown", "unknown"),
        ],
    },
    Field::Number {
        name: "rtt",
        label: "At most, ms",
        min: 0,
        max: 10_000,
    },
];

/// The page.
pub(crate) fn body(query: &Query, tick: u64) -> Markup {
    html! {
        h1 { "Relays" }
        (Filters { query, fields: &FIELDS, folded: &[], target: "relays" }.render())
        (fragment("relays", list(query, tick)))
    }
}

fn list(query: &Query, tick: u64) -> Markup {
    let mut found: Vec<Relay> = relays(tick)
        .into_iter()
        .filter(|relay| wanted(relay, query))
        .collect();
    let sort = query.sort();
    if let Some(sort) = &sort {
        match sort.key.as_str() {
            "url" => found.sort_by(|a, b| a.url.cmp(&b.url)),
            "rtt" => found.sort_by_key(|relay| relay.round_trip),
            "events" => found.sort_by_key(|relay| relay.events),
            "uptime" => found.sort_by(|a, b| a.uptime.total_cmp(&b.uptime)),
            _ => {}
        }
        if sort.descending {
            found.reverse();
        }
    }
    let start = found
        .iter()
        .position(|relay| Some(relay.url.as_str()) == query.get(CURSOR))
        .map_or(0, |at| at + 1);
    let total = found.len();
    let page: Vec<&Relay> = found.iter().skip(start).take(SHOWN).collect();
    let next = page
        .last()
        .filter(|_| start + SHOWN < total)
        .map(|relay| relay.url.as_str());
    let rows: Vec<Row> = page.iter().map(|relay| row(relay)).collect();
    html! {
        (Table { caption: "Relays", columns: &COLUMNS, rows: &rows, query, sort: sort.as_ref(), empty: "No relay matches these filters." }.render())
        (Pager { query, next, shown: page.len(), total: Some(total as u64) }.render())
    }
}

fn wanted(relay: &Relay, query: &Query) -> bool {
    let limit = query.get("rtt").and_then(|limit| limit.parse::<u64>().ok());
    let mut states = query.all("state").peekable();
    query.get("q").is_none_or(|word| relay.url.contains(word))
        && query
            .get("net")
            .is_none_or(|network| relay.network == network)
        && limit.is_none_or(|limit| relay.round_trip <= limit)
        && (states.peek().is_none() || states.any(|state| relay.state.label() == state))
}

fn row(relay: &Relay) -> Row {
    Row::new(vec![
        html! { (relay.url) },
        badge(relay.state),
        html! { (relay.network) },
        html! { (number(relay.round_trip)) },
        html! { (number(relay.events)) },
        meter(relay.uptime, "Uptime over 30 days"),
        timestamp(relay.seen, now()),
    ])
    .href(Query::new("/parts", None).with("url", &relay.url).href())
}
