//! Something the reader has to know.

use maud::{Markup, Render, html};

/// How urgent a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something is not as it should be.
    Warning,
    /// Something does not work.
    Error,
}

/// A notice, which names its level in words.
#[must_use]
pub fn notice(level: Level, content: impl Render) -> Markup {
    let (class, word) = match level {
        Level::Info => ("accent", "Note"),
        Level::Warning => ("warn", "Warning"),
        Level::Error => ("bad", "Error"),
    };
    html! {
        div class={ "notice " (class) } role=[(level == Level::Error).then_some("alert")] {
            strong { (word) }
            div { (content) }
        }
    }
}
