//! What each rule has done, for the metrics.

use metrics::{Counter, counter};

use super::Verdict;

/// Counters of one rule. What passes is not counted: it is what is left.
#[derive(Clone)]
pub(crate) struct Tally {
    refused: Counter,
    shadowed: Counter,
    reviewed: Counter,
    asked: Counter,
}

impl Tally {
    /// The counters of a rule of a stage.
    pub(crate) fn new(stage: &'static str, rule: &str) -> Self {
        let verdict = |verdict: &'static str| {
            let rule = rule.to_owned();
            counter!("stentor_relay_policy_total", "stage" => stage, "rule" => rule, "verdict" => verdict)
        };
        Self {
            refused: verdict("refused"),
            shadowed: verdict("shadowed"),
            reviewed: verdict("reviewed"),
            asked: verdict("asked"),
        }
    }

    /// Counts a verdict.
    pub(crate) fn count(&self, verdict: &Verdict) {
        match verdict {
            Verdict::Pass => {}
            Verdict::Refuse(_) => self.refused.increment(1),
            Verdict::Shadow => self.shadowed.increment(1),
            Verdict::Review(_) => self.reviewed.increment(1),
            Verdict::Ask => self.asked.increment(1),
        }
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self) {
        self.refused.increment(1);
    }
}
