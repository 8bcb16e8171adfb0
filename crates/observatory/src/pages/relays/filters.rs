//! The form of the table, and what of it is in force.

use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::component::{Field, Filters};
use stentor_console::query::CURSOR;

use super::super::words::short_software;
use crate::answer::{Names, RelayQuery};
use crate::table::State;

/// The parameters that choose, with what they are called.
const CHOICES: [(&str, &str); 10] = [
    ("text", "Name or URL"),
    ("status", "Status"),
    ("min_uptime", "Uptime"),
    ("nip", "NIPs"),
    ("network", "Network"),
    ("software", "Software"),
    ("country", "Country"),
    ("auth_required", "Asks who reads"),
    ("payment_required", "Wants payment"),
    ("degraded", "Slower than usual"),
];
/// A value of an address and what it is called.
type Choice<'a> = (&'a str, &'a str);

const STATUS: [Choice<'_>; 4] = [
    ("", "any"),
    ("online", "online"),
    ("offline", "offline"),
    ("unknown", "unknown"),
];
const NETWORK: [Choice<'_>; 5] = [
    ("", "any"),
    ("clearnet", "clearnet"),
    ("tor", "Tor"),
    ("i2p", "I2P"),
    ("loki", "Lokinet"),
];
const UPTIME: [Choice<'_>; 6] = [
    ("", "any"),
    ("0.999", "99.9 % and more"),
    ("0.99", "99 % and more"),
    ("0.95", "95 % and more"),
    ("0.9", "90 % and more"),
    ("0.5", "50 % and more"),
];
const TRUTH: [Choice<'_>; 3] = [("", "any"), ("true", "yes"), ("false", "no")];

/// The form, for the part of the page that is called `target`.
pub(in crate::pages) fn form(
    asked: &RelayQuery,
    query: &Query,
    names: &Names,
    target: &str,
) -> Markup {
    let software: Vec<Choice<'_>> = names
        .software
        .iter()
        .map(|share| (&*share.name, short_software(&share.name)))
        .collect();
    let countries: Vec<Choice<'_>> = names
        .countries
        .iter()
        .map(|share| (&*share.name, &*share.name))
        .collect();
    let software = with_chosen(&software, asked.software.as_deref());
    let countries = with_chosen(&countries, asked.country.as_deref());
    let uptime = asked.min_uptime.map(|share| share.to_string());
    let uptime = with_chosen(UPTIME.get(1..).unwrap_or_default(), uptime.as_deref());
    let select = |name, options| Field::Select {
        name,
        label: label(name),
        options,
    };
    let text = Field::Text {
        name: "text",
        label: label("text"),
        placeholder: "part of it",
    };
    let nips = Field::Text {
        name: "nip",
        label: label("nip"),
        placeholder: "50, !77",
    };
    let network = select("network", &NETWORK);
    let (fields, folded) = match asked.state {
        // Nothing else is known of them.
        State::Candidate => (vec![text, network], Vec::new()),
        State::Relay => (
            vec![
                text,
                select("status", &STATUS),
                select("min_uptime", &uptime),
                nips,
            ],
            vec![
                select("software", &software),
                select("country", &countries),
                network,
                select("auth_required", &TRUTH),
                select("payment_required", &TRUTH),
                select("degraded", &TRUTH),
            ],
        ),
    };
    Filters {
        query,
        fields: &fields,
        folded: &folded,
        target,
    }
    .render()
}

fn label(name: &str) -> &'static str {
    let found = CHOICES.iter().find(|(other, _)| *other == name);
    found.map_or("", |(_, label)| label)
}

/// Options with what is chosen among them, even where it is not one of the usual ones.
fn with_chosen<'a>(options: &[Choice<'a>], chosen: Option<&'a str>) -> Vec<Choice<'a>> {
    let extra = chosen.filter(|chosen| options.iter().all(|(value, _)| value != chosen));
    std::iter::once(("", "any"))
        .chain(extra.map(|chosen| (chosen, chosen)))
        .chain(options.iter().copied())
        .collect()
}

/// A filter in force.
pub(in crate::pages) struct Chip {
    name: &'static str,
    text: String,
}

/// What chooses in an address.
pub(in crate::pages) fn chips(query: &Query) -> Vec<Chip> {
    let chip = |(name, label): &(&'static str, &'static str)| {
        let value = query.get(name)?;
        let value = match *name {
            "software" => short_software(value).to_owned(),
            "min_uptime" => uptime(value),
            "auth_required" | "payment_required" | "degraded" => word(&TRUTH, value),
            "network" => word(&NETWORK, value),
            _ => value.to_owned(),
        };
        let text = format!("{label}: {value}");
        Some(Chip { name, text })
    };
    CHOICES.iter().filter_map(chip).collect()
}

fn uptime(value: &str) -> String {
    let share: f64 = value.parse().unwrap_or(f64::NAN);
    format!("{} and more", stentor_console::format::percent(share))
}

fn word(words: &[Choice<'_>], value: &str) -> String {
    let found = words.iter().find(|(other, _)| *other == value);
    found.map_or(value, |(_, word)| word).to_owned()
}

/// The filters in force, each with a link that drops it.
pub(in crate::pages) fn chosen(chips: &[Chip], query: &Query) -> Markup {
    html! {
        ul class="chips" aria-label="Filters in force" {
            @for chip in chips {
                li {
                    a href=(query.without(chip.name).without(CURSOR).href()) title="Drop this filter" {
                        span { (chip.text) } span class="chip-drop" aria-hidden="true" { "×" }
                    }
                }
            }
            @if chips.len() > 1 { li { a class="chip-all" href=(dropped(query).href()) { "Drop all filters" } } }
        }
    }
}

/// The address without any filter.
pub(super) fn dropped(query: &Query) -> Query {
    CHOICES
        .iter()
        .fold(query.without(CURSOR), |query, (name, _)| {
            query.without(name)
        })
}
