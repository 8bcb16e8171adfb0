//! What is known of it: what it says of itself, what it does, and where it is.

use maud::{Markup, html};
use serde_json::Value;
use stentor_console::component::{Column, Row, State, Table, badge_with, definitions, timestamp};
use stentor_console::format::number;

use super::gather::Gathered;
use crate::pages::visit::seconds;
use crate::pages::words::{self, nothing, truth};

/// Characters of a stranger's text that are shown.
const MOST: usize = 1_500;

/// All of it, in three lists.
pub(super) fn facts(all: &Gathered) -> Markup {
    html! {
        h3 { "What it says of itself" }
        (itself(all))
        h3 { "What it does" }
        (manners(all))
        h3 { "Where it is" }
        (place(all))
    }
}

fn itself(all: &Gathered) -> Markup {
    let relay = &all.detail.relay;
    let said = |key: &str| {
        let value = all.detail.information.as_ref()?.get(key)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        Some(text).filter(|text| !text.is_empty() && text != "null")
    };
    let text = |value: Option<String>| match value {
        Some(text) => {
            let cut: String = text.chars().take(MOST).collect();
            html! { bdi class="said" { (cut) } @if cut.len() < text.len() { "…" } }
        }
        None if all.detail.information.is_some() => nothing("it does not say"),
        None => nothing("no document"),
    };
    let version = relay
        .version
        .as_deref()
        .map(|version| format!(" {version}"));
    let software = relay.software.clone();
    let software = software.map(|name| name + &version.unwrap_or_default());
    definitions(&[
        ("Name", text(relay.name.clone())),
        ("Description", text(said("description"))),
        ("Software", text(software)),
        ("Contact", text(said("contact"))),
        ("Operator’s key", text(said("pubkey"))),
        ("Its own key", text(said("self"))),
        ("Terms", text(said("terms_of_service"))),
        ("Payments", text(said("payments_url"))),
    ])
}

fn manners(all: &Gathered) -> Markup {
    let (relay, detail) = (&all.detail.relay, &all.detail);
    let fact = |key: &str| detail.facts.as_ref().and_then(|facts| facts.get(key));
    let when = |at: Option<u64>| match at {
        Some(at) => timestamp(seconds(at), all.now),
        None => nothing("never"),
    };
    definitions(&[
        (
            "Asks who reads",
            truth(relay.auth_required, "yes (NIP-42)", "no"),
        ),
        (
            "Asks on its own accord",
            truth(
                fact("challenges").and_then(Value::as_bool),
                "yes (NIP-42)",
                "no",
            ),
        ),
        ("Wants payment", truth(relay.payment_required, "yes", "no")),
        (
            "Only some may write",
            truth(detail.writes_restricted, "yes", "no"),
        ),
        (
            "Reading",
            match fact("read_policy").and_then(Value::as_str) {
                Some(policy) => html! { "refused: " (policy) },
                None if relay.read_ms.is_some() => html! { "answered" },
                None => words::untested(),
            },
        ),
        (
            "Writing",
            match &detail.write_outcome {
                Some(word) => html! { (words::write_outcome(word)) },
                None => truth(None, "", ""),
            },
        ),
        (
            "Reconciles (NIP-77)",
            truth(detail.negentropy, "yes, it says", "no, it says"),
        ),
        ("Slower than usual", truth(relay.degraded, "yes", "no")),
        ("Last answered", when(relay.seen_ms)),
        (
            "Next check",
            html! {
                (when(Some(detail.next_ms)))
                @if detail.failures > 0 { ", after " (number(detail.failures)) " failures in a row" }
            },
        ),
        (
            "Found",
            html! { (when(Some(relay.found_ms))) " by " (source(&detail.found_by)) },
        ),
        (
            "First spoke Nostr",
            html! {
                (when(detail.proven_ms))
                @if let Some(word) = &detail.proven_by { " (" (word) ")" }
            },
        ),
    ])
}

fn place(all: &Gathered) -> Markup {
    let (relay, detail) = (&all.detail.relay, &all.detail);
    let fact = |key: &str| detail.facts.as_ref().and_then(|facts| facts.get(key));
    let dns = |key: &str| {
        let list = fact("dns")?.get(key)?.as_array()?;
        let texts: Vec<&str> = list.iter().filter_map(Value::as_str).take(20).collect();
        Some(texts.join(", "))
    };
    let list = |texts: Option<String>| match texts {
        Some(text) if !text.is_empty() => html! { (text) },
        Some(_) => html! { "none" },
        None => words::untested(),
    };
    let text = |value: Option<&str>| match value {
        Some(text) => html! { bdi { (text) } },
        None => nothing("not known"),
    };
    definitions(&[
        ("Network", html! { (relay.network) }),
        ("TLS", tls(relay.url.starts_with("wss:"), fact("tls"))),
        (
            "Certificate until",
            match detail.certificate_until_ms {
                Some(at) => timestamp(seconds(at), all.now),
                None => nothing("not known"),
            },
        ),
        ("Address", text(detail.address.as_deref())),
        ("IPv4", list(dns("a"))),
        ("IPv6", list(dns("aaaa"))),
        ("Stands for (CNAME)", list(dns("cname"))),
        (
            "Name kept for",
            words::known(detail.dns_ttl, |ttl| html! { (number(ttl)) " s" }),
        ),
        (
            "Network’s number (AS)",
            html! {
                (words::known(detail.asn, |asn| html! { (asn.to_string()) }))
                @if let Some(name) = fact("network").and_then(Value::as_str) { " " bdi { (name) } }
            },
        ),
        ("Country", text(relay.country.as_deref())),
        ("Place (geohash)", text(detail.relay.geohash.as_deref())),
        ("HTTP server", text(fact("server").and_then(Value::as_str))),
    ])
}

fn tls(is_expected: bool, facts: Option<&Value>) -> Markup {
    let text = |key: &str| facts?.get(key)?.as_str();
    let issuer = facts.and_then(|facts| facts.get("certificate")?.get("issuer")?.as_str());
    match facts.and_then(|facts| facts.get("valid")?.as_bool()) {
        Some(true) => html! {
            (badge_with(State::Online, "valid"))
            @if let Some(version) = text("version") { " " (version) }
            @if let Some(issuer) = issuer { ", by " bdi { (issuer) } }
        },
        Some(false) => html! {
            (badge_with(State::Offline, "not valid"))
            @if let Some(problem) = text("problem") { " " bdi { (problem) } }
        },
        None if is_expected => words::untested(),
        None => html! { "none: the address has no encryption" },
    }
}

/// What is known of a candidate.
pub(super) fn found(all: &Gathered) -> Markup {
    let detail = &all.detail;
    let entries = [
        ("Status", words::status(&detail.relay)),
        ("Network", html! { (detail.relay.network) }),
        (
            "Found",
            html! { (timestamp(seconds(detail.relay.found_ms), all.now)) " by " (source(&detail.found_by)) },
        ),
        ("Failed attempts", html! { (number(detail.failures)) }),
        ("Next attempt", timestamp(seconds(detail.next_ms), all.now)),
        (
            "Why not yet",
            match &detail.relay.reason {
                Some(word) => html! { (words::reason(word)) },
                None => words::nothing("not tried yet"),
            },
        ),
    ];
    html! {
        p { "This URL has not spoken Nostr here yet." }
        (definitions(&entries))
    }
}

const MENTIONS: [Column<'_>; 4] = [
    Column::text("Source"),
    Column::number("Times"),
    Column::text("First"),
    Column::text("Last"),
];

/// Who has named it.
pub(super) fn mentions(all: &Gathered) -> Markup {
    let row = |mention: &crate::answer::Mention| {
        Row::new(vec![
            html! { (source(&mention.source)) },
            html! { (number(mention.mentions)) },
            timestamp(seconds(mention.first_ms), all.now),
            timestamp(seconds(mention.last_ms), all.now),
        ])
    };
    let rows: Vec<Row> = all.detail.mentions.iter().map(row).collect();
    Table {
        caption: "Sources",
        columns: &MENTIONS,
        rows: &rows,
        query: &all.query,
        sort: None,
        empty: "Nobody has named it since it was found.",
    }
    .render()
}

/// A source as the records call it, in words.
fn source(word: &str) -> String {
    let known = match word {
        "built_in" => "the list that comes with the program",
        "seeds" => "the configuration",
        "seed_file" => "the file of seeds",
        "http_list" => "a list on a web server",
        "nip11" => "information documents (NIP-11)",
        "kind_3" => "contact lists (kind 3)",
        "kind_10002" => "relay lists (kind 10002)",
        "kind_30166" => "other monitors (NIP-66)",
        "tag" => "tags of events",
        "hint" => "hints in events",
        "watch" => "an operator who watches it",
        other => match other.strip_prefix("kind_") {
            Some(kind) => return format!("lists of kind {kind}"),
            None => other,
        },
    };
    known.to_owned()
}
