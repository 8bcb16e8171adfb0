//! Events of Marmot (R7).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use stentor_event::{EventBuilder, EventId};

use super::{Bench, kind};

/// The tags of a key package: name and values.
type Tags = Vec<(&'static str, Vec<String>)>;

fn tags_of(tags: &[(&'static str, &[&str])]) -> Tags {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    tags.iter()
        .map(|(name, values)| (*name, owned(values)))
        .collect()
}

/// As MIP-00 has them, with those that kind 30443 has brought.
fn mip_00() -> Tags {
    tags_of(&[
        ("d", &[&"0a".repeat(32)]),
        ("mls_protocol_version", &["1.0"]),
        ("mls_ciphersuite", &["0x0001"]),
        ("mls_extensions", &["0x000a", "0xf2ee"]),
        ("mls_proposals", &["0x000a"]),
        ("relays", &["wss://relay.example.com"]),
        ("i", &[&"d6".repeat(32)]),
        ("client", &["MDK/0.8.0"]),
        ("encoding", &["base64"]),
    ])
}

/// As the current profile has them.
fn current_profile() -> Tags {
    tags_of(&[
        ("d", &[&"0a".repeat(32)]),
        ("mls_protocol_version", &["1.0"]),
        ("i", &[&"d6".repeat(32)]),
        ("mls_ciphersuite", &["0x0001"]),
        ("mls_extensions", &["0x0006"]),
        ("mls_proposals", &["0x0008", "0x000a"]),
        ("app_components", &["0x8001", "0x8009"]),
    ])
}

/// What speaks against a key package with these tags.
fn against_package(number: u16, tags: &Tags, content: &str) -> String {
    let tagged = |builder: EventBuilder, (name, values): &(&str, Vec<String>)| {
        builder.tag(std::iter::once((*name).to_owned()).chain(values.iter().cloned()))
    };
    let builder = tags.iter().fold(kind(number).content(content), tagged);
    Bench::new(|_| {}).against(builder)
}

fn without(mut tags: Tags, name: &str) -> Tags {
    tags.retain(|(other, _)| *other != name);
    tags
}

/// With this in place of the tag of this name.
fn with(tags: Tags, name: &'static str, values: &[&str]) -> Tags {
    let mut tags = without(tags, name);
    tags.extend(tags_of(&[(name, values)]));
    tags
}

#[track_caller]
fn assert_invalid(number: u16, tags: &Tags, content: &str) {
    let against = against_package(number, tags, content);
    assert!(
        against.starts_with("invalid: "),
        "{number} {tags:?}: {against}"
    );
}

#[test]
fn r7_key_packages_as_clients_make_them() {
    let content = BASE64_STANDARD.encode(b"a key package");
    for tags in [mip_00(), current_profile()] {
        assert_eq!(against_package(30_443, &tags, &content), "");
    }
    let legacy = without(mip_00(), "d");
    assert_eq!(against_package(443, &legacy, &content), "");
    let oldest = without(without(legacy, "i"), "mls_proposals");
    assert_eq!(against_package(443, &oldest, &content), "");
    let hex = with(oldest.clone(), "encoding", &["hex"]);
    assert_eq!(against_package(443, &hex, "00FF"), "");
    let silent = without(oldest, "encoding");
    assert_eq!(against_package(443, &silent, "00ff"), "", "hex, of old");
    let both = with(current_profile(), "encoding", &["base64"]);
    assert_eq!(against_package(30_443, &both, &content), "");
}

#[test]
fn r7_each_tag_of_a_key_package_counts() {
    let content = BASE64_STANDARD.encode(b"a key package");
    for number in [443, 30_443] {
        for required in [
            "mls_protocol_version",
            "mls_ciphersuite",
            "mls_extensions",
            "relays",
            "encoding",
        ] {
            assert_invalid(number, &without(mip_00(), required), &content);
        }
        for (name, values) in [
            ("mls_protocol_version", &["2.0"][..]),
            ("mls_protocol_version", &["1.0", "2.0"]),
            ("mls_ciphersuite", &["1"]),
            ("mls_ciphersuite", &["0x00001"]),
            ("mls_extensions", &["0x000a"]),
            ("mls_extensions", &["0x000a", "0xf2ee", "7"]),
            ("mls_extensions", &[]),
            ("relays", &["nowhere"]),
            (
                "relays",
                &["wss://relay.example.com", "https://relay.example.com"],
            ),
            ("relays", &[]),
            ("encoding", &["base58"]),
        ] {
            assert_invalid(number, &with(mip_00(), name, values), &content);
        }
        let mut twice = mip_00();
        twice.extend(tags_of(&[("mls_ciphersuite", &["0x0001"])]));
        assert_invalid(number, &twice, &content);
        for wrong in ["", "not base64!", "00"] {
            assert_invalid(number, &mip_00(), wrong);
        }
    }
}

#[test]
fn r7_each_tag_of_a_key_package_that_can_be_replaced_counts() {
    let content = BASE64_STANDARD.encode(b"a key package");
    for profile in [mip_00(), current_profile()] {
        for required in ["d", "i", "mls_proposals"] {
            assert_invalid(30_443, &without(profile.clone(), required), &content);
        }
        let upper = "0A".repeat(32);
        for (name, values) in [
            ("d", &["x"][..]),
            ("d", &[&upper]),
            ("i", &[""]),
            ("i", &["no hex"]),
            ("mls_proposals", &[]),
            ("mls_proposals", &["self_remove"]),
        ] {
            assert_invalid(30_443, &with(profile.clone(), name, values), &content);
        }
    }
    for required in ["mls_protocol_version", "mls_ciphersuite", "mls_extensions"] {
        assert_invalid(30_443, &without(current_profile(), required), &content);
    }
    for wrong in [&[][..], &["eight"]] {
        let tags = with(current_profile(), "app_components", wrong);
        assert_invalid(30_443, &tags, &content);
    }
    assert_invalid(30_443, &current_profile(), "00ff0");
    assert_invalid(443, &current_profile(), &content);
}

#[test]
fn r7_group_messages_and_what_lives_inside_of_others() {
    let bench = Bench::new(|_| {});
    let group = EventId([0xab; 32]).to_string();
    assert_eq!(bench.against(kind(445).tag(["h", &group])), "");
    for wrong in [
        kind(445),
        kind(445).tag(["h", &group]).tag(["h", &group]),
        kind(445).tag(["h", &group.to_uppercase()]),
        kind(445).tag(["h", "7"]),
    ] {
        assert!(bench.against(wrong).starts_with("invalid: "));
    }
    for number in [444, 446, 447, 448, 449] {
        assert!(
            bench.against(kind(number)).starts_with("invalid: "),
            "{number}"
        );
    }
    assert_eq!(
        bench.against(kind(10_051).tag(["relay", "wss://a.example"])),
        ""
    );
    assert_eq!(bench.against(kind(10_051)), "", "a list that was emptied");
    assert!(!bench.against(kind(10_051).tag(["relay", "a"])).is_empty());
    let off = Bench::new(|config| config.marmot.enabled = false);
    assert_eq!(off.against(kind(445)), "");
}
