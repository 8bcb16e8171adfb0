//! `/observatory/relays`: the table of relays, and of candidates.
//!
//! The address is the question that programs ask at `/api/v1/observatory/relays`, word for word; only a page without a `limit` is shorter.

pub(super) mod filters;
mod table;
#[cfg(test)]
pub(super) mod tests;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::component::{Pager, Tab, empty, tabs};
use stentor_console::live::{Wanted, fragment};
use stentor_console::query::CURSOR;

use super::Pages;
use super::shell::Shown;
use super::visit::Visit;
use crate::answer::{AskError, Names, RelayPage, RelayQuery, names, relays};
use crate::table::State as Kind;

/// Where the page is.
pub(super) const PATH: &str = "/observatory/relays";
/// The part with the table.
const PART: &str = "relays";
/// Rows of a page unless the address says otherwise.
const ROWS: u32 = 50;

/// The page.
pub(super) async fn page(State(pages): State<Pages>, visit: Visit) -> Response {
    visit.answer(make(&pages, &visit)).await
}

async fn make(pages: &Pages, visit: &Visit) -> Result<Shown, AskError> {
    let mut parameters = visit.parameters()?;
    let mut asked = RelayQuery::read(&mut parameters)?;
    parameters.end()?;
    if visit.query.get("limit").is_none() {
        asked.limit = ROWS;
    }
    let records = &pages.ground().records;
    let found = relays(records, &asked).await?;
    // Who asks for the table has the form already.
    let names = match visit.wanted {
        Wanted::Page => names(records).await?,
        Wanted::Fragments(_) => Names::default(),
    };
    let data = visit.data("relays", &asked.written(), true);
    let discovers = pages.ground().config.discover.enabled;
    let now = visit.now();
    Ok(shown(&asked, &found, &names, now, discovers, &data))
}

/// The page of what was found.
fn shown(
    asked: &RelayQuery,
    found: &RelayPage,
    names: &Names,
    now: i64,
    discovers: bool,
    data: &Markup,
) -> Shown {
    let query = address(asked);
    let is_candidates = asked.state == Kind::Candidate;
    let heading = if is_candidates {
        "Candidates"
    } else {
        "Relays"
    };
    let body = html! {
        h1 { "Relays" }
        (views(is_candidates))
        @if is_candidates {
            p class="lead" { "URLs that somebody has named, and that have not spoken Nostr here yet. What never answers is forgotten." }
        }
        (filters::form(asked, &query, names, PART))
        (fragment(PART, list(asked, found, &query, now, discovers, data)))
    };
    let title = heading.to_owned();
    Shown { title, body }
}

fn views(is_candidates: bool) -> Markup {
    let tab = |href: &str, label: &str, current| Tab {
        href: href.to_owned(),
        label: label.to_owned(),
        current,
    };
    let candidates = Query::new(PATH, Some("state=candidate")).href();
    let entries = [
        tab(PATH, "Relays", !is_candidates),
        tab(&candidates, "Candidates", is_candidates),
    ];
    tabs("Relays or candidates", &entries)
}

fn list(
    asked: &RelayQuery,
    found: &RelayPage,
    query: &Query,
    now: i64,
    discovers: bool,
    data: &Markup,
) -> Markup {
    let chips = filters::chips(query);
    html! {
        @if !chips.is_empty() { (filters::chosen(&chips, query)) }
        @if found.relays.is_empty() {
            (none(asked, !chips.is_empty(), query, discovers))
        } @else {
            (table::table(asked, &found.relays, query, now))
            (Pager { query, next: found.next.as_deref(), shown: found.relays.len(), total: None }.render())
        }
        (data)
    }
}

/// Why there is no row, and what can be done.
fn none(asked: &RelayQuery, is_filtered: bool, query: &Query, discovers: bool) -> Markup {
    if asked.after.is_some() {
        let first = query.without(CURSOR).href();
        return empty(
            "That was the end of the list",
            html! { a href=(first) { "Back to its beginning" } },
        );
    }
    if is_filtered {
        let all = filters::dropped(query).href();
        let then = html! { "The filters above leave none. " a href=(all) { "Drop all filters" } };
        return empty("No relay is like that", then);
    }
    match (asked.state, discovers) {
        (Kind::Candidate, true) => empty(
            "No candidates",
            "What relay lists and events name comes here until it answers.",
        ),
        (_, true) => empty(
            "No relay yet",
            html! {
                "Candidates become relays once they have answered. " a href={ (PATH) "?state=candidate" } { "See the candidates" }
            },
        ),
        (_, false) => empty(
            "No relay yet",
            html! { "Discovery is switched off (" code { "observatory.discover.enabled" } ")." },
        ),
    }
}

/// The address of a question as links change it: what is as it is anyway is left out, and several NIPs are one parameter, as the form
/// has one field for them.
fn address(asked: &RelayQuery) -> Query {
    let query = Query::new(PATH, Some(&asked.written())).without("limit");
    let nips: Vec<&str> = query.all("nip").collect();
    let query = match nips.len() {
        0 | 1 => query,
        _ => query.with("nip", &nips.join(",")),
    };
    if asked.limit == ROWS {
        query
    } else {
        query.with("limit", &asked.limit.to_string())
    }
}
