//! What has changed in its information document, as a log.

use maud::{Markup, html};
use stentor_console::component::{empty, timestamp};

use super::gather::Gathered;
use crate::history::Change;
use crate::pages::visit::seconds;

/// Keys of one change that are named.
const MOST: usize = 20;

/// The log.
pub(super) fn log(all: &Gathered) -> Markup {
    let Some(page) = &all.changes else {
        return html! {};
    };
    if page.changes.is_empty() {
        return empty(
            "No change yet",
            "Its document (NIP-11) is as it was when it was first seen, or it has none.",
        );
    }
    html! {
        ol class="log" {
            @for change in &page.changes {
                li { (timestamp(seconds(change.at_ms), all.now)) " " span { (said(change)) } }
            }
        }
        @if page.next.is_some() {
            p class="hint" {
                "These are the newest. "
                a href={ "/api/v1/observatory/relays/" (all.detail.relay.id) "/changes" } { "All of them, as JSON" }
            }
        }
    }
}

fn said(change: &Change) -> Markup {
    html! {
        @match (change.before, change.after) {
            (false, true) => "There is a document.",
            (true, false) => "The document is gone.",
            _ if change.keys.is_empty() => "The document changed; what was in it is not kept any more.",
            _ => {
                "Changed: "
                @for (number, key) in change.keys.iter().take(MOST).enumerate() {
                    @if number > 0 { ", " }
                    code { (key.chars().take(60).collect::<String>()) }
                }
                @if change.keys.len() > MOST { " and " (change.keys.len() - MOST) " more" }
            }
        }
    }
}
