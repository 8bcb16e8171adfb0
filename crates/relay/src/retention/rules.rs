//! Rules, as the configuration has them and as a walk needs them.

use std::collections::{BTreeMap, HashSet};

use stentor_event::{Filter, Kind, PublicKey, Timestamp};
use stentor_store::Outline;

use super::AuthorClasses;
use crate::config::{ConfigError, KindSet, Retention, RetentionRule, parse_keys};

const EVERYBODY: &str = "everybody";
const OTHERS: &str = "others";
/// Never removed: their effect must last (R1.13).
const LASTING: [Kind; 2] = [Kind::DELETION, Kind::VANISH];
/// Longest name of a rule or a list.
const MAX_NAME: usize = 64;
/// Kinds and authors up to which an index is asked for each of them, instead of for everything.
const LOOKED_UP: usize = 1_024;
const DAY: u64 = 86_400;

/// All rules with the lists that they name.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    lists: BTreeMap<String, HashSet<PublicKey>>,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    name: String,
    /// Sorted ranges that do not touch; all kinds are one range.
    kinds: Vec<(u16, u16)>,
    authors: Authors,
    max_age: Option<u64>,
    pub(super) max_events: Option<u64>,
    pub(super) max_bytes: Option<u64>,
}

/// Whose events a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Authors {
    Everybody,
    /// Who is in no list and no class.
    Others,
    /// Who is in this list.
    List(String),
    /// Who is in this class.
    Class(String),
}

impl Rules {
    /// The rules of a configuration, where `classes` can be named beside its lists.
    ///
    /// # Errors
    /// The first rule or list that makes no sense.
    pub fn new(config: &Retention, classes: &[&str]) -> Result<Self, ConfigError> {
        let mut lists = BTreeMap::new();
        for (index, list) in config.authors.iter().enumerate() {
            let key = format!("retention.authors[{index}]");
            check_name(&key, &list.name)?;
            let taken = [EVERYBODY, OTHERS].contains(&list.name.as_str())
                || classes.contains(&list.name.as_str());
            let keys = parse_keys(&format!("{key}.keys"), &list.keys)?;
            let before = lists.insert(list.name.clone(), keys);
            if taken || before.is_some() {
                return Err(ConfigError::new(
                    format!("{key}.name"),
                    "is the name of another class of authors",
                ));
            }
        }
        let mut rules: Vec<Rule> = Vec::with_capacity(config.rules.len());
        for (index, rule) in config.rules.iter().enumerate() {
            let key = format!("retention.rules[{index}]");
            let rule = Rule::new(&key, rule, |name| {
                if lists.contains_key(name) {
                    Some(Authors::List(name.to_owned()))
                } else {
                    classes
                        .contains(&name)
                        .then(|| Authors::Class(name.to_owned()))
                }
            })?;
            if rules.iter().any(|other| other.name == rule.name) {
                let key = format!("{key}.name");
                return Err(ConfigError::new(key, "is the name of another rule"));
            }
            rules.push(rule);
        }
        Ok(Self { rules, lists })
    }

    /// The rules in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// Whether a rule can be applied now.
    pub(super) fn is_ready(&self, rule: &Rule, classes: &dyn AuthorClasses) -> bool {
        match rule.authors {
            Authors::Everybody | Authors::List(_) => true,
            Authors::Class(_) | Authors::Others => classes.ready(),
        }
    }

    /// Whether a rule is about this event; `None` while it is not known of what class its author is.
    pub(super) fn concerns(
        &self,
        rule: &Rule,
        event: &Outline,
        classes: &dyn AuthorClasses,
    ) -> Option<bool> {
        let author = &event.author;
        if !rule.has_kind(event.kind) {
            return Some(false);
        }
        match &rule.authors {
            Authors::Everybody => Some(true),
            Authors::List(name) => Some(self.lists.get(name).is_some_and(|l| l.contains(author))),
            Authors::Class(name) => classes.contains(name, author),
            Authors::Others => self.is_other(author, classes),
        }
    }

    /// Whether an author is in no list and no class.
    fn is_other(&self, author: &PublicKey, classes: &dyn AuthorClasses) -> Option<bool> {
        if self.lists.values().any(|list| list.contains(author)) {
            return Some(false);
        }
        let names = classes.names().iter();
        let all: Vec<Option<bool>> = names.map(|name| classes.contains(name, author)).collect();
        if all.contains(&Some(true)) {
            return Some(false);
        }
        (!all.contains(&None)).then_some(true)
    }

    /// The filter that leads to the events of a rule, and to no more others than can be helped.
    pub(super) fn filter(&self, rule: &Rule) -> Filter {
        let kinds = rule.kinds.iter().flat_map(|(first, last)| *first..=*last);
        let kinds: Vec<Kind> = kinds.take(LOOKED_UP + 1).map(Kind).collect();
        let authors = match &rule.authors {
            Authors::List(name) => self.lists.get(name),
            _ => None,
        };
        let authors = authors.filter(|keys| keys.len() <= LOOKED_UP).map(|keys| {
            let mut keys: Vec<PublicKey> = keys.iter().copied().collect();
            keys.sort_unstable();
            keys
        });
        Filter {
            kinds: Some(kinds).filter(|kinds| kinds.len() <= LOOKED_UP),
            authors,
            ..Filter::default()
        }
    }
}

impl Rule {
    fn new(
        key: &str,
        rule: &RetentionRule,
        class: impl Fn(&str) -> Option<Authors>,
    ) -> Result<Self, ConfigError> {
        let wrong =
            |field: &str, problem: &str| ConfigError::new(format!("{key}.{field}"), problem);
        check_name(key, &rule.name)?;
        let authors = match rule.authors.as_str() {
            EVERYBODY => Authors::Everybody,
            OTHERS => Authors::Others,
            name => class(name).ok_or_else(|| {
                wrong(
                    "authors",
                    "is neither everybody, nor others, nor the name of a list",
                )
            })?,
        };
        let kinds = kinds(&rule.kinds, &rule.except_kinds);
        if kinds.is_empty() {
            return Err(wrong("kinds", "leaves no kind that may be removed"));
        }
        let limit = |value: u64| Some(value).filter(|value| *value != 0);
        let rule = Self {
            name: rule.name.clone(),
            kinds,
            authors,
            max_age: limit(rule.max_age_days).map(|days| days.saturating_mul(DAY)),
            max_events: limit(rule.max_events),
            max_bytes: limit(rule.max_bytes),
        };
        if rule.max_age.is_none() && !rule.has_totals() {
            let problem = "has none of max_age_days, max_events and max_bytes";
            return Err(ConfigError::new(key, problem));
        }
        Ok(rule)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether there is a limit on the total.
    pub(super) const fn has_totals(&self) -> bool {
        self.max_events.is_some() || self.max_bytes.is_some()
    }

    /// Whether it is about everything that there is, so that the figures of the store tell its totals.
    pub(super) fn is_about_all(&self) -> bool {
        let kinds: usize = self.kinds.iter().map(|(a, b)| usize::from(b - a) + 1).sum();
        self.authors == Authors::Everybody && kinds + LASTING.len() == 1 << 16
    }

    /// Whether it goes by kinds alone.
    pub(super) fn is_by_kind(&self) -> bool {
        self.authors == Authors::Everybody
    }

    /// Whether it is about this kind.
    pub(super) fn has_kind(&self, kind: Kind) -> bool {
        let after = self.kinds.partition_point(|(first, _)| *first <= kind.0);
        let range = after.checked_sub(1).and_then(|at| self.kinds.get(at));
        range.is_some_and(|(_, last)| kind.0 <= *last)
    }

    /// What was made before this moment goes for its age.
    pub(super) fn cutoff(&self, now: Timestamp) -> Option<Timestamp> {
        self.max_age.map(|age| Timestamp(now.0.saturating_sub(age)))
    }
}

/// The kinds that are named (all, when none is) without those that are excepted and those that last.
fn kinds(named: &KindSet, except: &KindSet) -> Vec<(u16, u16)> {
    let mut found: Vec<(u16, u16)> = Vec::new();
    for kind in 0..=u16::MAX {
        let is_named = named.is_empty() || named.contains(Kind(kind));
        if !is_named || except.contains(Kind(kind)) || LASTING.contains(&Kind(kind)) {
            continue;
        }
        match found.last_mut() {
            Some((_, last)) if kind > 0 && *last == kind - 1 => *last = kind,
            _ => found.push((kind, kind)),
        }
    }
    found
}

fn check_name(key: &str, name: &str) -> Result<(), ConfigError> {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(ConfigError::new(
        format!("{key}.name"),
        "must be lower-case letters, digits, - and _, at most 64 of them",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(toml: &str) -> Result<Rules, ConfigError> {
        Rules::new(&serde_json::from_str(toml).unwrap(), &[])
    }

    #[test]
    fn r4_6_kinds_are_numbers_and_ranges() {
        let one = |kinds: &str| {
            let json = format!(r#"{{"rules":[{{"name":"x",{kinds},"max_events":1}}]}}"#);
            rules(&json).map(|rules| rules.rules[0].kinds.clone())
        };
        assert_eq!(
            one(r#""kinds":[7,1,"3-8"]"#).unwrap(),
            [(1, 1), (3, 4), (6, 8)]
        );
        assert_eq!(
            one(r#""kinds":["0-65535"]"#).unwrap(),
            [(0, 4), (6, 61), (63, 65535)]
        );
        assert_eq!(
            one(r#""except_kinds":["0-1000","2000-65535"]"#).unwrap(),
            [(1001, 1999)]
        );
        assert!(one(r#""kinds":[5,62]"#).is_err(), "they are never removed");
        let all = rules(r#"{"rules":[{"name":"x","max_bytes":1}]}"#).unwrap();
        assert!(all.rules[0].is_about_all());
        for (kind, about) in [
            (0, true),
            (5, false),
            (62, false),
            (63, true),
            (65535, true),
        ] {
            assert_eq!(all.rules[0].has_kind(Kind(kind)), about, "{kind}");
        }
    }

    #[test]
    fn r4_6_rules_that_make_no_sense_are_refused() {
        for (json, key) in [
            (r#"{"rules":[{"name":"x"}]}"#, "retention.rules[0]"),
            (r#"{"rules":[{"max_events":1}]}"#, "retention.rules[0].name"),
            (
                r#"{"rules":[{"name":"A b","max_events":1}]}"#,
                "retention.rules[0].name",
            ),
            (
                r#"{"rules":[{"name":"x","max_events":1},{"name":"x","max_events":2}]}"#,
                "retention.rules[1].name",
            ),
            (
                r#"{"rules":[{"name":"x","max_events":1,"authors":"friends"}]}"#,
                "retention.rules[0].authors",
            ),
            (
                r#"{"authors":[{"name":"others"}]}"#,
                "retention.authors[0].name",
            ),
            (
                r#"{"authors":[{"name":"a"},{"name":"a"}]}"#,
                "retention.authors[1].name",
            ),
            (
                r#"{"authors":[{"name":"a","keys":["npub1"]}]}"#,
                "retention.authors[0].keys[0]",
            ),
        ] {
            assert_eq!(rules(json).unwrap_err().key, key, "{json}");
        }
        assert!(
            Rules::new(
                &serde_json::from_str(
                    r#"{"rules":[{"name":"x","max_events":1,"authors":"members"}]}"#
                )
                .unwrap(),
                &["members"]
            )
            .is_ok()
        );
    }

    #[test]
    fn r4_6_few_kinds_and_authors_are_looked_up() {
        let key = "ab".repeat(32);
        let json = format!(
            r#"{{"authors":[{{"name":"bots","keys":["{key}"]}}],
                "rules":[{{"name":"a","kinds":[7,"1-3"],"authors":"bots","max_events":1}},
                         {{"name":"b","kinds":["1000-9999"],"authors":"others","max_events":1}}]}}"#
        );
        let rules = rules(&json).unwrap();
        let filter = rules.filter(&rules.rules[0]);
        assert_eq!(filter.kinds.unwrap(), [1, 2, 3, 7].map(Kind));
        assert_eq!(filter.authors.unwrap(), [PublicKey([0xab; 32])]);
        assert_eq!(rules.filter(&rules.rules[1]), Filter::default());
    }
}
