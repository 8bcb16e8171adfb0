//! One interval of a relay's coverage, and the words it is written with.

use std::sync::Arc;

use stentor_peer::Window;

/// Characters of a reason that are kept: a relay's words are as long as it likes.
const REASON: usize = 200;

/// What is known of a range of time at one relay (O3.2). What lies in no interval was never asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Coverage {
    /// Everything that it showed there has come, and that this is all was proven.
    Complete,
    /// There is, or may be, more than it gives.
    Capped,
    /// It does not let us.
    Refused,
    /// It did not work.
    Failed,
}

impl Coverage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Complete, Self::Capped, Self::Refused, Self::Failed];

    /// Its word in the records and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Capped => "capped",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// The state of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// How it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    /// Both sets were compared (NIP-77).
    Negentropy,
    /// By REQ, and the relay said of each page whether that was all (NIP-67).
    Hints,
    /// By REQ, with pages whose ends were verified.
    Windows,
}

impl Method {
    /// Its word in the records and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Negentropy => "negentropy",
            Self::Hints => "hints",
            Self::Windows => "windows",
        }
    }

    /// The method of this word.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Negentropy, Self::Hints, Self::Windows];
        all.into_iter().find(|one| one.as_str() == word)
    }
}

/// What is known of one range of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interval {
    /// From when to when, both ends included.
    pub window: Window,
    /// What is known.
    pub state: Coverage,
    /// Why it is not complete: a word or two, and what the relay said. At most 200 characters.
    pub reason: Option<Arc<str>>,
    /// How it was asked for.
    pub method: Option<Method>,
    /// Events that came; an estimate where an interval was cut since.
    pub events: u64,
    /// When it was asked for, in Unix milliseconds; of an interval that was joined of several, the earliest.
    pub at_ms: u64,
}

impl Interval {
    /// The part of it that lies in a window, with its share of the events.
    pub(super) fn part(&self, window: Window) -> Self {
        let seconds = |window: Window| u128::from(window.until - window.since) + 1;
        let share = u128::from(self.events) * seconds(window) / seconds(self.window);
        Self {
            window,
            events: u64::try_from(share).unwrap_or(u64::MAX),
            ..self.clone()
        }
    }

    /// Whether two intervals say the same of their times. When it was tried in vain is kept apart, so that what waits longest is tried
    /// again first.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let settled = matches!(self.state, Coverage::Complete | Coverage::Capped);
        (self.state, self.method) == (other.state, other.method)
            && self.reason == other.reason
            && (settled || self.at_ms == other.at_ms)
    }
}

/// A reason: a word of ours, and what the relay said, without line breaks and control characters (which not every database takes).
pub(crate) fn reason(word: &str, said: &str) -> Arc<str> {
    let clean = said.chars().map(|c| if c.is_control() { ' ' } else { c });
    let clean: String = clean.take(REASON).collect();
    let clean = clean.trim();
    let whole = if clean.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {clean}")
    };
    whole.chars().take(REASON).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o3_2_words_are_read_back() {
        for state in Coverage::ALL {
            assert_eq!(Coverage::parse(state.as_str()), Some(state));
        }
        assert_eq!(Coverage::parse("never"), None);
        assert_eq!(Method::parse("hints"), Some(Method::Hints));
    }

    #[test]
    fn o3_2_a_reason_is_short_and_can_be_stored() {
        assert_eq!(&*reason("refused", "no\0\nno"), "refused: no  no");
        assert_eq!(&*reason("silent", " "), "silent");
        assert_eq!(reason("refused", &"ö".repeat(900)).chars().count(), 200);
    }
}
