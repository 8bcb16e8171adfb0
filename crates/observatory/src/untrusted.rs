//! What strangers write, read without a store: for fuzzing.

use bytes::Bytes;
use stentor_event::{Event, EventView, SecretKey, Timestamp};
use stentor_net::http::{HeaderMap, Response, StatusCode};

use crate::archive;
use crate::check::{self, Findings, Known, Verdict};
use crate::discover;
use crate::export;
use crate::history;
use crate::publish;
use crate::relay_url::RelayUrl;

/// The relays that an event mentions, with the words for how it does.
pub fn mentions(event: &EventView<'_>) -> Vec<(RelayUrl, &'static str)> {
    let found: Vec<_> = discover::mentions(event)
        .map(|(url, source)| (url, source.as_str()))
        .collect();
    assert!(found.len() <= discover::MAX_MENTIONS);
    found
}

/// What becomes of a relay's information document (NIP-11).
#[derive(Debug)]
pub struct Information {
    /// Its canonical JSON, as it is kept.
    pub document: String,
    /// The address of that.
    pub hash: [u8; 32],
    /// What lists show of it.
    pub shown: Vec<String>,
    /// The relays that it mentions.
    pub mentions: Vec<RelayUrl>,
    /// What the monitor says of the relay (NIP-66).
    pub published: Event,
}

/// What becomes of an answer to the question for a relay's information document; nothing where it is none.
pub fn information(body: &[u8]) -> Option<Information> {
    let response = Response {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body),
        cut: false,
    };
    let mut findings = Findings::only(Verdict::Online);
    findings.information = check::information(&response);
    let Known::Present(information) = &findings.information else {
        return None;
    };
    let document = history::Document::of(&information.raw)?;
    let [name, software, version] = history::shown(&information.document);
    let key = SecretKey::from_bytes([1; 32]).ok()?;
    let reached = publish::Reached {
        url: RelayUrl::parse("wss://relay.example").ok()?,
        open_ms: Some(1),
        read_ms: None,
        write_ms: None,
        auth: findings.auth_required(),
        payment: findings.payment_required(),
        writes: findings.writes_restricted(),
        software: software.clone(),
        geohash: None,
        country: None,
        asn: None,
        document: Some(document.body.clone()),
    };
    Some(Information {
        shown: [name, software, version].into_iter().flatten().collect(),
        mentions: discover::urls_in(&serde_json::from_str(&document.body).ok()?),
        published: publish::discovery(&reached).sign(&key, Timestamp(1)),
        hash: document.hash,
        document: document.body,
    })
}

/// The relays that an expression finds in a list on a web server.
pub fn listed(body: &[u8], path: &str) -> Vec<RelayUrl> {
    discover::listed(body, path).unwrap_or_default()
}

/// What is kept of a relay's own words: of those with which it closes a request, and of those with which it hangs up.
pub fn said(words: &str) -> Vec<String> {
    let mut kept = vec![archive::kept(words), discover::kept(words)];
    let verdict = Findings::offline(check::Reason::Protocol, words).verdict;
    if let Verdict::Offline { detail, .. } = verdict {
        kept.push(detail);
    }
    kept
}

/// A manifest of an export: its bytes as they are written again, and the paths that it names. `None` when it is none.
#[must_use]
pub fn manifest(bytes: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
    export::reread(bytes)
}
