//! The NIPs and limits that it says it has, and all of its document.

use maud::{Markup, html};
use serde_json::Value;
use stentor_console::Query;
use stentor_console::component::definitions;
use stentor_console::format::number;

use super::gather::Gathered;
use crate::pages::relays::PATH;

/// Characters of the document that are shown.
const MOST: usize = 20_000;
/// The limits of NIP-11, in words.
const LIMITS: [(&str, &str); 13] = [
    ("max_message_length", "Bytes of a message"),
    ("max_subscriptions", "Subscriptions"),
    ("max_limit", "Events at once"),
    ("default_limit", "Events without a limit"),
    ("max_subid_length", "Characters of a name"),
    ("max_event_tags", "Tags of an event"),
    ("max_content_length", "Characters of content"),
    ("min_pow_difficulty", "Bits of work"),
    ("auth_required", "Authentication"),
    ("payment_required", "Payment"),
    ("restricted_writes", "Only some may write"),
    ("created_at_lower_limit", "Seconds back"),
    ("created_at_upper_limit", "Seconds ahead"),
];

/// What it says of itself that is for programs.
pub(super) fn limits(all: &Gathered) -> Markup {
    let detail = &all.detail;
    html! {
        h3 { "NIPs it says it knows" }
        @if detail.nips.is_empty() {
            p class="none" { @if detail.information.is_some() { "Its document names none." } @else { "It has no document (NIP-11)." } }
        } @else {
            ul class="chips" aria-label="NIPs" {
                @for nip in &detail.nips {
                    @let text = nip.to_string();
                    li { a href=(Query::new(PATH, None).with("nip", &text).href()) title={ "Relays with NIP-" (text) } { (text) } }
                }
            }
        }
        h3 { "Limits it says it has" }
        (said(detail.information.as_ref()))
        (whole("Its whole document (NIP-11)", detail.information.as_ref()))
        (whole("What was seen of its name, network and certificate", detail.facts.as_ref()))
    }
}

fn said(document: Option<&Value>) -> Markup {
    let limitation = document.and_then(|document| document.get("limitation"));
    let entry = |(key, label): &(&'static str, &'static str)| {
        let value = limitation?.get(key).filter(|value| !value.is_null())?;
        Some((*label, shown(value)))
    };
    let entries: Vec<(&str, Markup)> = LIMITS.iter().filter_map(entry).collect();
    if entries.is_empty() {
        return html! { p class="none" { "It says nothing of limits, which is not to say that it has none." } };
    }
    definitions(&entries)
}

/// A value that a stranger has chosen.
fn shown(value: &Value) -> Markup {
    match value {
        Value::Bool(true) => html! { "yes" },
        Value::Bool(false) => html! { "no" },
        Value::Number(count) => match count.as_u64() {
            Some(count) => html! { (number(count)) },
            None => html! { (count.to_string()) },
        },
        other => html! { bdi { (other.to_string().chars().take(100).collect::<String>()) } },
    }
}

fn whole(label: &str, document: Option<&Value>) -> Markup {
    let text = document.and_then(|document| serde_json::to_string_pretty(document).ok());
    html! {
        @if let Some(text) = text {
            details class="as-table" {
                summary { (label) }
                @let cut: String = text.chars().take(MOST).collect();
                div class="scroll" role="region" tabindex="0" aria-label=(label) { pre { (cut) } }
                @if cut.len() < text.len() { p { "And more, which is not shown." } }
            }
        }
    }
}
