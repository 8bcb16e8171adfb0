//! Rule `marmot`: events of the Marmot protocol (MLS over Nostr) are what its documents say (R7).

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use stentor_event::{EventId, EventView, hexadecimal, normalize_relay_url};

use super::super::Verdict;
use super::{WriteRule, Writing};
use crate::config;

/// Extensions that every client of MIP-00 must support: the group's data, and key packages of last resort.
const EXTENSIONS: [&[u8]; 2] = [b"0xf2ee", b"0x000a"];
/// The kind of key packages that can be replaced.
const KEY_PACKAGE: u16 = 30_443;

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
            KEY_PACKAGE => addressable(&view).and_then(|()| key_package(&view)),
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

/// What a key package has that can be replaced, whatever its profile: the slot it stands in, the reference by which it is found,
/// and the proposals its client knows.
fn addressable(view: &EventView<'_>) -> Result<(), &'static str> {
    if one(view, b"d").is_none_or(|slot| EventId::from_hex(&slot).is_none()) {
        return Err("a key package of kind 30443 has a d tag with 64 hex digits");
    }
    let reference = one(view, b"i").and_then(|text| hexadecimal::decode(&text));
    if reference.is_none_or(|reference| reference.is_empty()) {
        return Err("a key package of kind 30443 has an i tag with its reference in hex");
    }
    if numbers(view, b"mls_proposals").is_none() {
        return Err("a key package of kind 30443 has an mls_proposals tag such as 0x000a");
    }
    Ok(())
}

/// A key package. There are two profiles of them: that of MIP-00, which says how it is encoded and where it is published, and the
/// current one of the Nostr transport, which has a tag for application components and is always in base64.
fn key_package(view: &EventView<'_>) -> Result<(), &'static str> {
    if one(view, b"mls_protocol_version").as_deref() != Some(b"1.0") {
        return Err("a key package has one mls_protocol_version tag that says 1.0");
    }
    if !one(view, b"mls_ciphersuite").is_some_and(|suite| is_number(&suite)) {
        return Err("a key package has one mls_ciphersuite tag such as 0x0001");
    }
    let Some(extensions) = numbers(view, b"mls_extensions") else {
        return Err("a key package has one mls_extensions tag with numbers such as 0x000a");
    };
    let is_current = view.kind().0 == KEY_PACKAGE && view.tag_value(b"app_components").is_some();
    if is_current {
        current(view)
    } else {
        mip_00(view, &extensions)
    }
}

/// What else the current profile demands.
fn current(view: &EventView<'_>) -> Result<(), &'static str> {
    if numbers(view, b"app_components").is_none() {
        return Err("a key package has one app_components tag with numbers such as 0x8009");
    }
    content(BASE64_STANDARD.decode(view.content()).ok())
}

/// What else MIP-00 demands.
fn mip_00(view: &EventView<'_>, extensions: &[Cow<'_, [u8]>]) -> Result<(), &'static str> {
    let has = |wanted: &&[u8]| extensions.iter().any(|it| it.eq_ignore_ascii_case(wanted));
    if !EXTENSIONS.iter().all(has) {
        return Err("a key package has an mls_extensions tag with 0xf2ee and 0x000a");
    }
    let relays = only(view, b"relays").unwrap_or_default();
    if relays.is_empty() || !relays.iter().all(|relay| is_relay(relay)) {
        return Err("a key package has one relays tag with the URLs of relays");
    }
    content(match first(view, b"encoding").as_deref() {
        Some(b"base64") => BASE64_STANDARD.decode(view.content()).ok(),
        Some(b"hex") | None => hexadecimal::decode(&view.content().to_ascii_lowercase()),
        Some(_) => None,
    })
}

/// Whether the content could be decoded, and is there.
fn content(decoded: Option<Vec<u8>>) -> Result<(), &'static str> {
    match decoded {
        Some(bytes) if !bytes.is_empty() => Ok(()),
        _ => Err(
            "the content of a key package is in base64, or in hex where no encoding tag says base64",
        ),
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

/// The values of the tag of this name, when there is exactly one such tag.
fn only<'a>(view: &EventView<'a>, name: &[u8]) -> Option<Vec<Cow<'a, [u8]>>> {
    let mut tags = view.tags().filter(|tag| tag.name().is(name));
    let tag = tags.next().filter(|_| tags.next().is_none())?;
    Some(tag.iter().skip(1).map(|value| value.unescape()).collect())
}

/// The value of the tag of this name, when there is exactly one such tag with exactly one value.
fn one<'a>(view: &EventView<'a>, name: &[u8]) -> Option<Cow<'a, [u8]>> {
    let mut values = only(view, name)?.into_iter();
    values.next().filter(|_| values.next().is_none())
}

/// The numbers in the tag of this name, when there is exactly one such tag, with numbers and nothing else.
fn numbers<'a>(view: &EventView<'a>, name: &[u8]) -> Option<Vec<Cow<'a, [u8]>>> {
    let values = only(view, name)?;
    (!values.is_empty() && values.iter().all(|value| is_number(value))).then_some(values)
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
