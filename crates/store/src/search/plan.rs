//! A search with the other fields of its filter, as a query to the index.

use stentor_event::Filter;
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, Occur, Query, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::collect::Sieve;
use super::language::Language;
use super::query::SearchQuery;
use super::schema::{Fields, of_author, of_id};
use crate::EventNumber;

/// How much more a word counts in what an event is called.
const TITLE_WEIGHT: f32 = 2.0;
/// Terms that are looked up one by one; more are found by walking the dictionary.
const FEW: usize = 16;

type Clause = (Occur, Box<dyn Query>);

/// The query for what must be in the index. Ids and authors are found by their beginning: what is found has to be held
/// against the filter.
pub(super) fn query(fields: &Fields, filter: &Filter, search: &SearchQuery) -> BooleanQuery {
    let mut clauses: Vec<Clause> = search.tokens().map(|token| word(fields, token)).collect();
    let without_words = clauses.is_empty();
    if let Some(ids) = &filter.ids {
        clauses.push(any(fields.id, ids.iter().map(of_id)));
    }
    if let Some(authors) = &filter.authors {
        clauses.push(any(fields.author, authors.iter().map(of_author)));
    }
    if !search.languages.is_empty() {
        clauses.push(any(
            fields.language,
            search
                .languages
                .iter()
                .map(|language| Language::number(*language)),
        ));
    }
    if let (true, Some(kinds)) = (without_words, &filter.kinds) {
        clauses.push(any(fields.kind, kinds.iter().map(|kind| u64::from(kind.0))));
    }
    if clauses.is_empty() {
        clauses.push((
            Occur::Must,
            Box::new(ConstScoreQuery::new(Box::new(AllQuery), 0.0)),
        ));
    }
    if search.safe {
        clauses.push((Occur::MustNot, term(Term::from_field_u64(fields.nsfw, 1))));
    }
    BooleanQuery::new(clauses)
}

/// The query for kinds 0 whose authors claim a name at one of these domains.
pub(super) fn claims(fields: &Fields, domains: &[String]) -> BooleanQuery {
    let terms = domains
        .iter()
        .map(|domain| Term::from_field_text(fields.domain, domain));
    BooleanQuery::new(terms.map(|wanted| (Occur::Should, term(wanted))).collect())
}

/// What is looked at on each event that the index finds. With words, kinds are checked there: that costs no more than
/// there are hits, while most kinds have more events than most words.
pub(super) fn sieve(filter: &Filter, before: Option<EventNumber>) -> Sieve {
    Sieve {
        since: filter.since.map_or(0, |time| time.0),
        until: filter.until.map_or(u64::MAX, |time| time.0),
        before: before.map_or(u64::MAX, |number| number.0),
        kinds: filter
            .kinds
            .as_ref()
            .map(|kinds| kinds.iter().map(|kind| u64::from(kind.0)).collect()),
        below: None,
    }
}

/// A word, in either of the texts of an event.
fn word(fields: &Fields, token: &str) -> Clause {
    let in_field = |field| -> Box<dyn Query> {
        let term = Term::from_field_text(field, token);
        Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
    };
    let title = Box::new(BoostQuery::new(in_field(fields.title), TITLE_WEIGHT));
    let either = BooleanQuery::new(vec![
        (Occur::Should, title),
        (Occur::Should, in_field(fields.body)),
    ]);
    (Occur::Must, Box::new(either))
}

/// One of these values. Takes no part in the score.
fn any(field: Field, values: impl Iterator<Item = u64>) -> Clause {
    let terms: Vec<Term> = values
        .map(|value| Term::from_field_u64(field, value))
        .collect();
    let query: Box<dyn Query> = if terms.len() > FEW {
        Box::new(TermSetQuery::new(terms))
    } else {
        Box::new(BooleanQuery::new(
            terms
                .into_iter()
                .map(|wanted| (Occur::Should, term(wanted)))
                .collect(),
        ))
    };
    (Occur::Must, Box::new(ConstScoreQuery::new(query, 0.0)))
}

fn term(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}
