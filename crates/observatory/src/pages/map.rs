//! `/observatory/map`: where relays are, by the operator's file.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::component::{Column, Row, Table, badge, empty};
use stentor_console::format::{number, utc};
use stentor_console::live::{Wanted, fragment};
use stentor_console::map::{Place, WorldMap};

use super::Pages;
use super::counts::counts;
use super::relays::filters;
use super::shell::Shown;
use super::source::source;
use super::visit::Visit;
use super::words::{clipped, nothing, state};
use crate::answer::{Names, Placed, Places, RelayQuery, names, places};
use crate::check::middle;

/// The part with the map.
const PART: &str = "map";
/// Rows of the list below the map; the relay table has all.
const LISTED: usize = 50;
/// The size of the map's cells, in degrees.
const CELL: f64 = 8.0;

/// What tells where addresses are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Source {
    /// Of what kind the file is, and when it was made, in Unix seconds; nothing where none is configured.
    file: Option<(String, u64)>,
}

/// The page.
pub(super) async fn page(State(pages): State<Pages>, visit: Visit) -> Response {
    let shown = async {
        let mut parameters = visit.parameters()?;
        let asked = RelayQuery::read(&mut parameters)?;
        parameters.end()?;
        let ground = pages.ground();
        let found = places(&ground.records, &asked).await?;
        // Who asks for the map has the form already.
        let names = match visit.wanted {
            Wanted::Page => names(&ground.records).await?,
            Wanted::Fragments(_) => Names::default(),
        };
        let file = ground.places.source();
        let source = Source {
            file: file.map(|(kind, at)| (kind.to_owned(), at)),
        };
        Ok(Shown {
            title: "Map".to_owned(),
            body: body(&visit.query, &asked, &names, &found, &source),
        })
    };
    visit.answer(shown).await
}

fn body(
    query: &Query,
    asked: &RelayQuery,
    names: &Names,
    found: &Places,
    source: &Source,
) -> Markup {
    html! {
        h1 { "Map" }
        (filters::form(asked, query, names, PART))
        (fragment(PART, map(query, asked, found, source)))
    }
}

fn map(query: &Query, asked: &RelayQuery, found: &Places, from: &Source) -> Markup {
    let all = found.known + found.unknown;
    if all == 0 {
        return nobody(query);
    }
    let chips = filters::chips(query);
    html! {
        @if !chips.is_empty() { (filters::chosen(&chips, query)) }
        p {
            strong { (number(found.known)) } " of " strong { (number(all)) } " relays are on the map; the place of "
            strong { (number(found.unknown)) } " is not known."
        }
        @if found.relays.is_empty() { (nowhere(from)) } @else { (placed(query, asked, found)) }
        (self::from(from))
        (source("The relays of these filters, with their places", &question(asked), true))
    }
}

/// The question for the same relays.
fn question(asked: &RelayQuery) -> String {
    let written = RelayQuery {
        after: None,
        ..asked.clone()
    }
    .written();
    match written.as_str() {
        "" => "relays".to_owned(),
        written => format!("relays?{written}"),
    }
}

/// By which file places are known.
fn from(from: &Source) -> Markup {
    html! {
        @if let Some((kind, made)) = &from.file {
            p class="source" {
                "Places are those of relays' addresses by the file " (kind) " of " (utc(i64::try_from(*made).unwrap_or(i64::MAX)))
                " on this node (" code { "observatory.check.city_file" } "); nobody is asked over the network. Where many relays are behind one
                 provider, it is the provider's place."
            }
        }
    }
}

fn nobody(query: &Query) -> Markup {
    let path = query.path();
    let has_filters = query.pairs().next().is_some();
    html! {
        @if has_filters {
            (empty("No relay passes these filters", html! { a href=(path) { "Drop all filters" } }))
        } @else {
            (empty("No relay is known yet", html! { "The " a href="/observatory" { "overview" } " says what is being done about it." }))
        }
    }
}

/// There are relays, and no place is known.
fn nowhere(from: &Source) -> Markup {
    let then = html! {
        @if from.file.is_some() {
            "None of these relays is at an address whose place the file knows, or none has been checked since it was named."
        } @else {
            "No file with places is configured. Name one in MaxMind's format in " code { "observatory.check.city_file" }
            ", and start the node anew: each relay gets its place with its next check."
        }
    };
    empty("No place is known", then)
}

fn placed(query: &Query, asked: &RelayQuery, found: &Places) -> Markup {
    let hrefs: Vec<String> = found.relays.iter().map(|relay| href(relay.id)).collect();
    let places: Vec<Place<'_>> = found
        .relays
        .iter()
        .zip(&hrefs)
        .filter_map(|(relay, href)| {
            let (lat, lon) = middle(&relay.geohash)?;
            Some(Place {
                lat,
                lon,
                count: 1,
                label: label(relay),
                state: state(&relay.status, relay.degraded),
                href: Some(href),
            })
        })
        .collect();
    let map = WorldMap {
        id: "relays",
        title: "Relays by place",
        places: &places,
        cell: CELL,
    };
    html! {
        (map.render())
        @if found.known > found.relays.len() as u64 {
            p { "The " (number(found.relays.len() as u64)) " that have been known for longest are drawn." }
        }
        div class="pair wide-first" {
            (list(query, asked, found))
            (countries(query, found))
        }
    }
}

fn href(id: i64) -> String {
    format!("/observatory/relays/{id}")
}

/// A relay's name, else its URL.
fn label(relay: &Placed) -> &str {
    let name = relay.name.as_deref().map(str::trim);
    name.filter(|name| !name.is_empty() && name.len() <= 80)
        .unwrap_or(&relay.url)
}

/// The same as a list, for who does not see the map.
fn list(query: &Query, asked: &RelayQuery, found: &Places) -> Markup {
    const COLUMNS: [Column<'static>; 3] = [
        Column::text("Relay"),
        Column::text("Status"),
        Column::text("Country"),
    ];
    let rows: Vec<Row> = found
        .relays
        .iter()
        .take(LISTED)
        .map(|relay| {
            Row::new(vec![
                html! { (clipped(label(relay), 120)) },
                badge(state(&relay.status, relay.degraded)),
                html! {
                    @match &relay.country {
                        Some(country) => (country),
                        None => (nothing("not known")),
                    }
                },
            ])
            .href(href(relay.id))
        })
        .collect();
    let table = Table {
        caption: "Relays on the map",
        columns: &COLUMNS,
        rows: &rows,
        query,
        sort: None,
        empty: "",
    };
    let all = format!("/observatory/{}", question(asked));
    html! {
        div {
            (table.render())
            @if found.known > rows.len() as u64 {
                p { (number(rows.len() as u64)) " of " (number(found.known)) " are listed: " a href=(all) { "all of them in the table" } "." }
            } @else {
                p { a href=(all) { "The same relays in the table" } }
            }
        }
    }
}

fn countries(query: &Query, found: &Places) -> Markup {
    let rows = found.countries.iter().map(|(country, relays)| {
        let href = query.with("country", country).href();
        (country.clone(), href, *relays)
    });
    html! { div { (counts("By country", "relays", rows)) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Parameters;

    fn asked(raw: &str) -> RelayQuery {
        RelayQuery::read(&mut Parameters::read(raw).unwrap()).unwrap()
    }

    fn shown(raw: &str, found: &Places, source: &Source) -> String {
        let query = Query::new("/observatory/map", Some(raw));
        body(&query, &asked(raw), &Names::default(), found, source).into_string()
    }

    fn relay(id: i64, name: &str) -> Placed {
        Placed {
            id,
            url: format!("wss://r{id}.example/"),
            name: Some(name.to_owned()),
            status: "online".to_owned(),
            degraded: None,
            country: Some("CH".to_owned()),
            geohash: "u0qj6".to_owned(),
        }
    }

    #[test]
    fn o4_4_the_map_says_where_places_come_from_and_how_many_are_not_known() {
        let found = Places {
            relays: vec![relay(1, "Alpha"), relay(2, "  ")],
            known: 2,
            unknown: 5,
            countries: vec![("CH".to_owned(), 2)],
        };
        let source = Source {
            file: Some(("GeoLite2-City".to_owned(), 1_700_000_000)),
        };
        let html = shown("status=online&nip=11", &found, &source);
        for part in [
            "<strong>5</strong> is not known",
            "GeoLite2-City of 2023-11-14",
            "href=\"/observatory/relays/1\"",
            ">Alpha</a>",
            ">wss://r2.example/</a>",
            "href=\"/observatory/map?status=online&amp;nip=11&amp;country=CH\"",
            "href=\"/observatory/relays?status=online&amp;nip=11\"",
            "/api/v1/observatory/relays?status=online&amp;nip=11&amp;format=csv",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
    }

    #[test]
    fn o4_4_a_map_without_places_says_what_to_do() {
        let found = Places {
            unknown: 3,
            ..Places::default()
        };
        let html = shown("", &found, &Source::default());
        assert!(
            html.contains("observatory.check.city_file") && html.contains("start the node anew")
        );
        let source = Source {
            file: Some(("x".to_owned(), 0)),
        };
        assert!(shown("", &found, &source).contains("None of these relays"));
        let none = Places::default();
        assert!(shown("", &none, &source).contains("No relay is known yet"));
        assert!(shown("country=XX", &none, &source).contains("Drop all filters"));
    }

    #[test]
    fn o4_4_names_on_the_map_are_text() {
        let found = Places {
            relays: vec![
                relay(1, "<script>alert(1)</script>"),
                relay(2, "\" onclick=\"x"),
            ],
            known: 2,
            ..Places::default()
        };
        let html = shown("text=%3Cb%3E", &found, &Source::default());
        assert!(
            !html.contains("<script") && !html.contains("<b>") && !html.contains("onclick=\"x")
        );
    }
}
