//! Its score with its parts (O4.6).

use maud::{Markup, html};
use stentor_console::component::{Column, Row, Table, empty, meter};
use stentor_console::format::{decimal, percent};

use super::gather::Gathered;
use crate::pages::words;

const COLUMNS: [Column<'_>; 4] = [
    Column::text("Part"),
    Column::number("Value"),
    Column::number("Weight"),
    Column::text("Of what"),
];

/// The score, and what it is made of.
pub(super) fn score(all: &Gathered) -> Markup {
    let Some(ranked) = &all.ranked else {
        return empty("Not ranked", "Only relays that are online have a score.");
    };
    let score = &ranked.score;
    let parts = [
        ("Uptime", &score.uptime, "checks that found it online"),
        (
            "Speed",
            &score.speed,
            "opening and reading: all for 100 ms, nothing for 10 s",
        ),
        (
            "Openness",
            &score.openness,
            "takes events of everybody, of who authenticates, or of some",
        ),
        (
            "Holdings",
            &score.holdings,
            "events beside the relay that holds most, by the logarithm",
        ),
        ("NIPs", &score.nips, "of 9, 11, 40, 42, 45, 50 and 77"),
    ];
    let row = |(name, part, what): &(&str, &crate::ranking::Part, &str)| {
        Row::new(vec![
            html! { (name) },
            words::known(part.value, |value| meter(value, name)),
            html! { (percent(part.weight)) },
            html! { (what) },
        ])
    };
    let rows: Vec<Row> = parts.iter().map(row).collect();
    html! {
        p {
            "The score is " strong { (decimal(score.score, 2)) } " of 1: the mean of the parts that are known, by their weights. "
            "What was not tested is left out, and its weight with it."
        }
        (Table { caption: "Parts of the score", columns: &COLUMNS, rows: &rows, query: &all.query, sort: None, empty: "" }.render())
    }
}
