//! Rule `words`: words and addresses that events must not contain (R4.2).

use std::path::Path;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use stentor_event::EventView;

use super::super::Verdict;
use super::{WriteRule, Writing};
use crate::config::{self, Action, ConfigError, KindSet};

struct Words {
    matcher: AhoCorasick,
    patterns: Vec<Pattern>,
    kinds: KindSet,
    action: Action,
}

/// How an occurrence of a pattern must stand in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    /// A word or phrase; whether letters may come before it and after it.
    Word { open_before: bool, open_after: bool },
    /// A host name.
    Host,
}

/// The rule; none when there is nothing to look for.
pub(super) fn rule(config: &config::Words) -> Result<Option<Arc<dyn WriteRule>>, ConfigError> {
    if config.is_empty() {
        return Ok(None);
    }
    let mut found: Vec<(String, Pattern)> = Vec::new();
    found.extend(config.words.iter().filter_map(|text| word(text)));
    found.extend(config.hosts.iter().filter_map(|text| host(text)));
    for (index, file) in config.files.iter().enumerate() {
        found.extend(read(index, Path::new(file))?);
    }
    let (texts, patterns): (Vec<String>, Vec<Pattern>) = found.into_iter().unzip();
    let matcher = AhoCorasick::new(&texts)
        .map_err(|error| ConfigError::new("policy.words", error.to_string()))?;
    Ok(Some(Arc::new(Words {
        matcher,
        patterns,
        kinds: config.kinds.clone(),
        action: config.action,
    })))
}

/// A word or phrase as it is looked for: in lower case, without the stars.
fn word(text: &str) -> Option<(String, Pattern)> {
    let text = text.trim();
    let pattern = Pattern::Word {
        open_before: text.starts_with('*'),
        open_after: text.ends_with('*'),
    };
    let bare = text.trim_matches('*').to_lowercase();
    (!bare.is_empty()).then_some((bare, pattern))
}

/// A host name as it is looked for.
fn host(text: &str) -> Option<(String, Pattern)> {
    let bare = text.trim().trim_matches('.').to_lowercase();
    (!bare.is_empty()).then_some((bare, Pattern::Host))
}

/// The patterns in a file.
fn read(index: usize, path: &Path) -> Result<Vec<(String, Pattern)>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::new(
            format!("policy.words.files[{index}]"),
            format!("{}: {error}", path.display()),
        )
    })?;
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines
        .filter_map(|line| match line.strip_prefix("host:") {
            Some(name) => host(name),
            None => word(line),
        })
        .collect())
}

impl WriteRule for Words {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let event = writing.event;
        if !self.kinds.contains(event.kind()) {
            return Verdict::Pass;
        }
        let view = event.view();
        let hit = self.is_in(&view.content()) || self.is_in(&values(&view));
        match (hit, self.action) {
            (false, _) => Verdict::Pass,
            (true, Action::Refuse) => {
                Verdict::refuse("blocked: the event contains what is not wanted here")
            }
            (true, Action::Shadow) => Verdict::Shadow,
            (true, Action::Review) => {
                Verdict::Review("contains a word or an address of the list".into())
            }
        }
    }
}

/// The values of all tags as they are meant, each on a line of its own.
fn values(view: &EventView<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    for value in view.tags().flat_map(|tag| tag.iter().skip(1)) {
        text.extend_from_slice(&value.unescape());
        text.push(b'\n');
    }
    text
}

impl Words {
    /// Whether one of the patterns stands in the text.
    fn is_in(&self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text).to_lowercase();
        self.matcher.find_overlapping_iter(&text).any(|found| {
            let pattern = self.patterns.get(found.pattern().as_usize());
            let before = text.get(..found.start()).unwrap_or_default();
            let after = text.get(found.end()..).unwrap_or_default();
            pattern.is_some_and(|pattern| pattern.stands(before, after))
        })
    }
}

impl Pattern {
    /// Whether an occurrence between these texts counts.
    fn stands(self, before: &str, after: &str) -> bool {
        let last = before.chars().next_back();
        let mut following = after.chars();
        let next = following.next();
        let letter = |symbol: Option<char>| symbol.is_some_and(char::is_alphanumeric);
        match self {
            Self::Word {
                open_before,
                open_after,
            } => (open_before || !letter(last)) && (open_after || !letter(next)),
            // `sub.host` is below it; `my-host` and `host.other` are others.
            Self::Host => {
                let begins = !letter(last) && last != Some('-');
                let goes_on = next == Some('.') && letter(following.next());
                begins && !letter(next) && next != Some('-') && !goes_on
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(words: &[&str], hosts: &[&str], text: &str) -> bool {
        let mut found: Vec<(String, Pattern)> =
            words.iter().filter_map(|text| word(text)).collect();
        found.extend(hosts.iter().filter_map(|text| host(text)));
        let (texts, patterns): (Vec<String>, Vec<Pattern>) = found.into_iter().unzip();
        let words = Words {
            matcher: AhoCorasick::new(&texts).unwrap(),
            patterns,
            kinds: KindSet::default(),
            action: Action::Refuse,
        };
        words.is_in(text.as_bytes())
    }

    #[test]
    fn r4_2_words_are_whole_and_in_any_case() {
        assert!(hits(&["casino"], &[], "Best CASINO!"));
        assert!(hits(&["ПРИВЕТ"], &[], "привет, мир"));
        assert!(!hits(&["ass"], &[], "a class of grass"));
        assert!(hits(&["*coin"], &[], "buy SCAMCOIN now"));
        assert!(!hits(&["*coin"], &[], "coincidence"));
        assert!(hits(&["free money"], &[], "get free money"));
        assert!(!hits(&["free money"], &[], "free  money"));
        assert!(
            hits(&["b", "ab"], &[], "x ab y"),
            "one pattern inside of another"
        );
    }

    #[test]
    fn r4_2_hosts_are_found_with_what_is_below_them() {
        let spam = ["spam.example"];
        for text in [
            "https://spam.example/x",
            "see spam.example.",
            "//a.b.SPAM.example",
            "x@spam.example",
        ] {
            assert!(hits(&[], &spam, text), "{text}");
        }
        for text in [
            "https://notspam.example",
            "my-spam.example",
            "spam.example.org",
            "spam.examples",
        ] {
            assert!(!hits(&[], &spam, text), "{text}");
        }
    }
}
