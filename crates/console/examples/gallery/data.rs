//! Made-up relays and measurements, the same in each run but for the time.

use std::time::{SystemTime, UNIX_EPOCH};

use stentor_console::chart::UptimeCell;
use stentor_console::component::State;
use stentor_console::map::Place;

/// The time, in seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// A relay.
pub(crate) struct Relay {
    pub(crate) url: String,
    pub(crate) network: &'static str,
    pub(crate) state: State,
    pub(crate) round_trip: u64,
    pub(crate) events: u64,
    pub(crate) uptime: f64,
    pub(crate) seen: i64,
}

/// A number between 0 and 1 that looks like chance.
pub(crate) fn chance(seed: u64) -> f64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// All relays; `tick` moves their figures.
pub(crate) fn relays(tick: u64) -> Vec<Relay> {
    let words = [
        "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbour", "iris", "juniper",
    ];
    let states = [
        State::Online,
        State::Online,
        State::Online,
        State::Degraded,
        State::Offline,
        State::Unknown,
    ];
    let networks = ["clearnet", "clearnet", "clearnet", "tor", "i2p"];
    (0..64u64)
        .map(|n| {
            let word = words
                .get(n as usize % words.len())
                .copied()
                .unwrap_or_default();
            let network = networks
                .get((chance(n) * 5.0) as usize)
                .copied()
                .unwrap_or("clearnet");
            let ending = if network == "tor" {
                "longaddressofanonionservice2qxkuyh7d.onion"
            } else {
                "relay.example"
            };
            Relay {
                url: format!("wss://{word}-{n}.{ending}/"),
                network,
                state: states
                    .get((chance(n + 900) * 6.0) as usize)
                    .copied()
                    .unwrap_or(State::Online),
                round_trip: 20 + (chance(n + 77) * 400.0) as u64,
                events: (chance(n + 5) * 9_000_000.0) as u64
                    + tick * (chance(n + 8) * 3_000_000.0) as u64,
                uptime: 1.0 - chance(n + 31).powi(6),
                seen: now() - (chance(n + 12) * 90_000.0) as i64,
            }
        })
        .collect()
}

/// Times of measurements over a period that ends now.
pub(crate) fn times(seconds: i64, count: i64) -> Vec<i64> {
    (0..=count)
        .map(|n| now() - seconds + n * seconds / count)
        .collect()
}

/// Round-trips, with gaps.
pub(crate) fn course(seed: u64, base: f64, times: &[i64], tick: u64) -> Vec<Option<f64>> {
    times
        .iter()
        .enumerate()
        .map(|(n, _)| {
            let n = n as u64 + tick;
            let gap = (40..52).contains(&(n % 150)) && seed != 2;
            let peak = if n % 61 == 17 { base * 2.5 } else { 0.0 };
            (!gap).then(|| {
                base + (n as f64 / 9.0).sin() * base * 0.3
                    + chance(seed * 1_000 + n) * base * 0.4
                    + peak
            })
        })
        .collect()
}

/// A day of checks, by half hours.
pub(crate) fn uptime() -> Vec<UptimeCell> {
    (0..48i64)
        .map(|n| {
            let from = now() - 86_400 + n * 1_800;
            let (up, degraded) = match n {
                7 => (Some(0.6), false),
                20..=22 => (Some(0.0), false),
                30..=33 => (None, false),
                40 => (Some(1.0), true),
                _ => (Some(1.0), false),
            };
            UptimeCell {
                from,
                to: from + 1_800,
                up,
                degraded,
            }
        })
        .collect()
}

/// Where relays are.
pub(crate) fn places() -> Vec<Place<'static>> {
    let cities = [
        (50.1, 8.7, 48, "Frankfurt", State::Online),
        (52.5, 13.4, 12, "Berlin", State::Online),
        (51.5, -0.1, 15, "London", State::Online),
        (60.2, 24.9, 22, "Helsinki", State::Degraded),
        (40.7, -74.0, 31, "New York", State::Online),
        (37.4, -122.1, 26, "San Francisco", State::Online),
        (45.5, -73.6, 9, "Montreal", State::Offline),
        (-23.5, -46.6, 7, "São Paulo", State::Online),
        (35.7, 139.7, 18, "Tokyo", State::Online),
        (1.35, 103.8, 14, "Singapore", State::Degraded),
        (-33.9, 151.2, 5, "Sydney", State::Unknown),
        (-33.9, 18.4, 2, "Cape Town", State::Online),
        (19.1, 72.9, 3, "Mumbai", State::Offline),
        (91.0, 0.0, 1, "Nowhere", State::Online),
    ];
    cities
        .into_iter()
        .map(|(lat, lon, count, label, state)| Place {
            lat,
            lon,
            count,
            label,
            state,
            href: Some("/relays?net=clearnet"),
        })
        .collect()
}
