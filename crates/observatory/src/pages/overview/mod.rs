//! `/observatory`: the network and the archive in figures.
//!
//! What does not depend on the address is computed once for all readers (`Pages::figures`); charts of a time are read for each.

mod activity;
mod archive;
mod figures;
mod relays;

#[cfg(test)]
mod tests;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::component::{Level, empty, notice};
use stentor_console::live::fragment;

use super::Pages;
use super::shell::Shown;
use super::visit::Visit;
use activity::Activity;
pub(super) use archive::{eta, rate};
pub(crate) use figures::Figures;

/// The page.
pub(super) async fn page(State(pages): State<Pages>, visit: Visit) -> Response {
    let shown = async {
        let asked = activity::Asked::read(visit.parameters()?)?;
        let figures = pages.figures().await?;
        let activity = match visit.wanted.includes("overview-activity") {
            true => Some(Activity::read(pages.ground(), asked).await?),
            false => None,
        };
        Ok(Shown {
            title: "Overview".to_owned(),
            body: body(&visit.query, &figures, activity.as_ref()),
        })
    };
    visit.answer(shown).await
}

/// The sections, as they are called in addresses and in words.
const SECTIONS: [(&str, &str); 8] = [
    ("archive", "The archive"),
    ("activity", "What was published"),
    ("checks", "Checks of the last 24 hours"),
    ("programs", "What relays that are online run"),
    ("ranking", "The best relays"),
    ("copies", "Who holds what"),
    ("latency", "How long events take to arrive"),
    ("lists", "Relay lists that lead nowhere"),
];

fn body(query: &Query, figures: &Figures, activity: Option<&Activity>) -> Markup {
    // Charts of nothing say nothing.
    let is_empty = figures.totals.relays == 0 && figures.totals.events == 0;
    html! {
        h1 { "Overview" }
        @if !is_empty { (contents()) }
        (fragment("overview-relays", relays(figures)))
        @if !is_empty {
            @for (id, title) in SECTIONS {
                section class="section" id=(id) {
                    h2 { (title) }
                    (section(id, query, figures, activity))
                }
            }
        }
    }
}

fn contents() -> Markup {
    html! {
        nav class="contents" aria-label="On this page" {
            ul { @for (id, title) in SECTIONS { li { a href={ "#" (id) } { (title) } } } }
        }
    }
}

/// What is in a section.
fn section(id: &str, query: &Query, figures: &Figures, activity: Option<&Activity>) -> Markup {
    let content = match id {
        "archive" => archive::figures(figures),
        "activity" => match activity {
            Some(activity) => activity.render(query),
            // Another part is asked for.
            None => return html! {},
        },
        "checks" => relays::checks(figures),
        "programs" => relays::programs(figures),
        "ranking" => relays::ranking(query, figures),
        "copies" => archive::copies(figures),
        "latency" => archive::latency(query, figures),
        _ => relays::lists(query, figures),
    };
    fragment(&format!("overview-{id}"), content)
}

/// What is to be known first: our own network, what is switched off, the relays.
fn relays(figures: &Figures) -> Markup {
    html! {
        (own_network(figures))
        @if let Some(off) = figures.switches.off() {
            (notice(Level::Info, html! { p { "Switched off by the configuration: " (off) ". What is shown of it does not change." } }))
        }
        @if figures.totals.relays == 0 {
            (nobody(figures))
        } @else {
            (relays::figures(figures))
        }
    }
}

fn own_network(figures: &Figures) -> Markup {
    let checks = figures.switches.checks();
    html! {
        @match figures.own_network {
            Some(true) => {}
            Some(false) => (notice(Level::Error, html! {
                p { "Our own network is down: nobody can be reached. Relays keep the status that they had, and checks count for nothing until it is back." }
            })),
            None if checks && figures.totals.relays > 0 => (notice(Level::Info, html! {
                p { "It is not known yet whether our own network is up: no check has reached anybody since this node was started." }
            })),
            None => {}
        }
    }
}

/// There is nothing yet, and what can be done about it.
fn nobody(figures: &Figures) -> Markup {
    let candidates = figures.totals.candidates;
    let then = html! {
        @if candidates > 0 {
            a href="/observatory/relays?state=candidate" {
                @if candidates == 1 { "One URL" } @else { (candidates) " URLs" }
            }
            " that somebody has named " @if candidates == 1 { "is" } @else { "are" } " being tried; each becomes a relay once it speaks Nostr."
        } @else if !figures.switches.discovers() {
            "Discovery is switched off (" code { "observatory.discover.enabled" } "), so none will be found."
        } @else {
            "Discovery looks for some in its seeds, in relay lists and in what relays say of each other. If none comes, look at "
            code { "observatory.discover" } " in the configuration."
        }
    };
    empty("No relay is known yet", then)
}
