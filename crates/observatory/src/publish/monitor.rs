//! What the monitor says of itself: what it really checks (10166), its profile (0), where it publishes (10002).

use serde_json::json;
use stentor_event::Kind;

use super::statement::Statement;
use crate::config::{Check, Config, Publish, WriteTest};
use crate::relay_url::RelayUrl;

/// Announcements of monitors (NIP-66).
const ANNOUNCEMENT: Kind = Kind(10_166);

/// All that the monitor says of itself.
pub(super) fn monitor(config: &Config) -> Vec<Statement> {
    let statements = [
        announcement(&config.check, &config.publish),
        profile(&config.publish),
        relays(&config.publish),
    ];
    statements.into_iter().flatten().collect()
}

/// What is checked, how often, and how long each thing may take. Without checks there is nothing to announce.
///
/// NIP-66 has the words of `timeout` in one order in its text and in the other in its example; monitors and readers go by the example.
fn announcement(check: &Check, publish: &Publish) -> Option<Statement> {
    if !check.enabled {
        return None;
    }
    let mut said = Statement::new(ANNOUNCEMENT);
    let frequency = check.interval_seconds.max(publish.interval_seconds);
    said.tag(["frequency", &frequency.to_string()]);
    let answer = check.answer_seconds.saturating_mul(1_000).to_string();
    let writes = check.write != WriteTest::Off;
    for (name, is_timed, is_checked) in [
        ("open", true, true),
        ("read", true, true),
        ("write", true, writes),
        ("nip11", true, true),
        ("ssl", false, true),
        ("dns", false, true),
        ("geo", false, check.city_file.is_some()),
    ] {
        if is_checked && is_timed {
            said.tag(["timeout", name, &answer]);
        }
        if is_checked {
            said.tag(["c", name]);
        }
    }
    if let Some(geohash) = &publish.geohash {
        said.tag(["g", geohash]);
    }
    Some(said)
}

/// The profile. Without a name and a text there is none, as the key may have one that was made elsewhere.
fn profile(publish: &Publish) -> Option<Statement> {
    let (name, about) = (publish.name.as_ref(), publish.about.as_ref());
    name.or(about)?;
    let mut profile = json!({ "bot": true });
    for (key, value) in [("name", name), ("about", about)] {
        if let (Some(value), Some(profile)) = (value, profile.as_object_mut()) {
            profile.insert(key.to_owned(), value.as_str().into());
        }
    }
    let mut said = Statement::new(Kind::METADATA);
    said.content = profile.to_string();
    Some(said)
}

/// Where the monitor publishes.
fn relays(publish: &Publish) -> Option<Statement> {
    let mut said = Statement::new(Kind::RELAY_LIST);
    for url in targets(publish) {
        said.tag(["r", url.as_str(), "write"]);
    }
    (!said.tags.is_empty()).then_some(said)
}

/// The relays that are published to, each once.
pub(super) fn targets(publish: &Publish) -> Vec<RelayUrl> {
    let mut targets: Vec<RelayUrl> = Vec::new();
    for url in &publish.relays {
        if let Ok(url) = RelayUrl::parse(url)
            && !targets.contains(&url)
        {
            targets.push(url);
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(config: &Config) -> Vec<String> {
        let line = |said: Statement| {
            let tags: Vec<String> = said.tags.iter().map(|tag| tag.join(" ")).collect();
            format!("{}: {} {}", said.kind, tags.join(", "), said.content)
        };
        monitor(config).into_iter().map(line).collect()
    }

    #[test]
    fn o2_5_only_what_is_checked_is_announced() {
        let mut config = Config::default();
        let bare = "10166: frequency 3600, timeout open 10000, c open, timeout read 10000, c read, timeout nip11 10000, c nip11, c ssl, c dns ";
        assert_eq!(said(&config), [bare]);
        config.check.write = WriteTest::Ephemeral;
        config.check.city_file = Some("city.mmdb".into());
        config.check.interval_seconds = 7_200;
        config.publish.geohash = Some("u33db".into());
        let all = said(&config).remove(0);
        assert!(all.starts_with("10166: frequency 7200, "), "{all}");
        assert!(all.contains("timeout write 10000, c write"), "{all}");
        assert!(all.ends_with("c dns, c geo, g u33db "), "{all}");
        config.check.enabled = false;
        assert!(said(&config).is_empty());
    }

    #[test]
    fn o2_5_the_monitor_says_who_it_is_and_where_it_publishes() {
        let mut config = Config::default();
        config.check.enabled = false;
        config.publish.name = Some("eye".into());
        config.publish.relays = ["wss://a.example", "wss://A.example/", "ws://b.example"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            said(&config),
            [
                r#"0:  {"bot":true,"name":"eye"}"#,
                "10002: r wss://a.example/ write, r ws://b.example/ write ",
            ]
        );
    }
}
