//! One event.

use maud::{Markup, html};
use serde_json::Value;
use stentor_console::Query;
use stentor_console::component::{Column, Row, Table, breadcrumb, definitions, empty, timestamp};
use stentor_console::format::{bytes, number, utc};
use stentor_console::live::fragment;

use super::{HERE, kind, made, short, text};
use crate::answer::{COUNTED, EventAnswer};
use crate::pages::kind as kinds;
use crate::pages::source::source;
use crate::pages::visit::seconds;
use crate::pages::words::clipped;

/// Characters of a content, and of the whole event, that are shown.
const CONTENT: usize = 10_000;
const WHOLE: usize = 40_000;
/// Tags that are shown, values of each, and characters of a value.
const TAGS: usize = 100;
const VALUES: usize = 12;
const VALUE: usize = 300;

/// The page.
pub(super) fn body(found: &EventAnswer, now: i64) -> Markup {
    let event = &found.event;
    let (id, author) = (text(event, "id"), text(event, "pubkey"));
    let by = |name: &str, value: &str| Query::new(HERE, None).with(name, value).href();
    let at = made(event);
    html! {
        (breadcrumb(&[(HERE, "Events")], &short(id)))
        h1 { "Event " code { (short(id)) } }
        (definitions(&[
            ("Id", html! { code { (id) } }),
            ("Author", html! { a href=(by("authors", author)) { code { (author) } } }),
            ("Kind", html! { a href=(by("kinds", &kind(event).to_string())) { (kinds::named(kind(event))) } }),
            ("Made", html! { (utc(at)) ", " (timestamp(at, now)) ", as its author says" }),
        ]))
        h2 { "Content" }
        (content(text(event, "content")))
        (tags(event))
        h2 { "Who holds it" }
        (fragment("event-holders", holders(found, now)))
        h2 { "As it was signed" }
        (whole(event))
        (source("With who holds it", &format!("events/{id}"), false))
    }
}

fn content(content: &str) -> Markup {
    if content.is_empty() {
        return html! { p class="none" { "It is empty." } };
    }
    let shown = clipped(content, CONTENT);
    html! {
        pre class="text" tabindex="0" dir="auto" { (shown) }
        @if shown.len() < content.len() {
            p { "The first " (number(CONTENT as u64)) " characters of " (bytes(content.len() as u64)) "." }
        }
    }
}

fn tags(event: &Value) -> Markup {
    let tags = event.get("tags").and_then(Value::as_array);
    let tags = tags.map(Vec::as_slice).unwrap_or_default();
    if tags.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Tags" }
        div class="scroll" role="region" tabindex="0" aria-label="Tags" {
            table class="tags" {
                thead { tr { th scope="col" { "Name" } th scope="col" { "Values" } } }
                tbody { @for tag in tags.iter().take(TAGS) { (self::tag(tag)) } }
            }
        }
        @if tags.len() > TAGS { p { "And " (number((tags.len() - TAGS) as u64)) " more." } }
    }
}

fn tag(tag: &Value) -> Markup {
    let parts = tag.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut parts = parts.iter().map(|part| part.as_str().unwrap_or_default());
    let name = parts.next().unwrap_or_default();
    let values: Vec<&str> = parts.collect();
    html! {
        tr {
            th scope="row" { code { (clipped(name, VALUE)) } }
            td {
                @for value in values.iter().take(VALUES) { code class="value" dir="auto" { (clipped(value, VALUE)) } " " }
                @if values.len() > VALUES { "and " (values.len() - VALUES) " more" }
            }
        }
    }
}

fn holders(found: &EventAnswer, now: i64) -> Markup {
    const COLUMNS: [Column<'static>; 3] = [
        Column::text("Relay"),
        Column::text("Since"),
        Column::text("How it is known"),
    ];
    let holders = found.holders.as_deref().unwrap_or_default();
    if holders.is_empty() {
        return empty(
            "It is not known who holds it",
            "It came here in another way than from a relay, or its relays have let go of it.",
        );
    }
    let rows: Vec<Row> = holders
        .iter()
        .map(|holder| {
            let how = match holder.how {
                "live" => "it came live: the relay had it then",
                _ => "it was fetched then; the relay may have had it before",
            };
            Row::new(vec![
                html! { (clipped(&holder.url, 120)) },
                html! { (utc(seconds(holder.seen_ms))) ", " (timestamp(seconds(holder.seen_ms), now)) },
                html! { (how) },
            ])
            .href(format!("/observatory/relays/{}", holder.relay))
        })
        .collect();
    let shown = holders.len() as u64;
    Table {
        caption: &held(found.holders_total.unwrap_or(shown), shown),
        columns: &COLUMNS,
        rows: &rows,
        query: &Query::new(HERE, None),
        sort: None,
        empty: "",
    }
    .render()
}

/// How many relays hold it, and how many of them are shown.
fn held(total: u64, shown: u64) -> String {
    let more = if total >= COUNTED { " or more" } else { "" };
    let count = match total {
        1 => "One relay is known to hold it".to_owned(),
        _ => format!("{} relays{more} are known to hold it", number(total)),
    };
    match shown < total {
        true => format!("{count}; the first {} are shown", number(shown)),
        false => count,
    }
}

fn whole(event: &Value) -> Markup {
    let json = serde_json::to_string_pretty(event).unwrap_or_default();
    html! {
        details class="as-table" {
            summary { "Show as JSON" }
            pre class="text" tabindex="0" { (clipped(&json, WHOLE)) }
        }
    }
}
