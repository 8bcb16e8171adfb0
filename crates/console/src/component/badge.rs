//! A state in a word, with a sign of its own: colour only says it again.

use maud::{Markup, html};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It works.
    Online,
    /// It works worse than usual.
    Degraded,
    /// It does not work.
    Offline,
    /// It has not been tried, or nothing was found out: this is not the same as [`State::Offline`].
    Unknown,
    /// It is switched off or left out by the operator.
    Paused,
}

impl State {
    /// All states, best first.
    pub const ALL: [Self; 5] = [
        Self::Online,
        Self::Degraded,
        Self::Offline,
        Self::Unknown,
        Self::Paused,
    ];

    /// The word.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Degraded => "degraded",
            Self::Offline => "offline",
            Self::Unknown => "unknown",
            Self::Paused => "paused",
        }
    }

    /// The class of its colours.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Online => "good",
            Self::Degraded => "warn",
            Self::Offline => "bad",
            Self::Unknown | Self::Paused => "idle",
        }
    }

    /// Its sign, as a path in a square of 12.
    const fn sign(self) -> &'static str {
        match self {
            Self::Online => "M2 6.5l2.8 2.8L10 3.5",
            Self::Degraded => "M6 1.8L10.8 10.2H1.2zM6 5v2.2",
            Self::Offline => "M2.5 2.5l7 7M9.5 2.5l-7 7",
            Self::Unknown => "M2 6h8",
            Self::Paused => "M4 2.5v7M8 2.5v7",
        }
    }
}

/// A badge with the state's own word.
#[must_use]
pub fn badge(state: State) -> Markup {
    badge_with(state, state.label())
}

/// A badge with another word, as `certificate expired` for something offline.
#[must_use]
pub fn badge_with(state: State, label: &str) -> Markup {
    html! {
        span class={ "badge " (state.class()) } {
            svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" { path d=(state.sign()) {} }
            (label)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn o4_4_a_state_is_told_by_word_and_sign() {
        let words: HashSet<_> = State::ALL.map(State::label).into();
        let signs: HashSet<_> = State::ALL.map(State::sign).into();
        assert_eq!((words.len(), signs.len()), (5, 5));
        for state in State::ALL {
            assert!(badge(state).into_string().contains(state.label()));
        }
    }
}
