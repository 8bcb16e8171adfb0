//! The page for people on `/`. It loads nothing from anywhere, and works without scripts.

use std::fmt::Write;

use stentor_event::nip11::RelayInformation;

use crate::information::NIPS;

/// What the page shows.
pub(crate) struct Page<'a> {
    pub(crate) information: &'a RelayInformation,
    /// Where clients connect.
    pub(crate) url: &'a str,
    pub(crate) connections: usize,
    pub(crate) subscriptions: usize,
    pub(crate) events: u64,
}

/// The style: one file with the page, for light and dark.
pub(crate) const STYLE: &str = include_str!("page.css");

impl Page<'_> {
    /// The HTML.
    pub(crate) fn html(&self) -> String {
        let name = escape(self.information.name.as_deref().unwrap_or("Nostr relay"));
        let mut html = String::with_capacity(8_192);
        html.push_str("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
        html.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        html.push_str("<meta name=\"color-scheme\" content=\"light dark\">");
        push(
            &mut html,
            format_args!("<title>{name}</title><style>{STYLE}</style></head><body><main>"),
        );
        push(
            &mut html,
            format_args!("<header><p class=\"kind\">Nostr relay</p><h1>{name}</h1>"),
        );
        for paragraph in self
            .information
            .description
            .as_deref()
            .unwrap_or_default()
            .split("\n\n")
        {
            push(&mut html, format_args!("<p>{}</p>", escape(paragraph)));
        }
        html.push_str("</header>");
        self.connect(&mut html);
        self.figures(&mut html);
        self.nips(&mut html);
        self.limits(&mut html);
        self.contact(&mut html);
        push(
            &mut html,
            format_args!(
                "</main><footer>Stentor {}</footer></body></html>",
                env!("CARGO_PKG_VERSION")
            ),
        );
        html
    }

    fn connect(&self, html: &mut String) {
        html.push_str(
            "<section><h2>Connect</h2><p>Add this address to the relays of your Nostr client:</p>",
        );
        push(
            html,
            format_args!(
                "<p><code class=\"address\">{}</code></p></section>",
                escape(self.url)
            ),
        );
    }

    fn figures(&self, html: &mut String) {
        html.push_str("<section><h2>Now</h2><dl class=\"figures\">");
        let figures = [
            ("events", self.events),
            ("connections", self.connections as u64),
            ("subscriptions", self.subscriptions as u64),
        ];
        for (name, value) in figures {
            push(
                html,
                format_args!("<div><dd>{}</dd><dt>{name}</dt></div>", grouped(value)),
            );
        }
        html.push_str("</dl></section>");
    }

    fn nips(&self, html: &mut String) {
        html.push_str("<section><h2>What it supports</h2><ul class=\"nips\">");
        for nip in &self.information.supported_nips {
            let what = NIPS
                .iter()
                .find(|(number, _)| number == nip)
                .map_or("", |(_, name)| *name);
            push(html, format_args!("<li><b>NIP-{nip:02}</b> {what}</li>"));
        }
        html.push_str("</ul></section>");
    }

    fn limits(&self, html: &mut String) {
        let Some(limits) = &self.information.limitation else {
            return;
        };
        let rows = [
            ("Longest message, in bytes", limits.max_message_length),
            ("Subscriptions of one connection", limits.max_subscriptions),
            ("Stored events for one filter", limits.max_limit),
            ("Characters of a subscription id", limits.max_subid_length),
            ("Tags of an event", limits.max_event_tags),
            (
                "Seconds an event may lie ahead",
                limits.created_at_upper_limit,
            ),
            (
                "Seconds an event may lie behind",
                limits.created_at_lower_limit,
            ),
        ];
        html.push_str("<section><h2>Limits</h2><table>");
        for (name, value) in rows {
            if let Some(value) = value {
                push(
                    html,
                    format_args!(
                        "<tr><th scope=\"row\">{name}</th><td>{}</td></tr>",
                        grouped(value)
                    ),
                );
            }
        }
        html.push_str("</table></section>");
    }

    fn contact(&self, html: &mut String) {
        let rows = [
            ("Operator", &self.information.pubkey),
            ("Contact", &self.information.contact),
            ("Terms of service", &self.information.terms_of_service),
            ("Key of this relay", &self.information.self_key),
        ];
        if rows.iter().all(|(_, value)| value.is_none()) {
            return;
        }
        html.push_str("<section><h2>Who runs it</h2><table>");
        for (name, value) in rows {
            if let Some(value) = value {
                push(
                    html,
                    format_args!(
                        "<tr><th scope=\"row\">{name}</th><td>{}</td></tr>",
                        linked(value)
                    ),
                );
            }
        }
        html.push_str("</table></section>");
    }
}

/// Appends formatted text; writing to a string does not fail.
fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = html.write_fmt(text);
}

/// A link for an address that can be followed safely, plain text otherwise.
fn linked(value: &str) -> String {
    let text = escape(value);
    let safe = ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    if safe {
        format!("<a rel=\"noopener noreferrer\" href=\"{text}\">{text}</a>")
    } else {
        format!("<code>{text}</code>")
    }
}

/// A number with thin spaces between the thousands.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Text as it stands in HTML, in attributes as well.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_14_nothing_of_the_configuration_becomes_markup() {
        let information = RelayInformation {
            name: Some("<script>alert(1)</script>".into()),
            contact: Some("javascript:alert(1)".into()),
            terms_of_service: Some("https://example.com/\"onclick=\"x".into()),
            ..RelayInformation::default()
        };
        let page = Page {
            information: &information,
            url: "ws://h/<b>",
            connections: 1,
            subscriptions: 2,
            events: 1_234_567,
        };
        let html = page.html();
        assert!(
            !html.contains("<script")
                && !html.contains("<b>\"")
                && !html.contains("href=\"javascript")
        );
        assert!(html.contains("https://example.com/&quot;onclick"));
        assert!(html.contains("1\u{202f}234\u{202f}567"));
    }

    #[test]
    fn r1_14_the_page_loads_nothing() {
        let html = Page {
            information: &RelayInformation::default(),
            url: "",
            connections: 0,
            subscriptions: 0,
            events: 0,
        }
        .html();
        for loading in ["src=", "url(", "@import", "<link"] {
            assert!(!html.contains(loading), "{loading}");
        }
    }
}
