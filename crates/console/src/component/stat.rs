//! Figures that a page is opened for.

use maud::{Markup, Render, html};

use crate::link::safe;

/// A figure with its name.
#[derive(Debug, Clone)]
pub struct Stat<'a> {
    label: &'a str,
    value: String,
    note: Option<Markup>,
    href: Option<&'a str>,
}

impl<'a> Stat<'a> {
    /// A figure as it is to be shown.
    #[must_use]
    pub fn new(label: &'a str, value: impl Into<String>) -> Self {
        Self {
            label,
            value: value.into(),
            note: None,
            href: None,
        }
    }

    /// With a line below it: a comparison, a sparkline.
    #[must_use]
    pub fn note(mut self, note: impl Render) -> Self {
        self.note = Some(html! { (note) });
        self
    }

    /// With a page that tells more.
    #[must_use]
    pub fn href(mut self, href: &'a str) -> Self {
        self.href = safe(href);
        self
    }
}

/// A row of figures, which breaks where there is no room.
#[must_use]
pub fn stats(stats: &[Stat<'_>]) -> Markup {
    html! {
        dl class="stats" {
            @for stat in stats {
                div class="stat" {
                    dt {
                        @match stat.href {
                            Some(href) => a href=(href) { (stat.label) },
                            None => (stat.label),
                        }
                    }
                    dd class="stat-value" { (stat.value) }
                    @if let Some(note) = &stat.note { dd class="stat-note" { (note) } }
                }
            }
        }
    }
}
