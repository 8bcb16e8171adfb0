//! What there is to tell of a check: a state machine for each watch, without records or clock.

use crate::config;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// The part of its lifetime in which a certificate is said to expire, at most: one of so many.
const LIFETIME_SHARE: u64 = 3;

/// What a watch has been told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Since when the relay is down, in Unix milliseconds, if that was the last that was said of it.
    pub down_since_ms: Option<u64>,
    /// The end of the last certificate that was said to expire, or when that was said if it had ended by then, in Unix milliseconds.
    pub certificate_ms: Option<u64>,
}

impl Told {
    /// Whether a certificate that ends then is to be told of.
    ///
    /// A relay may show another one at each check, as it has several front ends, or means ill. So one that was told of is not followed by
    /// others before it has ended, nor by one that ends sooner than a day later: in the long run there is one alert a day at most.
    const fn is_news(self, until_ms: u64, now_ms: u64) -> bool {
        match self.certificate_ms {
            None => true,
            Some(told_ms) => now_ms >= told_ms && until_ms >= told_ms.saturating_add(DAY_MS),
        }
    }
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
    /// From when on its certificate is good, in Unix milliseconds.
    pub certificate_from_ms: Option<u64>,
    /// Until when, likewise.
    pub certificate_until_ms: Option<u64>,
}

impl Finding {
    /// How long before its end a certificate is said to expire, in milliseconds: those that are good for days only are renewed late.
    fn warned_ms(&self, config: &config::Alert, until_ms: u64) -> u64 {
        let most = config.certificate_days.saturating_mul(DAY_MS);
        match self.certificate_from_ms {
            Some(from_ms) => most.min(until_ms.saturating_sub(from_ms) / LIFETIME_SHARE),
            None => most,
        }
    }
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
    if let Some(until_ms) = finding.certificate_until_ms
        && until_ms <= now_ms.saturating_add(finding.warned_ms(config, until_ms))
        && told.is_news(until_ms, now_ms)
    {
        after.certificate_ms = Some(until_ms.max(now_ms));
        alerts.push(Alert::Certificate { until_ms });
    }
    (after, alerts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_700_000_000_000;
    const HOUR_MS: u64 = 3_600_000;

    fn offline(in_a_row: u64) -> Finding {
        Finding {
            online: false,
            offline_in_a_row: in_a_row,
            offline_since_ms: NOW - in_a_row,
            certificate_from_ms: None,
            certificate_until_ms: None,
        }
    }

    fn online(certificate_until_ms: Option<u64>) -> Finding {
        Finding {
            online: true,
            offline_in_a_row: 0,
            offline_since_ms: 0,
            certificate_from_ms: None,
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
        // When it has expired it has been told already; the next one has not.
        let late = until_ms + DAY_MS;
        assert!(
            judge(&config, told, &online(Some(until_ms)), late)
                .1
                .is_empty()
        );
        let (_, alerts) = judge(&config, told, &online(Some(late)), late);
        assert_eq!(alerts, [Alert::Certificate { until_ms: late }]);
        // One that has expired when it is first seen is told once, too.
        let expired = online(Some(NOW - 1));
        let (told, alerts) = judge(&config, Told::default(), &expired, NOW);
        let until_ms = NOW - 1;
        assert_eq!(alerts, [Alert::Certificate { until_ms }]);
        assert!(
            judge(&config, told, &expired, NOW + 9 * DAY_MS)
                .1
                .is_empty()
        );
    }

    /// How many alerts there are when this is seen at each hour of some days.
    fn alerts_of(days: u64, seen: impl Fn(u64) -> Finding) -> usize {
        let (config, mut told, mut count) = (config::Alert::default(), Told::default(), 0);
        for hour in 0..days * 24 {
            let (after, alerts) = judge(&config, told, &seen(hour), NOW + hour * HOUR_MS);
            told = after;
            count += alerts.len();
        }
        count
    }

    #[test]
    fn o4_5_two_front_ends_with_certificates_of_their_own_are_told_of_once() {
        let ends = |first: u64, second: u64| {
            alerts_of(4, |hour| {
                let days = if hour % 2 == 0 { first } else { second };
                online(Some(NOW + days * DAY_MS))
            })
        };
        assert_eq!((ends(10, 12), ends(12, 10), ends(10, 60)), (1, 1, 1));
        // The one has expired already: that, and then the other.
        let expired = alerts_of(4, |hour| {
            let until_ms = if hour % 2 == 0 {
                NOW - 1
            } else {
                NOW + 10 * DAY_MS
            };
            online(Some(until_ms))
        });
        assert_eq!(expired, 2);
    }

    #[test]
    fn o4_5_a_certificate_for_days_only_is_told_of_when_it_is_not_renewed() {
        let six_days = |from_ms: u64| Finding {
            certificate_from_ms: Some(from_ms),
            ..online(Some(from_ms + 6 * DAY_MS))
        };
        // Renewed after three days each.
        let renewed = alerts_of(30, |hour| six_days(NOW + hour / 72 * 3 * DAY_MS));
        assert_eq!(renewed, 0);
        assert_eq!(alerts_of(4, |_| six_days(NOW)), 0);
        assert_eq!(alerts_of(30, |_| six_days(NOW)), 1);
        // Each is renewed a day too late.
        let late = alerts_of(28, |hour| six_days(NOW + hour / 168 * 7 * DAY_MS));
        assert_eq!(late, 4);
        // One that is good for long is told of when the operator wants it.
        let long = |until_days: u64| Finding {
            certificate_from_ms: Some(NOW - 365 * DAY_MS),
            ..online(Some(NOW + until_days * DAY_MS))
        };
        assert_eq!(
            (alerts_of(1, |_| long(16)), alerts_of(1, |_| long(14))),
            (0, 1)
        );
    }

    proptest! {
        #[test]
        fn o4_5_never_down_twice_without_recovery(
            checks in prop::collection::vec((any::<bool>(), prop::option::of(0_u64..4)), 0..100),
            down_after in 1_u64..5,
        ) {
            let config = config::Alert { down_after, ..config::Alert::default() };
            let (mut told, mut row, mut is_down) = (Told::default(), 0, false);
            for (at, (up, certificate)) in checks.into_iter().enumerate() {
                let now_ms = NOW + at as u64;
                row = if up { 0 } else { row + 1 };
                let finding = Finding {
                    online: up,
                    offline_in_a_row: row,
                    offline_since_ms: now_ms - row.saturating_sub(1),
                    certificate_from_ms: None,
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
                            prop_assert!(Some(until_ms) == finding.certificate_until_ms);
                        }
                    }
                }
                prop_assert_eq!(is_down, row >= down_after || is_down && !up);
            }
        }

        #[test]
        fn o4_5_whatever_a_relay_shows_certificates_are_told_of_once_a_day(
            ends in prop::collection::vec((-30_i64 * 24..20 * 24, any::<bool>()), 1..400),
        ) {
            let (config, mut told, mut moments) = (config::Alert::default(), Told::default(), Vec::new());
            for (hour, (left, soon)) in ends.into_iter().enumerate() {
                let now_ms = NOW + hour as u64 * HOUR_MS;
                let until_ms = if soon { now_ms + 1 } else { now_ms.saturating_add_signed(left * HOUR_MS as i64) };
                let (after, alerts) = judge(&config, told, &online(Some(until_ms)), now_ms);
                told = after;
                moments.extend(alerts.iter().map(|_| now_ms));
            }
            // The first and the second may follow each other closely, and so may each and the next, but not three.
            for three in moments.windows(3) {
                prop_assert!(three[2] - three[0] >= DAY_MS, "{:?}", moments);
            }
        }
    }
}
