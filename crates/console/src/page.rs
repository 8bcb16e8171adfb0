//! A whole page: head, header with navigation, main, footer.

use maud::{DOCTYPE, Markup, html};

use crate::assets;
use crate::link::safe;

/// An entry of the navigation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NavEntry<'a> {
    /// Where it leads.
    pub href: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// Whether the page is it, or is below it.
    pub current: bool,
}

/// A page. [`Page::render`] makes the document.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// What the page shows: the first part of the window's title. The heading is the body's.
    pub title: &'a str,
    /// Whose pages these are: the role's or the node's name, beside the mark in the header.
    pub site: &'a str,
    /// Where the name in the header leads.
    pub home: &'a str,
    /// The pages of the role.
    pub nav: &'a [NavEntry<'a>],
    /// What else stands in the header, as a way to sign out.
    pub tools: Option<Markup>,
    /// What is in `main`.
    pub body: Markup,
    /// The stream of changes ([`crate::live`]), on this host.
    pub live: Option<&'a str>,
    /// After how many seconds a browser without scripts loads the page again.
    pub refresh: Option<u32>,
}

impl Page<'_> {
    /// The document.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head { (self.head()) }
                body {
                    a class="skip" href="#main" { "Skip to the content" }
                    (self.header())
                    main id="main" tabindex="-1" data-live=[self.live.and_then(safe)] { (self.body) }
                    footer class="foot" {
                        p { "Stentor " (env!("CARGO_PKG_VERSION")) }
                        p class="keys" data-scripted hidden {
                            "In a table, " kbd { "j" } " and " kbd { "k" } " go through the rows; in a chart, "
                            kbd { "←" } " and " kbd { "→" } " through the values"
                        }
                    }
                }
            }
        }
    }

    fn head(&self) -> Markup {
        html! {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (self.title) " · " (self.site) }
            link rel="icon" type="image/svg+xml" href=(assets::ICON.path());
            link rel="stylesheet" href=(assets::STYLE.path());
            // Not deferred: it sets the chosen colours before anything is painted.
            script src=(assets::THEME.path()) {}
            script src=(assets::SCRIPT.path()) defer {}
            @if let Some(seconds) = self.refresh {
                noscript { meta http-equiv="refresh" content=(seconds); }
            }
        }
    }

    fn header(&self) -> Markup {
        html! {
            header class="top" {
                a class="brand" href=(safe(self.home).unwrap_or("/")) {
                    (mark())
                    span { (self.site) }
                }
                nav aria-label="Pages" {
                    ul {
                        @for entry in self.nav {
                            li {
                                a href=(safe(entry.href).unwrap_or("/")) aria-current=[entry.current.then_some("page")] {
                                    (entry.label)
                                }
                            }
                        }
                    }
                }
                div class="tools" {
                    @if self.live.is_some() { (live_status()) }
                    (theme_switch())
                    @if let Some(tools) = &self.tools { (tools) }
                }
            }
        }
    }
}

/// The mark: a trumpet's bell and what comes out of it, as lines.
fn mark() -> Markup {
    html! {
        svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" {
            path d="M3 10v4l8 1.5V8.5zM14.5 8.5a5 5 0 0 1 0 7M17.5 5.5a9.2 9.2 0 0 1 0 13" {}
        }
    }
}

/// Says whether the page follows changes, and lets it be paused. Only the script can, so it shows it.
fn live_status() -> Markup {
    html! {
        div class="live" data-scripted hidden {
            span class="live-state" role="status" aria-live="polite" data-live-status {}
            button type="button" data-live-pause aria-pressed="false" { "Pause" }
        }
    }
}

/// The colours: as the system has them, light, or dark.
fn theme_switch() -> Markup {
    html! {
        fieldset class="theme" data-scripted hidden {
            legend class="unseen" { "Colours" }
            @for (value, label) in [("auto", "Auto"), ("light", "Light"), ("dark", "Dark")] {
                label {
                    input type="radio" name="theme" value=(value) autocomplete="off";
                    span { (label) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(live: Option<&str>) -> String {
        Page {
            title: "Relays",
            site: "Observatory",
            home: "/observatory",
            nav: &[
                NavEntry {
                    href: "/a",
                    label: "A",
                    current: true,
                },
                NavEntry {
                    href: "javascript:x",
                    label: "B",
                    current: false,
                },
            ],
            tools: None,
            body: html! { h1 { "Relays" } },
            live,
            refresh: Some(60),
        }
        .render()
        .into_string()
    }

    #[test]
    fn o4_4_a_page_has_what_readers_and_browsers_need() {
        let html = page(Some("/live?x=1"));
        for part in [
            "<!DOCTYPE html><html lang=\"en\">",
            "name=\"viewport\"",
            "href=\"#main\"",
            "<main id=\"main\"",
            "aria-current=\"page\"",
            "data-live=\"/live?x=1\"",
            "<noscript><meta http-equiv=\"refresh\" content=\"60\"></noscript>",
        ] {
            assert!(html.contains(part), "{part}");
        }
        assert!(!html.contains("javascript:"));
    }

    #[test]
    fn o4_4_a_page_has_no_inline_script_or_style() {
        let html = page(None);
        assert!(
            !html.contains("<style") && !html.contains(" style=") && !html.contains("data-live")
        );
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/console/") && script.contains("></script>"));
        }
    }
}
