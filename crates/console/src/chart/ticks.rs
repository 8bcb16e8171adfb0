//! Where the ticks of an axis are: at values that people would choose.

/// The ticks of an axis that begins at 0.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueTicks {
    /// The values, from 0 up; the last is the top of the axis and at least the largest value.
    pub values: Vec<f64>,
}

impl ValueTicks {
    /// At most `count + 1` ticks (`count` at least 1) up to a value: multiples of 1, 2 or 5 times a power of ten. `whole` keeps them apart
    /// by 1 at least, for counts. A largest value that is no positive number is taken as 1.
    #[must_use]
    pub fn up_to(largest: f64, count: u32, whole: bool) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 {
            // Steps of numbers near the ends of the range would not be numbers.
            largest.clamp(1e-12, 1e300)
        } else {
            1.0
        };
        let count = count.clamp(1, 50);
        let rough = largest / f64::from(count);
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            // A step that misses by an error of rounding is meant.
            .find(|step| step * f64::from(count) >= largest * (1.0 - 1e-9))
            .unwrap_or(power * 10.0);
        let step = if whole { step.max(1.0).round() } else { step };
        let steps = (largest / step * (1.0 - 1e-9))
            .ceil()
            .clamp(1.0, f64::from(count)) as u32;
        Self {
            values: (0..=steps).map(|number| f64::from(number) * step).collect(),
        }
    }

    /// The top of the axis.
    #[must_use]
    pub fn top(&self) -> f64 {
        self.values.last().copied().unwrap_or(1.0)
    }
}

/// Distances between ticks of time, in seconds.
const STEPS: [i64; 21] = [
    1, 5, 15, 30, 60, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
    604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000,
];

/// The ticks of an axis of time, in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeTicks {
    /// The distance between two, in seconds.
    pub step: i64,
    /// The ticks, in seconds since 1970.
    pub values: Vec<i64>,
    from: i64,
    to: i64,
}

impl TimeTicks {
    /// At most `count + 1` ticks from `from` to `to` (both included), at whole minutes, hours or days. None where `to` is not after `from`.
    #[must_use]
    pub fn between(from: i64, to: i64, count: u32) -> Self {
        let length = to.saturating_sub(from);
        let count = i64::from(count.clamp(1, 50));
        let step = STEPS
            .into_iter()
            .find(|step| length / step <= count)
            .unwrap_or_else(|| (length / count).max(1));
        let mut values = Vec::new();
        if length > 0 {
            let after = from.rem_euclid(step);
            let first = if after == 0 {
                Some(from)
            } else {
                from.checked_add(step - after)
            };
            values = std::iter::successors(first, |at| at.checked_add(step))
                .take_while(|at| *at <= to)
                .take(count as usize + 1)
                .collect();
        }
        Self {
            step,
            values,
            from,
            to,
        }
    }

    /// How a label stands at its tick, so that those at the ends are not cut off.
    #[must_use]
    pub fn anchor(&self, at: i64) -> &'static str {
        let share =
            at.saturating_sub(self.from) as f64 / self.to.saturating_sub(self.from).max(1) as f64;
        match share {
            s if s < 0.05 => "start",
            s if s > 0.95 => "end",
            _ => "middle",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn o4_4_values_have_ticks_that_people_would_choose() {
        for (largest, ticks) in [
            (97.0, vec![0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
            (100.0, vec![0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
            (3.0, vec![0.0, 1.0, 2.0, 3.0]),
            (1_234.0, vec![0.0, 500.0, 1_000.0, 1_500.0]),
            (f64::NAN, vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ] {
            let found = ValueTicks::up_to(largest, 5, false).values;
            assert!(
                found.len() == ticks.len()
                    && found.iter().zip(&ticks).all(|(a, b)| (a - b).abs() < 1e-9),
                "{largest}: {found:?}"
            );
        }
        assert_eq!(ValueTicks::up_to(2.0, 5, true).values, [0.0, 1.0, 2.0]);
    }

    #[test]
    fn o4_4_times_have_ticks_at_whole_hours_and_days() {
        let day = TimeTicks::between(1_700_000_123, 1_700_086_523, 6);
        assert_eq!(day.step, 21_600);
        assert!(day.values.iter().all(|at| at % 21_600 == 0));
        assert_eq!(
            TimeTicks::between(0, 3_600, 6).values,
            [0, 600, 1_200, 1_800, 2_400, 3_000, 3_600]
        );
        assert_eq!(TimeTicks::between(5, 5, 6).values, Vec::<i64>::new());
    }

    proptest! {
        #[test]
        fn o4_4_an_axis_holds_its_values_in_few_ticks(largest in prop::num::f64::ANY, count in 1u32..12, whole: bool) {
            let ticks = ValueTicks::up_to(largest, count, whole);
            prop_assert!((2..=count as usize + 1).contains(&ticks.values.len()));
            if largest.is_finite() && largest < 1e300 {
                prop_assert!(ticks.top() >= largest * (1.0 - 1e-6));
            }
            prop_assert!(ticks.values.iter().all(|value| value.is_finite()));
        }

        #[test]
        fn o4_4_ticks_of_time_lie_within(from: i64, to: i64, count in 1u32..12) {
            let ticks = TimeTicks::between(from, to, count);
            prop_assert!(ticks.values.len() <= count as usize + 1);
            prop_assert!(ticks.values.iter().all(|at| (from..=to).contains(at)));
            prop_assert!(ticks.values.windows(2).all(|two| two[1] - two[0] == ticks.step));
        }
    }
}
