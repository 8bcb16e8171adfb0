//! Places near each other become one.

use std::collections::BTreeMap;

use crate::component::State;

/// The smallest cell, in degrees.
const SMALLEST: f64 = 2.5;

/// A place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place<'a> {
    /// Degrees north, -90 to 90.
    pub lat: f64,
    /// Degrees east, -180 to 180.
    pub lon: f64,
    /// How many things are there.
    pub count: u64,
    /// What is there.
    pub label: &'a str,
    /// How it is.
    pub state: State,
    /// Its page.
    pub href: Option<&'a str>,
}

/// Places of one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Degrees north of the middle of its places, weighted by their counts.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// The sum of the counts.
    pub count: u64,
    /// The state of most; of two that are as many, the later in [`State::ALL`].
    pub state: State,
    /// The places, as indexes in the given list.
    pub members: Vec<usize>,
}

/// Takes the places of each cell of `cell` degrees (2.5 to 90) together, and then the groups that are nearer to a larger one than a cell is wide, as
/// places on both sides of a cell's edge are. Largest first. Places whose position is none are left out.
#[must_use]
pub fn cluster(places: &[Place<'_>], cell: f64) -> Vec<Cluster> {
    let size = if cell.is_finite() {
        cell.clamp(SMALLEST, 90.0)
    } else {
        5.0
    };
    let mut cells: BTreeMap<(i32, i32), Vec<usize>> = BTreeMap::new();
    for (index, place) in places.iter().enumerate() {
        if (-90.0..=90.0).contains(&place.lat) && (-180.0..=180.0).contains(&place.lon) {
            let key = (
                (place.lat / size).floor() as i32,
                (place.lon / size).floor() as i32,
            );
            cells.entry(key).or_default().push(index);
        }
    }
    let groups = cells
        .into_values()
        .map(|members| joined(places, members))
        .collect();
    let mut gathered: Vec<Cluster> = Vec::new();
    for group in largest_first(groups) {
        match gathered
            .iter_mut()
            .find(|other| distance(other, &group) < size)
        {
            Some(other) => other.members.extend(group.members),
            None => gathered.push(group),
        }
    }
    largest_first(
        gathered
            .into_iter()
            .map(|group| joined(places, group.members))
            .collect(),
    )
}

/// Sorting keeps the order of cells among equals, so that a map does not change by itself.
fn largest_first(mut clusters: Vec<Cluster>) -> Vec<Cluster> {
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.count));
    clusters
}

/// As it looks on the map, in degrees.
fn distance(a: &Cluster, b: &Cluster) -> f64 {
    (a.lat - b.lat).hypot(a.lon - b.lon)
}

fn joined(places: &[Place<'_>], members: Vec<usize>) -> Cluster {
    let (mut lat, mut lon, mut weight, mut count) = (0.0, 0.0, 0.0, 0u64);
    let mut states: BTreeMap<State, u64> = BTreeMap::new();
    for place in members.iter().filter_map(|member| places.get(*member)) {
        // A place with nothing is one all the same.
        let share = place.count.max(1) as f64;
        lat += place.lat * share;
        lon += place.lon * share;
        weight += share;
        count = count.saturating_add(place.count);
        let sum = states.entry(place.state).or_default();
        *sum = sum.saturating_add(place.count);
    }
    let state = states
        .into_iter()
        .max_by_key(|(state, count)| (*count, *state))
        .map_or(State::Unknown, |(state, _)| state);
    Cluster {
        // What is rounded may lie a little outside.
        lat: (lat / weight).clamp(-90.0, 90.0),
        lon: (lon / weight).clamp(-180.0, 180.0),
        count,
        state,
        members,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(lat: f64, lon: f64, count: u64, state: State) -> Place<'static> {
        Place {
            lat,
            lon,
            count,
            label: "",
            state,
            href: None,
        }
    }

    #[test]
    fn o4_4_near_places_are_one_circle() {
        let places = [
            place(50.0, 8.0, 3, State::Online),
            place(52.0, 6.0, 1, State::Offline),
            place(-50.0, 8.0, 9, State::Degraded),
            place(91.0, 0.0, 1, State::Online),
        ];
        let clusters = cluster(&places, 5.0);
        assert_eq!(clusters.len(), 2);
        assert_eq!(
            (clusters[0].count, clusters[0].members.as_slice()),
            (9, &[2][..])
        );
        let near = &clusters[1];
        assert_eq!(
            (near.count, near.state, near.members.len()),
            (4, State::Online, 2)
        );
        assert!((near.lat - 50.5).abs() < 1e-9 && (near.lon - 7.5).abs() < 1e-9);
    }

    #[test]
    fn o4_4_an_edge_between_cells_does_not_part_neighbours() {
        let places = [
            place(49.9, 9.9, 5, State::Online),
            place(50.1, 10.1, 3, State::Online),
            place(50.0, 30.0, 1, State::Online),
        ];
        let counts: Vec<u64> = cluster(&places, 10.0)
            .iter()
            .map(|cluster| cluster.count)
            .collect();
        assert_eq!(counts, [8, 1]);
    }

    #[test]
    fn o4_4_of_two_states_that_are_as_many_the_worse_is_shown() {
        let places = [
            place(1.0, 1.0, 2, State::Offline),
            place(1.0, 1.0, 2, State::Online),
        ];
        assert_eq!(cluster(&places, 5.0)[0].state, State::Offline);
    }

    proptest! {
        #[test]
        fn o4_4_no_place_is_lost_or_doubled(
            given in prop::collection::vec((-90.0f64..=90.0, -180.0f64..=180.0, 0u64..1_000), 0..60),
            cell in prop::num::f64::ANY,
        ) {
            let places: Vec<_> = given.iter().map(|&(lat, lon, count)| place(lat, lon, count, State::Online)).collect();
            let clusters = cluster(&places, cell);
            let mut members: Vec<usize> = clusters.iter().flat_map(|cluster| cluster.members.clone()).collect();
            members.sort_unstable();
            prop_assert_eq!(members, (0..places.len()).collect::<Vec<_>>());
            prop_assert!(clusters.iter().all(|cluster| (-90.0..=90.0).contains(&cluster.lat) && (-180.0..=180.0).contains(&cluster.lon)));
        }
    }
}
