//! Mentions in lists on web servers (O1.1): JSON, in which a JSONPath expression (RFC 9535) finds the URLs.
//!
//! The operator has named the list, so that its server may be inside; what the list names is strangers' like any other mention. A
//! server that says when its list has changed (ETag, Last-Modified) is asked only for that. An answer is as large as
//! `outbound.response_bytes` allows at most. A list that cannot be had is tried again after a growing wait, and at the latest when it
//! is due anyway.

use std::time::Duration;

use serde_json::Value;
use serde_json_path::JsonPath;
use stentor_net::dial::{Family, Trust};
use stentor_net::http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header,
};
use url::Url;

use super::backoff;
use super::intake::{Intake, Mentions};
use super::source::Source;
use super::text::{self, MAX_URLS, Note, Text};
use crate::budget::Class;
use crate::config::HttpList;
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::{Network, RelayUrl};

/// The most bytes of an ETag or date that are remembered.
const MAX_VALIDATOR: usize = 512;

/// Reads a list whenever it is due, for ever.
///
/// # Errors
/// Those of the records. A list that cannot be had is reported and tried again.
pub(super) async fn follow(ground: &Ground, intake: &Intake, list: &HttpList) -> Result<(), Error> {
    let name = name_of(list);
    let (note, _) = Note::load(ground, &name).await?;
    let due_ms = note.asked_ms.saturating_add(millis(list.interval()));
    ground.clock.sleep_until(due_ms).await;
    let mut failures = 0;
    loop {
        let wait = match look(ground, intake, list, &name).await? {
            Ok(()) => {
                failures = 0;
                list.interval()
            }
            Err(problem) => {
                failures += 1;
                let url = shown(&list.url).unwrap_or_default();
                tracing::warn!(url, %problem, "a list of relays cannot be read");
                let first = Duration::from_secs(ground.config.discover.retry_seconds);
                backoff::wait(first, failures, backoff::random()).min(list.interval())
            }
        };
        ground.clock.sleep(wait).await;
    }
}

/// Looks at a list once; what was wrong with it.
///
/// # Errors
/// Those of the records.
pub(super) async fn look(
    ground: &Ground,
    intake: &Intake,
    list: &HttpList,
    name: &str,
) -> Result<Result<(), String>, Error> {
    let (before, cursor) = Note::load(ground, name).await?;
    let response = match ask(ground, list, &before).await {
        Ok(response) => response,
        Err(problem) => return Ok(Err(problem)),
    };
    let mut note = Note {
        asked_ms: ground.clock.now_ms(),
        ..before
    };
    if response.status == StatusCode::NOT_MODIFIED {
        let (place, nothing) = (cursor.place, Mentions::default());
        note.save(intake, name, (cursor, place), nothing).await?;
        return Ok(Ok(()));
    }
    if response.status != StatusCode::OK {
        return Ok(Err(format!("HTTP status {}", response.status)));
    }
    note.etag = validator(&response, &header::ETAG);
    note.modified = validator(&response, &header::LAST_MODIFIED);
    let (hash, path) = (text::hash(&response.body), list.path().to_owned());
    // An expression may take long with a large document.
    let search = tokio::task::spawn_blocking(move || urls(&response.body, &path));
    let urls = match search.await.map_err(|error| error.to_string()).flatten() {
        Ok(urls) => urls,
        Err(problem) => return Ok(Err(problem)),
    };
    let found_in = shown(&list.url);
    let text = Text {
        name,
        source: Source::HttpList,
        found_in: found_in.as_deref(),
        hash,
        urls,
    };
    text::read(ground, intake, text, note).await?;
    Ok(Ok(()))
}

/// Asks the server, for what is new only if what we have still holds.
async fn ask(ground: &Ground, list: &HttpList, before: &Note) -> Result<Response, String> {
    let target = ground.dialer.admit(&list.url, Family::Web, Trust::Operator);
    let target = target.map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::ACCEPT, json);
    if before.holds(ground) {
        condition(&mut headers, header::IF_NONE_MATCH, &before.etag);
        condition(&mut headers, header::IF_MODIFIED_SINCE, &before.modified);
    }
    let _permit = ground
        .budget
        .permit(network(&list.url), Class::Common)
        .await;
    let request = Request::get(target).headers(headers);
    let response = ground.dialer.request(&request).await;
    response.map_err(|error| error.to_string())
}

fn condition(headers: &mut HeaderMap, name: HeaderName, value: &Option<String>) {
    let value = value.as_deref().map(HeaderValue::from_str);
    if let Some(Ok(value)) = value {
        headers.insert(name, value);
    }
}

fn validator(response: &Response, name: &HeaderName) -> Option<String> {
    let value = response.headers.get(name)?.to_str().ok()?;
    (value.len() <= MAX_VALIDATOR).then(|| value.to_owned())
}

/// The URLs of relays that the expression finds in a document, in its order.
pub(crate) fn urls(body: &[u8], path: &str) -> Result<Vec<RelayUrl>, String> {
    let path = JsonPath::parse(path).map_err(|error| error.to_string())?;
    let document: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let found = path.query(&document);
    let urls = found.iter().filter_map(|value| value.as_str());
    let urls = urls.filter_map(|url| RelayUrl::parse(url).ok());
    Ok(urls.take(MAX_URLS).collect())
}

/// The name of the cursor of a list.
pub(super) fn name_of(list: &HttpList) -> String {
    let text = format!("{}\n{}", list.url, list.path());
    let hash = text::hash(text.as_bytes());
    format!("discover.list.{}", hash.get(..16).unwrap_or_default())
}

/// The URL of a list as everybody may read it: what lets the operator in is in its query or before its host.
fn shown(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url.into())
}

/// By what network the server of a list is reached.
fn network(url: &str) -> Network {
    let as_relay = RelayUrl::parse(&url.replacen("http", "ws", 1));
    as_relay.map_or(Network::Clearnet, |url| url.network())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o1_1_an_expression_finds_the_urls() {
        let body = br#"{"relays":[{"url":"wss://a.example","ok":true},{"url":"WSS://b.example","ok":false},{"url":5}],"x":["wss://c.example"]}"#;
        let found = |path: &str| {
            let urls = urls(body, path).unwrap();
            urls.iter().map(RelayUrl::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            found("$.relays[*].url"),
            ["wss://a.example/", "wss://b.example/"]
        );
        assert_eq!(found("$.relays[?@.ok==true].url"), ["wss://a.example/"]);
        assert_eq!(found("$['x'][0]"), ["wss://c.example/"]);
        assert!(found("$[*]").is_empty() && found("$.nothing").is_empty());
        assert!(urls(b"<html>", "$").is_err());
    }

    #[test]
    fn o1_1_what_opens_a_list_is_told_to_nobody() {
        let told = "https://list.example:8443/relays.json";
        assert_eq!(
            shown("https://me:secret@List.example:8443/relays.json?token=abc#x").as_deref(),
            Some(told)
        );
        assert_eq!(shown(told).as_deref(), Some(told));
        assert_eq!(shown("https://"), None);
    }

    #[test]
    fn o3_6_a_list_behind_a_proxy_counts_for_its_network() {
        assert_eq!(network("http://abc.onion/list"), Network::Tor);
        assert_eq!(network("https://list.example/x"), Network::Clearnet);
    }
}
