//! Names and what stands for them.

use maud::{Markup, html};

/// A list of definitions, in two columns where there is room. Values come as markup, as a badge or a time may be one.
#[must_use]
pub fn definitions(entries: &[(&str, Markup)]) -> Markup {
    html! {
        dl class="definitions" {
            @for (name, value) in entries {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}
