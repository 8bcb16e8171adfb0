//! A part of a walk's window, and what is known of one.

use std::borrow::Cow;

use stentor_peer::{Pages, Window};

use super::second::Second;
use crate::archive::coverage::Coverage;

/// What is known of a part of the window. Later ones stand above earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Which part.
    pub window: Window,
    /// What is known.
    pub state: Coverage,
    /// Why it is not complete.
    pub why: Option<Why>,
}

/// Why something is not complete: a word or two of ours, and what the relay said.
pub(crate) type Why = Cow<'static, str>;

/// A part of the window that is being asked for.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// Page by page; with its first second.
    Pages(Pages, u64),
    /// In halves.
    Halves(Window),
    /// One second by kinds and authors.
    Second(Second),
    /// All that the relay has, for what it says of this.
    Everything(Window),
}

impl Piece {
    /// The time that it is about.
    pub fn window(&self) -> Window {
        match self {
            Self::Pages(pages, since) => Window {
                since: *since,
                until: pages.until(),
            },
            Self::Halves(window) | Self::Everything(window) => *window,
            Self::Second(second) => Window {
                since: second.at(),
                until: second.at(),
            },
        }
    }
}
