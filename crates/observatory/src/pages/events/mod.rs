//! `/observatory/events`: events of the archive, as everybody may see them, and who holds each.
//!
//! What is in an event its author has written: it is shown as text of a bounded length, never as markup, and nothing that it names is loaded.

mod list;
mod one;

#[cfg(test)]
mod tests;

use axum::extract::{Path, State};
use axum::response::Response;
use stentor_event::EventId;

use super::Pages;
use super::shell::Shown;
use super::visit::Visit;
use crate::answer::{AskError, EventQuery, event, events};

/// Where they are.
const HERE: &str = "/observatory/events";

/// The list.
pub(super) async fn list(State(pages): State<Pages>, visit: Visit) -> Response {
    let shown = async {
        let mut parameters = visit.parameters()?;
        let asked = EventQuery::read(&mut parameters)?;
        parameters.end()?;
        let found = events(pages.ground(), &asked, pages.rules()).await?;
        Ok(Shown {
            title: "Events".to_owned(),
            body: list::body(&visit.query, &found, visit.now()),
        })
    };
    visit.answer(shown).await
}

/// One of them.
pub(super) async fn one(
    State(pages): State<Pages>,
    Path(id): Path<String>,
    visit: Visit,
) -> Response {
    let shown = async {
        visit.parameters()?.end()?;
        let id = EventId::from_hex(id.as_bytes()).ok_or(AskError::Missing)?;
        let found = event(pages.ground(), id, pages.rules()).await?;
        Ok(Shown {
            title: "Event".to_owned(),
            body: one::body(&found, visit.now()),
        })
    };
    visit.answer(shown).await
}

/// A field of an event that is a text.
fn text<'a>(event: &'a serde_json::Value, field: &str) -> &'a str {
    event
        .get(field)
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
}

/// A field of an event that is a number.
fn number(event: &serde_json::Value, field: &str) -> u64 {
    event
        .get(field)
        .and_then(serde_json::Value::as_u64)
        .unwrap_or_default()
}

/// The kind of an event.
fn kind(event: &serde_json::Value) -> u16 {
    u16::try_from(number(event, "kind")).unwrap_or(u16::MAX)
}

/// When it says that it was made, in seconds.
fn made(event: &serde_json::Value) -> i64 {
    i64::try_from(number(event, "created_at")).unwrap_or(i64::MAX)
}

/// The beginning of an id or a key.
fn short(hex: &str) -> String {
    let begin: String = hex.chars().take(12).collect();
    format!("{begin}…")
}
