//! Ranges of time.

use serde::{Deserialize, Serialize};
use stentor_event::{Filter, Timestamp};

/// A range of time in Unix seconds, both ends included. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first second.
    pub since: u64,
    /// The last second.
    pub until: u64,
}

impl Window {
    /// The range that a filter asks for; `None` when it is empty.
    #[must_use]
    pub fn of(filter: &Filter) -> Option<Self> {
        let window = Self {
            since: filter.since.map_or(0, |since| since.0),
            until: filter.until.map_or(u64::MAX, |until| until.0),
        };
        (window.since <= window.until).then_some(window)
    }

    /// The filter for what it matches in this range. Ends that mean nothing are left out: not every relay can read a number
    /// of 64 bits.
    #[must_use]
    pub fn narrow(self, filter: &Filter) -> Filter {
        Filter {
            since: Some(Timestamp(self.since)).filter(|since| since.0 > 0),
            until: Some(Timestamp(self.until)).filter(|until| until.0 < u64::MAX),
            limit: None,
            ..filter.clone()
        }
    }

    /// The newer and the older part; `None` for a single second. What lies in the future is divided from the rest first, as
    /// there is next to nothing there.
    #[must_use]
    pub fn halves(self, now: u64) -> Option<(Self, Self)> {
        let Self { since, until } = self;
        if since == until {
            return None;
        }
        let middle = if since <= now && now < until {
            now
        } else {
            since + (until - since) / 2
        };
        let newer = Self {
            since: middle + 1,
            until,
        };
        let older = Self {
            since,
            until: middle,
        };
        Some((newer, older))
    }

    /// What of it is not after this second; `None` when nothing is.
    #[must_use]
    pub fn down_from(self, until: u64) -> Option<Self> {
        let until = self.until.min(until);
        (self.since <= until).then_some(Self {
            since: self.since,
            until,
        })
    }

    /// Both as one, when nothing lies between them.
    #[must_use]
    pub fn joined(self, older: Self) -> Option<Self> {
        (older.until.checked_add(1) == Some(self.since)).then_some(Self {
            since: older.since,
            until: self.until,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_2_windows_divide_without_gap_or_overlap() {
        let all = Window {
            since: 0,
            until: u64::MAX,
        };
        let (newer, older) = all.halves(1_000).unwrap();
        assert_eq!((newer.since, older.until), (1_001, 1_000));
        assert_eq!(newer.joined(older), Some(all));
        let (newer, older) = older.halves(1_000).unwrap();
        assert_eq!((newer.since, older.until), (501, 500));
        let second = Window { since: 5, until: 5 };
        assert_eq!(second.halves(1_000), None);
        assert_eq!(second.joined(Window { since: 1, until: 3 }), None);
    }

    #[test]
    fn r5_2_a_window_narrows_a_filter() {
        let filter = Filter::parse(br#"{"kinds":[1],"since":10,"until":20,"limit":3}"#).unwrap();
        let window = Window::of(&filter).unwrap();
        assert_eq!((window.since, window.until), (10, 20));
        let narrow = window.down_from(15).unwrap().narrow(&filter);
        assert_eq!(narrow.to_json(), r#"{"kinds":[1],"since":10,"until":15}"#);
        assert_eq!(window.down_from(9), None);
        let empty = Filter::parse(br#"{"since":10,"until":9}"#).unwrap();
        assert_eq!(Window::of(&empty), None);
        let all = Filter::default();
        assert_eq!(Window::of(&all).unwrap().narrow(&all).to_json(), "{}");
    }
}
