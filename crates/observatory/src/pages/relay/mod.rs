//! `/observatory/relays/{relay}`: all that is known of one relay, by its number or its percent-encoded URL.
//!
//! `gather` asks the readers for the parts that are wanted; the rest are functions from what they found to markup. The address has the
//! range of the charts as `/api/v1/observatory/relays/{relay}/series` has it, and the place in the list of checks.

mod archive;
mod changes;
mod charts;
mod checks;
mod facts;
mod gather;
mod head;
mod limits;
mod score;
#[cfg(test)]
mod tests;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use stentor_console::live::fragment;

use super::Pages;
use super::shell::Shown;
use super::visit::Visit;
use crate::answer::AskError;
use gather::{Gathered, gather};

/// The parts that follow changes.
pub(super) mod part {
    /// How it does, in figures.
    pub const STATUS: &str = "relay-status";
    /// Charts.
    pub const CHARTS: &str = "relay-charts";
    /// Checks.
    pub const CHECKS: &str = "relay-checks";
    /// What is known of it.
    pub const FACTS: &str = "relay-facts";
    /// What has changed in its document.
    pub const CHANGES: &str = "relay-changes";
    /// What it was asked about.
    pub const COVERAGE: &str = "relay-coverage";
    /// How archiving it goes.
    pub const ARCHIVE: &str = "relay-archive";
    /// Its score.
    pub const SCORE: &str = "relay-score";
}

/// The page.
pub(super) async fn page(
    State(pages): State<Pages>,
    Path(name): Path<String>,
    visit: Visit,
) -> Response {
    let made = async {
        let gathered = gather(&pages, &visit, &name).await?;
        Ok::<_, AskError>(shown(&gathered))
    };
    visit.answer(made).await
}

/// The page of what was found.
fn shown(all: &Gathered) -> Shown {
    let relay = &all.detail.relay;
    let title = relay.name.clone().unwrap_or_else(|| relay.url.clone());
    let body = if relay.state == "candidate" {
        candidate(all)
    } else {
        html! {
            (head::top(all))
            (head::contents())
            (fragment(part::STATUS, head::status(all)))
            (section("charts", "How it does", fragment(part::CHARTS, charts::charts(all))))
            (section("facts", "What is known of it", fragment(part::FACTS, html! { (facts::facts(all)) (limits::limits(all)) })))
            (section("checks", "Checks", fragment(part::CHECKS, checks::table(all))))
            (section("coverage", "Coverage", fragment(part::COVERAGE, archive::coverage(all))))
            (section("archive", "Events and how they come", fragment(part::ARCHIVE, archive::figures(all))))
            (section("score", "Score", fragment(part::SCORE, score::score(all))))
            (section("changes", "Changes of its document", fragment(part::CHANGES, changes::log(all))))
            (section("named", "Who names it", facts::mentions(all)))
            (all.data)
        }
    };
    Shown { title, body }
}

/// A URL that has not answered yet: little is known of it.
fn candidate(all: &Gathered) -> Markup {
    html! {
        (head::top(all))
        (fragment(part::STATUS, facts::found(all)))
        (section("named", "Who names it", facts::mentions(all)))
        (all.data)
    }
}

fn section(id: &str, title: &str, content: Markup) -> Markup {
    html! {
        section class="section" id=(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (title) }
            (content)
        }
    }
}
