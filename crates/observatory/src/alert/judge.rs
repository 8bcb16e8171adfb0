//! What there is to tell of a check: a state machine for each watch, without records or clock.

use crate::config;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// What a watch has been told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Since when the relay is down, in Unix milliseconds, if that was the last that was said of it.
    pub down_since_ms: Option<u64>,
    /// The end of the last certificate that was said to expire, in Unix milliseconds.
    pub certificate_ms: Option<u64>,
}

/// What a check has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finding {
    /// Whether the relay answered.
    pub online: bool,
    /// Checks in a row, this one among them, that found it offline.
    pub offline_in_a_row: u64,
    /// Since when it is offline, in Unix milliseconds.
    pub offline_since_ms: u64,
    /// Until when its certificate is good, in Unix milliseconds.
    pub certificate_until_ms: Option<u64>,
}

/// Something to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Alert {
    /// The relay is down.
    Down {
        /// Since when, in Unix milliseconds.
        since_ms: u64,
        /// Checks in a row that found it so.
        checks: u64,
    },
    /// It answers again.
    Recovered {
        /// Since when it was down, in Unix milliseconds.
        since_ms: u64,
    },
    /// Its certificate expires soon, or has expired.
    Certificate {
        /// When, in Unix milliseconds.
        until_ms: u64,
    },
}

impl Alert {
    /// Its word in metrics and records.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Down { .. } => "down",
            Self::Recovered { .. } => "recovered",
            Self::Certificate { .. } => "certificate",
        }
    }
}

/// What a watch is to be told of a check, and what it has been told then.
pub(super) fn judge(
    config: &config::Alert,
    told: Told,
    finding: &Finding,
    now_ms: u64,
) -> (Told, Vec<Alert>) {
    let (mut after, mut alerts) = (told, Vec::new());
    match told.down_since_ms {
        Some(since_ms) if finding.online => {
            after.down_since_ms = None;
            alerts.push(Alert::Recovered { since_ms });
        }
        None if !finding.online && finding.offline_in_a_row >= config.down_after => {
            let since_ms = finding.offline_since_ms.min(now_ms);
            after.down_since_ms = Some(since_ms);
            let checks = finding.offline_in_a_row;
            alerts.push(Alert::Down { since_ms, checks });
        }
        _ => {}
    }
    let warned_ms = config.certificate_days.saturating_mul(DAY_MS);
    if let Some(until_ms) = finding.certificate_until_ms
        && until_ms <= now_ms.saturating_add(warned_ms)
        && told.certificate_ms != Some(until_ms)
    {
        after.certificate_ms = Some(until_ms);
        alerts.push(Alert::Certificate { until_ms });
    }
    (after, alerts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn offline(in_a_row: u64) -> Finding {
        Finding {
            online: false,
            offline_in_a_row: in_a_row,
            offline_since_ms: NOW - in_a_row,
            certificate_until_ms: None,
        }
    }

    fn online(certificate_until_ms: Option<u64>) -> Finding {
        Finding {
            online: true,
            offline_in_a_row: 0,
            offline_since_ms: 0,
            certificate_until_ms,
        }
    }

    #[test]
    fn o4_5_down_is_said_after_enough_checks_and_recovered_once() {
        let config = config::Alert::default();
        let mut told = Told::default();
        let mut all = Vec::new();
        for finding in [
            online(None),
            offline(1),
            online(None),
            offline(1),
            offline(2),
            offline(3),
            online(None),
            online(None),
        ] {
            let (after, alerts) = judge(&config, told, &finding, NOW);
            told = after;
            all.extend(alerts);
        }
        let since_ms = NOW - 2;
        let down = Alert::Down {
            since_ms,
            checks: 2,
        };
        assert_eq!(all, [down, Alert::Recovered { since_ms }]);
    }

    #[test]
    fn o4_5_each_certificate_is_said_to_expire_once() {
        let config = config::Alert::default();
        let until_ms = NOW + config.certificate_days * DAY_MS;
        let early = judge(&config, Told::default(), &online(Some(until_ms + 1)), NOW);
        assert_eq!(early, (Told::default(), Vec::new()));
        let (told, alerts) = judge(&config, Told::default(), &online(Some(until_ms)), NOW);
        assert_eq!(alerts, [Alert::Certificate { until_ms }]);
        assert!(
            judge(&config, told, &online(Some(until_ms)), NOW)
                .1
                .is_empty()
        );
        assert!(judge(&config, told, &online(None), NOW).1.is_empty());
        // One that has expired already, after another.
        let (_, alerts) = judge(&config, told, &online(Some(NOW - 1)), NOW);
        let until_ms = NOW - 1;
        assert_eq!(alerts, [Alert::Certificate { until_ms }]);
    }

    proptest! {
        #[test]
        fn o4_5_never_down_twice_without_recovery(
            checks in prop::collection::vec((any::<bool>(), prop::option::of(0_u64..4)), 0..100),
            down_after in 1_u64..5,
        ) {
            let config = config::Alert { down_after, ..config::Alert::default() };
            let (mut told, mut row, mut is_down) = (Told::default(), 0, false);
            let mut last_certificate = None;
            for (at, (up, certificate)) in checks.into_iter().enumerate() {
                let now_ms = NOW + at as u64;
                row = if up { 0 } else { row + 1 };
                let finding = Finding {
                    online: up,
                    offline_in_a_row: row,
                    offline_since_ms: now_ms - row.saturating_sub(1),
                    certificate_until_ms: certificate.map(|day| NOW + day * DAY_MS),
                };
                let (after, alerts) = judge(&config, told, &finding, now_ms);
                told = after;
                for alert in alerts {
                    match alert {
                        Alert::Down { checks, since_ms } => {
                            prop_assert!(!is_down && !up && checks == row && row >= down_after);
                            prop_assert!(since_ms <= now_ms);
                            is_down = true;
                        }
                        Alert::Recovered { .. } => {
                            prop_assert!(is_down && up);
                            is_down = false;
                        }
                        Alert::Certificate { until_ms } => {
                            prop_assert_ne!(last_certificate, Some(until_ms));
                            last_certificate = Some(until_ms);
                        }
                    }
                }
                prop_assert_eq!(is_down, row >= down_after || is_down && !up);
            }
        }
    }
}
