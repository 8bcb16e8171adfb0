//! The score of a relay. Pure.

use serde::Serialize;
use utoipa::ToSchema;

/// The NIPs that clients gain most by: deletion, information, expiration, authentication, counting, search, and reconciliation.
const NIPS: [i64; 7] = [9, 11, 40, 42, 45, 50, 77];
/// A round trip so short is as good as any, in milliseconds.
const FAST_MS: f64 = 100.0;
/// A round trip so long is as bad as any, in milliseconds.
const SLOW_MS: f64 = 10_000.0;

/// What is known of a relay. `None`: not tested, or not known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Known {
    /// Share of checks in which it was online, over the longest time that is known, from 0 to 1.
    pub uptime: Option<f64>,
    /// Milliseconds from the question to the first answer.
    pub read_ms: Option<i64>,
    /// Milliseconds to open a connection.
    pub open_ms: Option<i64>,
    /// What became of the write test.
    pub write_outcome: Option<String>,
    /// Whether it takes authentication.
    pub auth_required: Option<bool>,
    /// Whether it takes payment.
    pub payment_required: Option<bool>,
    /// Whether it says that not everybody may write.
    pub writes_restricted: Option<bool>,
    /// Events of the archive that it holds.
    pub events: u64,
    /// The NIPs that it says it knows; `None` without a document.
    pub nips: Option<Vec<i64>>,
}

/// A part of a score.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Part {
    /// From 0 to 1; `None`: not known, and left out.
    pub value: Option<f64>,
    /// Its weight among the parts that are known.
    pub weight: f64,
}

/// A score with its parts. It is the mean of those that are known, by their weights.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Score {
    /// From 0 to 1.
    pub score: f64,
    /// The share of checks in which it was online.
    pub uptime: Part,
    /// The mean of opening and reading: 1 for 100 ms and less, 0 for 10 s and more, by the logarithm in between.
    pub speed: Part,
    /// 1 for who takes anybody's events, 0.5 where it takes authentication, 0 where it takes payment or belonging to it, or refuses.
    pub openness: Part,
    /// How many events it holds beside the relay that holds most, by the logarithm.
    pub holdings: Part,
    /// The share of the NIPs 9, 11, 40, 42, 45, 50 and 77 that it knows.
    pub nips: Part,
}

impl Score {
    /// The score of a relay, when the relay that holds most events of the archive holds `most`.
    pub(super) fn of(known: &Known, most: u64) -> Self {
        let part = |value: Option<f64>, weight| Part {
            value: value.map(|value| value.clamp(0.0, 1.0)),
            weight,
        };
        let uptime = part(known.uptime, 0.35);
        let speed = part(speed(known), 0.2);
        let openness = part(openness(known), 0.15);
        let holdings = part(holdings(known.events, most), 0.2);
        let nips = part(known.nips.as_deref().map(nips), 0.1);
        let parts = [&uptime, &speed, &openness, &holdings, &nips];
        let counted = parts
            .iter()
            .filter_map(|part| Some((part.value?, part.weight)));
        let weight: f64 = counted.clone().map(|(_, weight)| weight).sum();
        let sum: f64 = counted.map(|(value, weight)| value * weight).sum();
        Self {
            score: if weight > 0.0 { sum / weight } else { 0.0 },
            uptime,
            speed,
            openness,
            holdings,
            nips,
        }
    }
}

fn speed(known: &Known) -> Option<f64> {
    let times = [known.open_ms, known.read_ms].into_iter().flatten();
    let values = times.map(|ms| {
        let ms = (ms as f64).clamp(FAST_MS, SLOW_MS);
        1.0 - (ms / FAST_MS).log10() / (SLOW_MS / FAST_MS).log10()
    });
    let (count, sum) = values.fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

fn openness(known: &Known) -> Option<f64> {
    if known.payment_required == Some(true) || known.writes_restricted == Some(true) {
        return Some(0.0);
    }
    match known.write_outcome.as_deref() {
        // What it does counts for more than what it says of itself.
        Some("accepted") => return Some(1.0),
        Some("auth-required") => return Some(0.5),
        // Neither says anything of policy.
        None | Some("taken" | "unverified" | "unanswered" | "failed" | "rate-limited") => {}
        Some(_) => return Some(0.0),
    }
    match (known.auth_required, known.writes_restricted) {
        (Some(true), _) => Some(0.5),
        (Some(false), Some(false)) => Some(1.0),
        _ => None,
    }
}

fn holdings(events: u64, most: u64) -> Option<f64> {
    // Without an archive nothing is known of anybody.
    (most > 0).then(|| (events as f64).ln_1p() / (most as f64).ln_1p())
}

fn nips(known: &[i64]) -> f64 {
    let count = NIPS.iter().filter(|nip| known.contains(nip)).count();
    count as f64 / NIPS.len() as f64
}
