//! Rule `marmot`: events of the Marmot protocol (MLS over Nostr) are what its documents say (R7).

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use stentor_event::{EventId, EventView, hexadecimal, normalize_relay_url};

use super::super::Verdict;
use super::{WriteRule, Writing};
use crate::config;

/// Extensions that every client must support (MIP-00): the group's data, and key packages of last resort.
const EXTENSIONS: [&[u8]; 2] = [b"0xf2ee", b"0x000a"];

struct Marmot;

/// The rule; none when it is off.
pub(super) fn rule(config: &config::Marmot) -> Option<Arc<dyn WriteRule>> {
    config.enabled.then(|| Arc::new(Marmot) as _)
}

impl WriteRule for Marmot {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let view = writing.event.view();
        let checked = match view.kind().0 {
            443 => key_package(&view),
            30_443 if view.tag_value(b"d").is_none() => {
                Err("a key package of kind 30443 has a d tag")
            }
            30_443 => key_package(&view),
            445 => group_message(&view),
            10_051 => relay_list(&view),
            444 | 446..=449 => Err("events of this kind live inside of encrypted ones"),
            _ => Ok(()),
        };
        match checked {
            Ok(()) => Verdict::Pass,
            Err(reason) => Verdict::invalid(format!("invalid: {reason}")),
        }
    }
}

/// A key package (MIP-00).
fn key_package(view: &EventView<'_>) -> Result<(), &'static str> {
    if first(view, b"mls_protocol_version").as_deref() != Some(b"1.0") {
        return Err("a key package has an mls_protocol_version tag that says 1.0");
    }
    if !first(view, b"mls_ciphersuite").is_some_and(|suite| is_number(&suite)) {
        return Err("a key package has an mls_ciphersuite tag such as 0x0001");
    }
    let extensions = values(view, b"mls_extensions");
    let has = |wanted: &&[u8]| {
        extensions
            .iter()
            .any(|value| value.eq_ignore_ascii_case(wanted))
    };
    if !EXTENSIONS.iter().all(has) || !extensions.iter().all(|value| is_number(value)) {
        return Err("a key package has an mls_extensions tag with 0xf2ee and 0x000a");
    }
    if !values(view, b"relays").iter().any(|value| is_relay(value)) {
        return Err("a key package has a relays tag with the URLs of relays");
    }
    let content = view.content();
    let decoded = match first(view, b"encoding").as_deref() {
        Some(b"base64") => BASE64_STANDARD.decode(&content).ok(),
        Some(b"hex") | None => hexadecimal::decode(&content.to_ascii_lowercase()),
        Some(_) => None,
    };
    match decoded {
        Some(bytes) if !bytes.is_empty() => Ok(()),
        _ => Err("the content of a key package is not what its encoding tag says"),
    }
}

/// A message to a group (MIP-03).
fn group_message(view: &EventView<'_>) -> Result<(), &'static str> {
    let mut groups = view.tags().filter(|tag| tag.name().is(b"h"));
    let id = groups.next().and_then(|tag| tag.get(1));
    if groups.next().is_none() && id.is_some_and(|id| EventId::from_hex(&id.unescape()).is_some()) {
        return Ok(());
    }
    Err("a group message has one h tag, with 64 hex digits")
}

/// A list of the relays that hold one's key packages (MIP-00).
fn relay_list(view: &EventView<'_>) -> Result<(), &'static str> {
    let relays = view.tags().filter(|tag| tag.name().is(b"relay"));
    let all = relays.map(|tag| tag.get(1).is_some_and(|url| is_relay(&url.unescape())));
    let found: Vec<bool> = all.collect();
    if found.contains(&false) {
        return Err("a relay tag holds the URL of a relay");
    }
    Ok(())
}

/// The first value of the first tag of this name.
fn first<'a>(view: &EventView<'a>, name: &[u8]) -> Option<Cow<'a, [u8]>> {
    view.tag_value(name).map(|value| value.unescape())
}

/// All values of the first tag of this name.
fn values<'a>(view: &EventView<'a>, name: &[u8]) -> Vec<Cow<'a, [u8]>> {
    let tag = view.tags().find(|tag| tag.name().is(name));
    let values = tag.into_iter().flat_map(|tag| tag.iter().skip(1));
    values.map(|value| value.unescape()).collect()
}

/// Whether this is a number as MLS registries write them: `0x` and four hex digits.
fn is_number(text: &[u8]) -> bool {
    text.len() == 6 && text.starts_with(b"0x") && text.iter().skip(2).all(u8::is_ascii_hexdigit)
}

/// Whether this is the URL of a relay.
fn is_relay(text: &[u8]) -> bool {
    let url = str::from_utf8(text).ok().and_then(normalize_relay_url);
    url.is_some_and(|url| url.starts_with("ws://") || url.starts_with("wss://"))
}
