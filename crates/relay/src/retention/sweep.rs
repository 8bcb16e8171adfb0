//! Which events go by one rule: decided on one after the other, oldest first.

use serde::Serialize;
use stentor_event::Timestamp;
use stentor_store::Outline;

use super::Rule;

/// Events and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// How many.
    pub events: u64,
    /// Bytes of their canonical JSON.
    pub bytes: u64,
}

impl Total {
    /// Counts an event.
    pub(super) fn add(&mut self, event: &Outline) {
        self.events += 1;
        self.bytes += u64::from(event.bytes);
    }
}

/// What a rule still has to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sweep {
    /// What was made before goes.
    cutoff: Option<Timestamp>,
    /// What there is too much.
    over: Total,
}

impl Sweep {
    /// Of a rule at this time, where there is so much that it is about.
    pub(super) fn new(rule: &Rule, now: Timestamp, there: Total) -> Self {
        let over =
            |there: u64, most: Option<u64>| most.map_or(0, |most| there.saturating_sub(most));
        Self {
            cutoff: rule.cutoff(now),
            over: Total {
                events: over(there.events, rule.max_events),
                bytes: over(there.bytes, rule.max_bytes),
            },
        }
    }

    /// Whether an event has to go, if it may. When one has not, no younger one has.
    pub(super) fn is_due(&self, event: &Outline) -> bool {
        self.is_over() || self.cutoff.is_some_and(|cutoff| event.created_at < cutoff)
    }

    /// An event has been chosen to go.
    pub(super) fn chosen(&mut self, event: &Outline) {
        self.over.events = self.over.events.saturating_sub(1);
        self.over.bytes = self.over.bytes.saturating_sub(u64::from(event.bytes));
    }

    /// The last second in which events can be due; `None`: any.
    pub(super) fn until(&self) -> Option<Timestamp> {
        match self.cutoff {
            _ if self.is_over() => None,
            Some(cutoff) => Some(Timestamp(cutoff.0.saturating_sub(1))),
            None => Some(Timestamp(0)),
        }
    }

    /// Whether nothing can be due.
    pub(super) fn is_done(&self) -> bool {
        !self.is_over() && self.cutoff.is_none_or(|cutoff| cutoff.0 == 0)
    }

    const fn is_over(&self) -> bool {
        self.over.events > 0 || self.over.bytes > 0
    }
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventId, Kind, PublicKey};
    use stentor_store::EventNumber;

    use super::*;
    use crate::retention::Rules;

    const NOW: Timestamp = Timestamp(100 * 86_400);

    fn sweep(limits: &str, there: Total) -> Sweep {
        let json = format!(r#"{{"rules":[{{"name":"x",{limits}}}]}}"#);
        let rules = Rules::new(&serde_json::from_str(&json).unwrap(), &[]).unwrap();
        Sweep::new(rules.iter().next().unwrap(), NOW, there)
    }

    /// How many of ten events of 100 bytes go, the oldest of day 90, one a day.
    fn gone(limits: &str) -> usize {
        let there = Total {
            events: 10,
            bytes: 1_000,
        };
        let mut sweep = sweep(limits, there);
        let event = |day: u64| Outline {
            number: EventNumber(day),
            created_at: Timestamp(day * 86_400),
            id: EventId([0; 32]),
            author: PublicKey([0; 32]),
            kind: Kind(1),
            bytes: 100,
        };
        let chosen = (90..100).take_while(|day| {
            let due = sweep.is_due(&event(*day));
            assert!(
                !due || sweep
                    .until()
                    .is_none_or(|until| event(*day).created_at <= until)
            );
            assert!(!due || !sweep.is_done());
            if due {
                sweep.chosen(&event(*day));
            }
            due
        });
        chosen.count()
    }

    #[test]
    fn r4_6_the_strictest_limit_decides() {
        assert_eq!(
            gone(r#""max_age_days":7"#),
            3,
            "what is a week old to the second may stay"
        );
        assert_eq!(gone(r#""max_age_days":20"#), 0);
        assert_eq!(gone(r#""max_events":6"#), 4);
        assert_eq!(gone(r#""max_events":10"#), 0);
        assert_eq!(gone(r#""max_bytes":550"#), 5, "never more than allowed");
        assert_eq!(gone(r#""max_age_days":7,"max_events":6"#), 4);
        assert_eq!(gone(r#""max_age_days":5,"max_events":6"#), 5);
        assert_eq!(gone(r#""max_events":9,"max_bytes":300"#), 7);
    }

    #[test]
    fn r4_6_nothing_is_looked_at_when_nothing_is_due() {
        assert!(
            sweep(
                r#""max_events":6"#,
                Total {
                    events: 6,
                    bytes: 1
                }
            )
            .is_done()
        );
        assert!(
            !sweep(
                r#""max_events":6"#,
                Total {
                    events: 7,
                    bytes: 1
                }
            )
            .is_done()
        );
        assert!(
            sweep(r#""max_age_days":1000"#, Total::default()).is_done(),
            "older than time itself"
        );
        assert!(!sweep(r#""max_age_days":1"#, Total::default()).is_done());
    }
}
