//! Where something would be, if there were something.

use maud::{Markup, Render, html};

/// Says that there is nothing, and what can be done about it.
#[must_use]
pub fn empty(what: &str, then: impl Render) -> Markup {
    html! {
        div class="empty" {
            p class="empty-what" { (what) }
            p { (then) }
        }
    }
}
