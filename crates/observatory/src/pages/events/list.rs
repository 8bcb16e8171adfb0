//! The list of events.

use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::component::{
    Column, Field, Filters, Level, Pager, Row, Table, empty, notice, timestamp,
};
use stentor_console::live::fragment;

use super::{HERE, kind, made, short, text};
use crate::answer::EventPage;
use crate::pages::kind as kinds;
use crate::pages::source::source;
use crate::pages::words::clipped;

/// Characters of a content.
const CONTENT: usize = 180;

/// The page.
pub(super) fn body(query: &Query, found: &EventPage, now: i64) -> Markup {
    html! {
        h1 { "Events" }
        (filters(query))
        (fragment("events", list(query, found, now)))
    }
}

fn filters(query: &Query) -> Markup {
    let text = |name, label, placeholder| Field::Text {
        name,
        label,
        placeholder,
    };
    let time = |name, label| Field::Number {
        name,
        label,
        min: 0,
        max: 253_402_300_799,
    };
    let fields = [
        text("text", "In the content", "a word"),
        text("kinds", "Kinds", "1, 30023"),
        text("authors", "Authors", "64 hex digits"),
        text("#t", "Topic (tag t)", "nostr"),
        time("since", "From (Unix time)"),
        time("until", "Until (Unix time)"),
    ];
    let (main, rest) = fields.split_at(4);
    Filters {
        query,
        fields: main,
        folded: rest,
        target: "events",
    }
    .render()
}

fn list(query: &Query, found: &EventPage, now: i64) -> Markup {
    const COLUMNS: [Column<'static>; 5] = [
        Column::text("Event"),
        Column::text("Kind"),
        Column::text("Made"),
        Column::text("Author"),
        Column::text("Content"),
    ];
    let rows: Vec<Row> = found
        .events
        .iter()
        .map(|one| {
            let event = &one.event;
            let (id, author) = (text(event, "id"), text(event, "pubkey"));
            let by_author = query.without("after").with("authors", author).href();
            let by_kind = query.without("after").with("kinds", &kind(event).to_string()).href();
            Row::new(vec![
                html! { code { (short(id)) } },
                html! { a class="quiet" href=(by_kind) { (kinds::named(kind(event))) } },
                timestamp(made(event), now),
                html! { a class="quiet" href=(by_author) title=(author) { code { (short(author)) } } },
                content(text(event, "content")),
            ])
            .href(format!("{HERE}/{id}"))
        })
        .collect();
    let question = question(query);
    if rows.is_empty() && !found.bound_reached {
        return nothing(query);
    }
    let table = Table {
        caption: "The newest first, by their authors' times",
        columns: &COLUMNS,
        rows: &rows,
        query,
        sort: None,
        empty: "None of the events that were looked at passes the filters.",
    };
    html! {
        @if found.bound_reached {
            (notice(Level::Info, html! { p { "So many events were looked at that the search ended early. It goes on with “Next”." } }))
        }
        (table.render())
        (Pager { query, next: found.next.as_deref(), shown: rows.len(), total: None }.render())
        (source("Without what is private or protected", &question, false))
    }
}

/// The question for the same events.
fn question(query: &Query) -> String {
    let href = query.without("after").href();
    href.trim_start_matches("/observatory/").to_owned()
}

fn nothing(query: &Query) -> Markup {
    if query.pairs().next().is_some() {
        let then = html! { a href=(HERE) { "Drop all filters" } };
        return empty("No event passes these filters", then);
    }
    let then =
        html! { "The " a href="/observatory/archive" { "archive" } " says what is being fetched." };
    empty("The archive has no events yet", then)
}

/// The beginning of a content.
fn content(text: &str) -> Markup {
    let line: String = text.chars().take(CONTENT * 2).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    html! {
        @if line.is_empty() { span class="none" { "empty" } } @else { bdi { (clipped(&line, CONTENT)) } }
    }
}
