//! Mirrors.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::Filter;

use super::ConfigError;
use crate::sync::Direction;

/// Mirrors at most.
const MOST: usize = 1_000;
/// Filters of a mirror at most.
const FILTERS: usize = 100;

/// A live stream from or to another relay. Entries that are added, changed or removed take effect on a reload without
/// touching the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mirror {
    /// What it is called in logs, metrics and `stentor mirror list`: 1 to 64 letters, digits, `-`, `_` and `.`, other than
    /// the names of the other mirrors. What is remembered of a mirror goes by its name and URL.
    pub name: String,
    /// The other relay, `ws://…` or `wss://…`.
    pub url: String,
    /// Which events, each a filter (NIP-01) as JSON text; several are a union. None: all. With `limit` or `search` they
    /// are refused.
    pub filters: Vec<String>,
    /// Which way events go. `down`: from the other relay to this one; `up`: from this one to the other; `both`.
    pub direction: Direction,
    /// How far back the first connection looks, in seconds. 0: only what comes from then on. What is missed later while
    /// there is no connection is made up for in any case.
    pub history_seconds: u64,
    /// Whether the relay's own key is proven when the other relay asks who we are (NIP-42).
    pub auth: bool,
    /// Whether private events and protected ones (NIP-70) are sent as well. The other relay's operator can read what it is
    /// sent.
    pub include_private: bool,
    /// Whether it runs.
    pub enabled: bool,
}

impl Default for Mirror {
    fn default() -> Self {
        Self {
            name: String::new(),
            url: String::new(),
            filters: Vec::new(),
            direction: Direction::Down,
            history_seconds: 0,
            auth: false,
            include_private: false,
            enabled: true,
        }
    }
}

impl Mirror {
    /// The filters; one that matches everything when there is none.
    ///
    /// # Errors
    /// What is wrong with the first that cannot be used.
    pub fn filters(&self) -> Result<Vec<Filter>, String> {
        let read = |(index, text): (usize, &String)| {
            let filter = Filter::parse(text.as_bytes())
                .map_err(|error| format!("filters[{index}]: {error}"))?;
            if filter.limit.is_some() || filter.search.is_some() {
                return Err(format!("filters[{index}]: cannot have `limit` or `search`"));
            }
            Ok(filter)
        };
        if self.filters.is_empty() {
            return Ok(vec![Filter::default()]);
        }
        self.filters.iter().enumerate().map(read).collect()
    }

    fn check(&self) -> Result<(), String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(fits) {
            return Err("name: must be 1 to 64 letters, digits, `-`, `_` and `.`".to_owned());
        }
        let scheme = self.url.trim().to_ascii_lowercase();
        if !scheme.starts_with("ws://") && !scheme.starts_with("wss://") {
            return Err("url: must begin with ws:// or wss://".to_owned());
        }
        if self.filters.len() > FILTERS {
            return Err(format!("filters: more than {FILTERS}"));
        }
        self.filters().map(drop)
    }
}

/// Checks all entries.
pub(super) fn check(mirrors: &[Mirror]) -> Result<(), ConfigError> {
    if mirrors.len() > MOST {
        return Err(ConfigError::new("mirror", format!("more than {MOST}")));
    }
    let mut names = HashSet::new();
    for (index, mirror) in mirrors.iter().enumerate() {
        let checked = mirror.check().and_then(|()| {
            let new = names.insert(mirror.name.as_str());
            new.then_some(())
                .ok_or_else(|| "name: is that of another mirror".to_owned())
        });
        checked.map_err(|problem| ConfigError::new(format!("mirror[{index}]"), problem))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(name: &str, url: &str, filter: &str) -> Mirror {
        Mirror {
            name: name.to_owned(),
            url: url.to_owned(),
            filters: vec![filter.to_owned()],
            ..Mirror::default()
        }
    }

    #[test]
    fn r5_3_what_cannot_be_mirrored_is_named() {
        let good = mirror("a", "wss://relay.example", r#"{"kinds":[1]}"#);
        check(std::slice::from_ref(&good)).unwrap();
        let problem = |entries: &[Mirror]| check(entries).unwrap_err().problem;
        assert!(problem(&[good.clone(), good.clone()]).contains("another mirror"));
        assert!(problem(&[mirror("a b", "wss://x", "{}")]).starts_with("name"));
        assert!(problem(&[mirror("a", "https://x", "{}")]).starts_with("url"));
        assert!(problem(&[mirror("a", "ws://x", "[]")]).starts_with("filters[0]"));
        assert!(problem(&[mirror("a", "ws://x", r#"{"limit":5}"#)]).contains("limit"));
        assert_eq!(
            check(&[mirror("a", "ws://x", "[]")]).unwrap_err().key,
            "mirror[0]"
        );
    }
}
