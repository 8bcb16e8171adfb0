//! The query language of NIP-50: words, phrases in quotes, and `key:value` extensions.

use super::atoms::Atoms;
use super::language::Language;

/// What a `search` asks for. All parts must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words and phrases; each must be in the event.
    pub(super) parts: Vec<Atoms>,
    /// There is text, but nothing in it that could be found, such as punctuation only: nothing matches.
    pub(super) nothing: bool,
    /// Any of these languages; empty: any at all.
    pub(super) languages: Vec<Language>,
    /// A language was asked for that is none: nothing is written in it.
    pub(super) no_language: bool,
    /// Authors with a verified name at one of these domains; empty: any author.
    pub(super) domains: Vec<String>,
    /// Whether events with a content warning are left out.
    pub(super) safe: bool,
    /// Whether what is marked as spam is included.
    pub(super) spam: bool,
}

/// Different values that `domain:` and `language:` may have in one query, each: every author is looked up for the former, and
/// every one is a term to the index.
const VALUES: usize = 8;

/// A query asks for more than the relay looks up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Too many words.
    #[error("more than {most} words in `search`")]
    TooManyWords {
        /// How many are allowed.
        most: usize,
    },
    /// Too many different values of an extension.
    #[error("more than {most} times `{key}:` in `search`")]
    TooManyValues {
        /// The extension.
        key: &'static str,
        /// How many are allowed.
        most: usize,
    },
}

/// A piece of the text of a query.
enum Piece<'a> {
    Text(&'a str),
    Extension(&'a str, &'a str),
}

impl SearchQuery {
    /// Reads a query with at most `most` words (0: any number). Of scripts without spaces, each pair of characters counts
    /// as a word.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn parse(text: &str, most: usize) -> Result<Self, QueryError> {
        let mut query = Self::default();
        let (mut words, mut text_seen) = (0, false);
        for piece in pieces(text) {
            match piece {
                Piece::Extension(key, value) => query.extend(key, value)?,
                Piece::Text(text) => {
                    text_seen = true;
                    let part = Atoms::of(text);
                    words += part.required().count();
                    if most != 0 && words > most {
                        return Err(QueryError::TooManyWords { most });
                    }
                    if !part.is_empty() && !query.parts.contains(&part) {
                        query.parts.push(part);
                    }
                }
            }
        }
        query.nothing = text_seen && query.parts.is_empty();
        Ok(query)
    }

    /// Takes an extension in. One that is not known is passed over, as the NIP says.
    fn extend(&mut self, key: &str, value: &str) -> Result<(), QueryError> {
        match (
            key.to_ascii_lowercase().as_str(),
            value.to_lowercase().as_str(),
        ) {
            ("language", value) => match Language::parse(value) {
                Some(language) => add(&mut self.languages, language, "language")?,
                None => self.no_language = true,
            },
            ("domain", value) => {
                let domain = value.trim_end_matches('.').to_owned();
                add(&mut self.domains, domain, "domain")?;
            }
            ("nsfw", "false") => self.safe = true,
            ("nsfw", "true") => self.safe = false,
            ("include", "spam") => self.spam = true,
            _ => {}
        }
        Ok(())
    }

    /// The domains asked for, in lower case.
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// The tokens to look up.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(Atoms::required)
    }

    /// The parts for which having the tokens is not enough.
    pub(super) fn ordered(&self) -> impl Iterator<Item = &Atoms> {
        self.parts.iter().filter(|part| part.needs_order())
    }

    /// Whether no event can match.
    pub(super) fn is_impossible(&self) -> bool {
        self.nothing || (self.no_language && self.languages.is_empty())
    }
}

/// Adds a value of an extension that is not among them already.
fn add<T: PartialEq>(values: &mut Vec<T>, value: T, key: &'static str) -> Result<(), QueryError> {
    if values.contains(&value) {
        return Ok(());
    }
    if values.len() >= VALUES {
        return Err(QueryError::TooManyValues { key, most: VALUES });
    }
    values.push(value);
    Ok(())
}

/// The pieces of a query, between spaces or quotes. A quote that nothing closes is a character like any other.
fn pieces(mut text: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        text = text.trim_start();
        if text.is_empty() {
            return None;
        }
        if let Some((phrase, rest)) = text.strip_prefix('"').and_then(|open| open.split_once('"')) {
            text = rest;
            return Some(Piece::Text(phrase));
        }
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        text = rest;
        Some(extension(word).map_or(Piece::Text(word), |(key, value)| {
            Piece::Extension(key, value)
        }))
    })
}

/// `key:value`, where the key is a name. `https://…` and `nostr:…` (NIP-21) are addresses, thus words.
fn extension(word: &str) -> Option<(&str, &str)> {
    let (key, value) = word.split_once(':')?;
    let named = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let address = value.starts_with("//") || key.eq_ignore_ascii_case("nostr");
    (named && !value.is_empty() && !address).then_some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> SearchQuery {
        SearchQuery::parse(text, 0).unwrap()
    }

    fn words(text: &str) -> Vec<String> {
        parse(text).tokens().map(str::to_owned).collect()
    }

    #[test]
    fn r6_words_and_extensions() {
        let query = parse(
            "Best  nostr apps language:EN domain:Example.com. nsfw:false include:spam sentiment:positive",
        );
        assert_eq!(
            query.tokens().collect::<Vec<_>>(),
            ["best", "nostr", "apps"]
        );
        assert_eq!(query.languages, [Language::parse("en").unwrap()]);
        assert_eq!(query.domains, ["example.com"]);
        assert!(query.safe && query.spam && !query.is_impossible());
    }

    #[test]
    fn r6_unknown_extensions_are_passed_over_and_addresses_are_words() {
        assert!(words("foo:bar x-y_z:1").is_empty());
        assert_eq!(
            words("http://a.example nostr:npub1xyz"),
            ["http", "a", "example", "nostr", "npub1xyz"]
        );
        assert_eq!(
            words("12:30 :fire: C++: a:"),
            ["12", "30", "fire", "c", "a"]
        );
        assert_eq!(
            words("\"language:en\""),
            ["language", "en"],
            "in quotes it is text"
        );
        assert!(!parse("nsfw:maybe nsfw:true").safe);
    }

    #[test]
    fn r6_phrases() {
        let query = parse("\"hello world\" again");
        assert_eq!(query.parts, [Atoms::of("hello world"), Atoms::of("again")]);
        assert_eq!(words("\"unclosed quote"), ["unclosed", "quote"]);
        assert_eq!(words("same same"), ["same"]);
    }

    #[test]
    fn r6_text_without_words_matches_nothing_but_no_text_everything() {
        assert!(parse("!!! ...").is_impossible());
        assert!(!parse("   ").is_impossible());
        assert!(!parse("language:en").is_impossible());
        assert!(parse("language:english").is_impossible());
    }

    #[test]
    fn r6_the_number_of_words_is_limited() {
        assert_eq!(
            SearchQuery::parse("a b c d", 3),
            Err(QueryError::TooManyWords { most: 3 })
        );
        assert!(SearchQuery::parse("a b c foo:bar", 3).is_ok());
        assert!(SearchQuery::parse("一二三四五", 3).is_err());
    }

    #[test]
    fn r6_the_values_of_extensions_are_limited_and_each_counts_once() {
        let domains = |count: usize| {
            let terms = (0..count).map(|number| format!("domain:D{number}.example "));
            terms.collect::<String>()
        };
        let most = parse(&format!("{}{}", domains(8), domains(8).to_lowercase()));
        assert_eq!(most.domains.len(), 8);
        assert_eq!(
            SearchQuery::parse(&domains(9), 0),
            Err(QueryError::TooManyValues {
                key: "domain",
                most: 8
            })
        );
        assert_eq!(parse("language:en language:EN").languages.len(), 1);
        let languages = ["de", "en", "fr", "es", "it", "pt", "nl", "sv", "ru"];
        let terms = languages.map(|language| format!("language:{language} "));
        assert!(SearchQuery::parse(&terms.concat(), 0).is_err());
        assert_eq!(parse(&terms[..8].concat()).languages.len(), 8);
    }

    proptest! {
        #[test]
        fn r6_any_text_can_be_asked_for(text in "\\PC{0,60}") {
            let query = parse(&text);
            prop_assert!(query.tokens().all(|token| !token.is_empty() && token.len() <= 144));
            prop_assert!(query.parts.iter().all(|part| !part.is_empty()));
        }

        #[test]
        fn r6_the_order_of_words_and_extensions_does_not_matter(words in prop::collection::vec("[a-z]{1,4}", 0..4)) {
            let front = parse(&format!("language:de nsfw:false {}", words.join(" ")));
            let back = parse(&format!("{} nsfw:false language:de", words.join("  ")));
            prop_assert_eq!(front, back);
        }
    }
}
