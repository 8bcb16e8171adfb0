//! A map of the world with places on it, near ones taken together, and the same as a table.
//!
//! `land.svg.path` is the land of Natural Earth (1:110m, version 4.1, public domain, <https://www.naturalearthdata.com>), taken from
//! the npm package `world-atlas` 2.0.2 (ISC, Michael Bostock), without Antarctica, cut at 180°, with its lines simplified to a twelfth of a degree. It is drawn
//! in tenths of a degree, from 180° W and 84° N on.

mod cluster;

use maud::{Markup, html};

use crate::component::{State, badge, empty};
use crate::format::{compact, number};
use crate::link::{link, safe};

pub use cluster::{Cluster, Place, cluster};

/// The outline of the land, as a path.
const LAND: &str = include_str!("land.svg.path");
/// The most northern and the most southern latitude that are drawn; places beyond are moved to the edge.
const TOP: f64 = 84.0;
const BOTTOM: f64 = -58.0;
/// How many circles are drawn, the largest first.
const MAX_CIRCLES: usize = 400;
/// How many members a row of the table names.
const MAX_MEMBERS: usize = 8;
/// The radii of the smallest and the largest circle, in tenths of a degree.
const RADII: (f64, f64) = (22.0, 75.0);

/// A map.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldMap<'a> {
    /// Unique on the page, of letters, digits and `-`.
    pub id: &'a str,
    /// What is on it.
    pub title: &'a str,
    /// The places.
    pub places: &'a [Place<'a>],
    /// The size of the cells in which places are taken together, in degrees; 8 is good for the whole world.
    pub cell: f64,
}

impl WorldMap<'_> {
    /// The map and the table. The 400 largest groups are drawn and listed; how many are left out, and how many places have no valid
    /// position, is said.
    #[must_use]
    pub fn render(&self) -> Markup {
        let found = cluster(self.places, self.cell);
        let drawn = found.get(..MAX_CIRCLES).unwrap_or(&found);
        let placed: usize = found.iter().map(|cluster| cluster.members.len()).sum();
        let lost = self.places.len() - placed;
        if drawn.is_empty() {
            return empty(self.title, "No place is known.");
        }
        html! {
            figure class="map" {
                figcaption { (self.title) }
                div class="scroll" role="region" tabindex="0" aria-label=(self.title) { (self.picture(drawn)) }
                (legend(drawn))
                @if found.len() > drawn.len() { p { "And " (number((found.len() - drawn.len()) as u64)) " smaller groups." } }
                @if lost > 0 { p { (number(lost as u64)) " without a valid position." } }
                details class="as-table" {
                    summary { "As a table" }
                    (self.table(drawn))
                }
            }
        }
    }

    fn picture(&self, clusters: &[Cluster]) -> Markup {
        let largest = clusters
            .iter()
            .map(|cluster| cluster.count)
            .max()
            .unwrap_or(1)
            .max(1);
        html! {
            svg viewBox="0 0 3600 1420" role="group" aria-label=(self.title) {
                path class="land" d=(LAND.trim_end()) {}
                @for (number, cluster) in clusters.iter().enumerate() {
                    (self.circle(cluster, number, largest))
                }
            }
        }
    }

    fn circle(&self, cluster: &Cluster, number: usize, largest: u64) -> Markup {
        let (x, y) = project(cluster.lat, cluster.lon);
        let share = (cluster.count as f64 / largest as f64).sqrt();
        let radius = RADII.0 + (RADII.1 - RADII.0) * share;
        // A group leads to its row, which names its members.
        let own = match cluster.members.as_slice() {
            [only] => self
                .places
                .get(*only)
                .and_then(|place| place.href)
                .and_then(safe),
            _ => None,
        };
        let href = own.map_or_else(|| format!("#{}-{number}", self.id), str::to_owned);
        html! {
            a class={ "spot " (cluster.state.class()) } href=(href) aria-label=(self.said(cluster)) {
                title { (self.said(cluster)) }
                circle cx=(format!("{x:.0}")) cy=(format!("{y:.0}")) r=(format!("{radius:.0}")) {}
                @if radius >= 40.0 {
                    text x=(format!("{x:.0}")) y=(format!("{:.0}", y + 15.0)) text-anchor="middle" { (compact(cluster.count)) }
                }
            }
        }
    }

    fn said(&self, cluster: &Cluster) -> String {
        let first = cluster
            .members
            .first()
            .and_then(|member| self.places.get(*member))
            .map_or("", |place| place.label);
        let others = match cluster.members.len() {
            0 | 1 => String::new(),
            members => format!(" and {} more places", members - 1),
        };
        format!(
            "{first}{others}: {}, mostly {}",
            number(cluster.count),
            cluster.state.label()
        )
    }

    fn table(&self, clusters: &[Cluster]) -> Markup {
        html! {
            div class="scroll" role="region" tabindex="0" aria-label={ (self.title) ", as a table" } {
                table {
                    thead {
                        tr { th scope="col" { "Near" } th scope="col" class="num" { "Count" } th scope="col" { "Mostly" } th scope="col" { "Places" } }
                    }
                    tbody {
                        @for (at, cluster) in clusters.iter().enumerate() {
                            tr id={ (self.id) "-" (at) } {
                                th scope="row" { (position(cluster.lat, cluster.lon)) }
                                td class="num" { (number(cluster.count)) }
                                td { (badge(cluster.state)) }
                                td { (self.members(cluster)) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn members(&self, cluster: &Cluster) -> Markup {
        let named = cluster
            .members
            .iter()
            .take(MAX_MEMBERS)
            .filter_map(|member| self.places.get(*member));
        let rest = cluster.members.len().saturating_sub(MAX_MEMBERS);
        html! {
            @for (at, place) in named.enumerate() {
                @if at > 0 { ", " }
                (link(place.href.unwrap_or_default(), place.label))
            }
            @if rest > 0 { " and " (rest) " more" }
        }
    }
}

fn legend(clusters: &[Cluster]) -> Markup {
    let present = State::ALL
        .into_iter()
        .filter(|state| clusters.iter().any(|cluster| cluster.state == *state));
    html! {
        ul class="legend" {
            @for state in present { li { (badge(state)) } }
            li { "The area of a circle grows with its count." }
        }
    }
}

/// Where a position is on the map, in tenths of a degree.
fn project(lat: f64, lon: f64) -> (f64, f64) {
    ((lon + 180.0) * 10.0, (TOP - lat.clamp(BOTTOM, TOP)) * 10.0)
}

/// A position in words, to a degree.
fn position(lat: f64, lon: f64) -> String {
    let side = |value: f64, positive, negative| {
        let side = if value < 0.0 { negative } else { positive };
        format!("{:.0}° {side}", value.abs())
    };
    format!("{}, {}", side(lat, "N", "S"), side(lon, "E", "W"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lat: f64, lon: f64, href: Option<&'static str>) -> Place<'static> {
        Place {
            lat,
            lon,
            count: 1,
            label: "relay",
            state: State::Online,
            href,
        }
    }

    #[test]
    fn o4_4_each_circle_leads_somewhere() {
        let places = [
            place(50.0, 8.0, Some("/r/1")),
            place(51.0, 9.0, Some("/r/2")),
            place(-33.0, 151.0, Some("/r/3")),
            place(f64::NAN, 0.0, None),
        ];
        let html = WorldMap {
            id: "m",
            title: "Relays",
            places: &places,
            cell: 5.0,
        }
        .render()
        .into_string();
        assert!(
            html.contains("class=\"spot good\" href=\"#m-0\"") && html.contains("<tr id=\"m-0\">")
        );
        assert!(html.contains("class=\"spot good\" href=\"/r/3\""));
        assert!(html.contains("1 without a valid position") && html.contains("33° S, 151° E"));
    }

    #[test]
    fn o4_4_the_land_is_small_and_a_path() {
        assert!(LAND.len() <= 40_000);
        assert!(
            LAND.trim_end()
                .bytes()
                .all(|byte| b"Mlz- \n0123456789".contains(&byte))
        );
    }

    #[test]
    fn o4_4_a_position_is_on_the_map() {
        assert_eq!(project(84.0, -180.0), (0.0, 0.0));
        assert_eq!(project(-90.0, 180.0), (3_600.0, 1_420.0));
    }
}
