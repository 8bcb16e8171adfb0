//! Whether one event matches a search: what the index finds, decided on the event alone.
//!
//! Live events are matched by this and nothing else; hits of the index are checked by it as far as the index cannot
//! vouch for them.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::sync::Arc;

use stentor_event::{EventView, Filter, Kind};

use super::atoms::Atoms;
use super::bill::Bill;
use super::document::{Document, is_nsfw};
use super::language::Language;
use super::query::SearchQuery;
use super::trust::Trust;

/// What every search of a relay goes by.
#[derive(Debug)]
pub struct Rules {
    kinds: Vec<Kind>,
    /// Whom to ask.
    pub trust: Trust,
}

impl Rules {
    /// Events of these kinds can be found, without those that are `never` to be.
    pub fn new(
        kinds: impl IntoIterator<Item = Kind>,
        never: impl Fn(Kind) -> bool,
        trust: Trust,
    ) -> Self {
        let mut kinds: Vec<Kind> = kinds
            .into_iter()
            .filter(|kind| !never(*kind) && !NEVER.contains(kind))
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        Self { kinds, trust }
    }

    /// The kinds of which events can be found, ascending.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Whether events of the kind can be found.
    pub fn covers(&self, kind: Kind) -> bool {
        self.kinds.binary_search(&kind).is_ok()
    }
}

/// Kinds that are never searched, whatever is configured: they are encrypted, or not for everybody.
const NEVER: [Kind; 5] = [
    Kind::DIRECT_MESSAGE,
    Kind::GROUP_MESSAGE,
    Kind::GIFT_WRAP,
    Kind::EPHEMERAL_GIFT_WRAP,
    Kind::AUTH,
];

/// The searches of one subscription.
#[derive(Debug)]
pub struct Searches {
    /// What they go by.
    pub rules: Arc<Rules>,
    /// For each filter what it searches for, if it does.
    pub queries: Vec<Option<SearchQuery>>,
    /// What they take.
    pub bill: Arc<Bill>,
}

impl Searches {
    /// Those of the filters that do not search.
    pub fn others(&self, filters: &[Filter]) -> Arc<[Filter]> {
        let searches = |position: usize| matches!(self.queries.get(position), Some(Some(_)));
        let filters = filters.iter().enumerate();
        filters
            .filter(|(position, _)| !searches(*position))
            .map(|(_, filter)| filter.clone())
            .collect()
    }

    /// Whether the event matches the search of the filter at this position; true for one without.
    pub fn hold(&self, filter: usize, event: &Subject<'_>) -> bool {
        match self.queries.get(filter) {
            Some(Some(query)) => query.matches(event, &self.rules),
            _ => true,
        }
    }
}

/// An event that searches are held against. What they need to know of it is found out once, when the first asks.
#[derive(Debug)]
pub struct Subject<'a> {
    event: EventView<'a>,
    analysis: OnceCell<Box<Analysis>>,
    language: OnceCell<Option<Language>>,
}

#[derive(Debug)]
struct Analysis {
    document: Document,
    atoms: Atoms,
    /// All that it can be found by.
    tokens: HashSet<Box<str>>,
}

impl<'a> Subject<'a> {
    /// Costs nothing yet.
    pub const fn new(event: EventView<'a>) -> Self {
        Self {
            event,
            analysis: OnceCell::new(),
            language: OnceCell::new(),
        }
    }

    fn analysis(&self) -> &Analysis {
        self.analysis.get_or_init(|| {
            let document = Document::of(&self.event);
            let mut atoms = Atoms::of(&document.title);
            atoms.push(&document.body);
            let tokens = atoms.tokens().map(Box::from).collect();
            Box::new(Analysis {
                document,
                atoms,
                tokens,
            })
        })
    }

    fn language(&self) -> Option<Language> {
        *self
            .language
            .get_or_init(|| Language::of(&self.analysis().document.body))
    }
}

impl SearchQuery {
    /// Whether the event matches, as far as can be told without waiting: of `domain:` what is known by now.
    pub fn matches(&self, event: &Subject<'_>, rules: &Rules) -> bool {
        let view = &event.event;
        rules.covers(view.kind())
            && !self.is_impossible()
            && !(self.safe && is_nsfw(view))
            && self.has_words(event)
            && (self.languages.is_empty()
                || event
                    .language()
                    .is_some_and(|language| self.languages.contains(&language)))
            && self.is_of_domain(view, rules)
            && !self.is_left_out(view, rules)
    }

    fn has_words(&self, event: &Subject<'_>) -> bool {
        self.parts.is_empty() || {
            let analysis = event.analysis();
            self.tokens().all(|token| analysis.tokens.contains(token)) && self.has_order(event)
        }
    }

    /// Whether the atoms of each part stand together; for an event that has the tokens.
    pub(super) fn has_order(&self, event: &Subject<'_>) -> bool {
        self.ordered()
            .all(|part| event.analysis().atoms.contains(part))
    }

    fn is_of_domain(&self, event: &EventView<'_>, rules: &Rules) -> bool {
        let Some(verifier) = &rules.trust.domains else {
            return true;
        };
        self.domains.is_empty() || verifier.is_verified(&event.pubkey(), &self.domains)
    }

    /// Whether it is spam, and spam is not asked for.
    pub(super) fn is_left_out(&self, event: &EventView<'_>, rules: &Rules) -> bool {
        !self.spam
            && rules
                .trust
                .spam
                .as_ref()
                .is_some_and(|marks| marks.is_spam(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stentor_event::{Event, EventBuilder, PublicKey, SecretKey, Timestamp};

    use crate::query::BoxFuture;
    use crate::search::trust::{Claim, DomainVerifier, SpamMarks};

    fn event(kind: u16, content: &str, tags: &[[&str; 2]]) -> Event {
        let builder = EventBuilder::new(Kind(kind), Timestamp(1)).content(content);
        let builder = tags.iter().fold(builder, |builder, tag| builder.tag(*tag));
        builder.sign(&SecretKey::from_bytes([1; 32]).unwrap())
    }

    struct Known;

    impl DomainVerifier for Known {
        fn is_verified(&self, _author: &PublicKey, domains: &[String]) -> bool {
            domains.iter().any(|domain| domain == "example.com")
        }

        fn verify<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<bool>> {
            Box::pin(async move { vec![true; claims.len()] })
        }
    }

    struct Casino;

    impl SpamMarks for Casino {
        fn is_spam(&self, event: &EventView<'_>) -> bool {
            event.content().windows(6).any(|word| word == b"casino")
        }
    }

    fn rules(trust: Trust) -> Rules {
        Rules::new(
            [0, 1, 4, 445, 1059, 30_023].map(Kind),
            |kind| kind == Kind(30_023),
            trust,
        )
    }

    fn matches(query: &str, event: &Event, rules: &Rules) -> bool {
        SearchQuery::parse(query, 0)
            .unwrap()
            .matches(&Subject::new(event.view()), rules)
    }

    #[test]
    fn r6_a_live_event_matches_when_it_holds_all_words() {
        let (rules, note) = (
            rules(Trust::default()),
            event(1, "Grüße aus dem Süden, sagte der alte Mann", &[]),
        );
        for query in [
            "grusse",
            "SUDEN aus",
            "\"aus dem\"",
            "",
            "mann language:de",
            "sagte domain:other.example",
        ] {
            assert!(matches(query, &note, &rules), "{query}");
        }
        for query in [
            "nord",
            "grusse norden",
            "\"dem aus\"",
            "!!!",
            "mann language:en",
        ] {
            assert!(!matches(query, &note, &rules), "{query}");
        }
    }

    #[test]
    fn r6_private_kinds_are_never_searched() {
        let rules = rules(Trust::default());
        assert_eq!(rules.kinds(), [Kind(0), Kind(1)]);
        for kind in [4, 445, 1059, 30_023, 7] {
            assert!(
                !matches("secret", &event(kind, "secret", &[]), &rules),
                "{kind}"
            );
        }
    }

    #[test]
    fn r6_warnings_spam_and_domains_on_the_event() {
        let rules = rules(Trust {
            domains: Some(Arc::new(Known)),
            spam: Some(Arc::new(Casino)),
        });
        let warned = event(1, "flesh", &[["content-warning", "x"]]);
        assert!(matches("flesh", &warned, &rules) && matches("flesh nsfw:true", &warned, &rules));
        assert!(!matches("flesh nsfw:false", &warned, &rules));
        let spam = event(1, "best casino", &[]);
        assert!(!matches("best", &spam, &rules) && matches("best include:spam", &spam, &rules));
        let note = event(1, "hello", &[]);
        assert!(matches("hello domain:Example.com", &note, &rules));
        assert!(!matches("hello domain:example.org", &note, &rules));
    }
}
