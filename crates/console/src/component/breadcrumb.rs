//! Where a page is below others.

use maud::{Markup, html};

use crate::link::link;

/// The pages above, as address and label from the top on, and the page itself.
#[must_use]
pub fn breadcrumb(above: &[(&str, &str)], here: &str) -> Markup {
    html! {
        nav class="crumbs" aria-label="Breadcrumb" {
            ol {
                @for (href, label) in above { li { (link(href, label)) } }
                li { span aria-current="page" { (here) } }
            }
        }
    }
}
