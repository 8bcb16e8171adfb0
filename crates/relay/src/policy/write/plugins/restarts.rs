//! When a process that has ended is started again.

use std::time::Duration;

/// A process that ran this long starts over with no pause.
const STEADY: Duration = Duration::from_secs(10);

/// Pauses before restarts: none before the first, then twice as long each time.
#[derive(Debug)]
pub(super) struct Restarts {
    first: Duration,
    most: Duration,
    in_a_row: u32,
}

impl Restarts {
    /// With the pause before the second restart in a row, and the longest one.
    pub(super) const fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            in_a_row: 0,
        }
    }

    /// The pause after a process has ended that ran for this long.
    pub(super) fn pause(&mut self, ran: Duration) -> Duration {
        if ran >= STEADY {
            self.in_a_row = 0;
        }
        let pause = match self.in_a_row {
            0 => Duration::ZERO,
            restarts => {
                let doubled = 2_u32.saturating_pow(restarts - 1);
                self.first.saturating_mul(doubled).min(self.most)
            }
        };
        self.in_a_row = self.in_a_row.saturating_add(1);
        pause
    }

    /// Something has changed that may have mended it.
    pub(super) const fn forget(&mut self) {
        self.in_a_row = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_3_restarts_back_off_and_calm_down() {
        let ms = Duration::from_millis;
        let mut restarts = Restarts::new(ms(100), ms(450));
        let pauses: Vec<Duration> = (0..5).map(|_| restarts.pause(ms(1))).collect();
        assert_eq!(pauses, [ms(0), ms(100), ms(200), ms(400), ms(450)]);
        assert_eq!(restarts.pause(STEADY), ms(0));
        assert_eq!(restarts.pause(ms(1)), ms(100));
        restarts.forget();
        assert_eq!(restarts.pause(ms(1)), ms(0));
        let mut long = Restarts::new(ms(100), ms(450));
        assert!((0..100).all(|_| long.pause(ms(1)) <= ms(450)));
    }
}
