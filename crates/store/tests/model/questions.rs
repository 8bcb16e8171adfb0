//! Random queries.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use stentor_event::{EventId, Filter, Kind, PublicKey, TagFilter, Timestamp, Viewer};
use stentor_store::{Budget, EventNumber, Query, ScanLimits};

use crate::common::Person;
use crate::common::make::viewer;
use crate::world::{FIRST, KINDS, Shape, World};

/// A query without what depends on the world.
#[derive(Debug, Clone)]
pub struct Question {
    filters: Vec<Condition>,
    cap: u64,
    before: Option<u64>,
    viewer: Reader,
    /// How the scan is sliced.
    pub budget: Budget,
}

#[derive(Debug, Clone)]
struct Condition {
    ids: Option<Vec<usize>>,
    authors: Option<Vec<Person>>,
    kinds: Option<Vec<u16>>,
    tags: Vec<(char, Vec<Value>)>,
    since: Option<u64>,
    until: Option<u64>,
    limit: Option<u64>,
}

#[derive(Debug, Clone)]
enum Value {
    Word(&'static str),
    Person(Person),
    Event(usize),
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Reader {
    Operator,
    Keys(Vec<Person>),
}

/// A query with limits and all.
pub fn question(shape: Shape) -> impl Strategy<Value = Question> {
    let cap = prop_oneof![2 => Just(0), 3 => 1..shape.limit];
    let filters = vec(condition(shape, weighted(0.4, 0..shape.limit)), 1..4);
    (
        filters,
        cap,
        weighted(0.1, 1..40_u64),
        reader(shape),
        budget(shape),
    )
        .prop_map(|(filters, cap, before, viewer, budget)| Question {
            filters,
            cap,
            before,
            viewer,
            budget,
        })
}

/// A query that returns all its matches.
pub fn unlimited(shape: Shape) -> impl Strategy<Value = Question> {
    (
        vec(condition(shape, Just(None)), 1..4),
        reader(shape),
        budget(shape),
    )
        .prop_map(|(filters, viewer, budget)| Question {
            filters,
            cap: 0,
            before: None,
            viewer,
            budget,
        })
}

/// Somebody who asks.
pub fn reader(shape: Shape) -> impl Strategy<Value = Reader> {
    prop_oneof![1 => Just(Reader::Operator), 4 => vec(shape.person(), 0..3).prop_map(Reader::Keys)]
}

fn budget(shape: Shape) -> impl Strategy<Value = Budget> {
    let large = Just(1_000_000_usize);
    let some = |most: usize| prop_oneof![large, most / 4 + 1..most];
    (
        some(shape.slice),
        some(shape.slice * 200),
        some(shape.slice),
    )
        .prop_map(|(events, bytes, rows)| Budget {
            events,
            bytes,
            rows: rows as u64,
        })
}

fn condition(
    shape: Shape,
    limit: impl Strategy<Value = Option<u64>>,
) -> impl Strategy<Value = Condition> {
    let kinds = proptest::sample::select(&KINDS[..]);
    (
        weighted(0.15, list(shape.index(), 2 * shape.values)),
        weighted(0.35, list(shape.person(), shape.values)),
        weighted(0.4, list(kinds, 6)),
        tags(shape),
        weighted(0.2, shape.second()),
        weighted(0.2, shape.second()),
        limit,
    )
        .prop_map(
            |(ids, authors, kinds, tags, since, until, limit)| Condition {
                ids,
                authors,
                kinds,
                tags,
                since,
                until,
                limit,
            },
        )
}

/// A list that is empty now and then.
fn list<T: Debug>(item: impl Strategy<Value = T>, most: usize) -> impl Strategy<Value = Vec<T>> {
    let item = std::sync::Arc::new(item);
    prop_oneof![20 => vec(item.clone(), 1..=most), 1 => vec(item, 0)]
}

/// Conditions on up to three tags.
fn tags(shape: Shape) -> impl Strategy<Value = Vec<(char, Vec<Value>)>> {
    let letter = proptest::sample::select(&['t', 'd', 'h', 'T', 'z'][..]);
    let words = (letter, list(shape.word().prop_map(Value::Word), 3));
    let people = (Just('p'), list(shape.person().prop_map(Value::Person), 3));
    let events = (
        Just('e'),
        list(shape.index().prop_map(Value::Event), shape.values),
    );
    (
        weighted(0.2, words),
        weighted(0.12, people),
        weighted(0.12, events),
    )
        .prop_map(|(words, people, events)| [words, people, events].into_iter().flatten().collect())
}

impl Question {
    /// The query, as of a moment.
    pub fn query(&self, world: &World, now: u64) -> Query {
        Query {
            filters: self
                .filters
                .iter()
                .map(|condition| condition.filter(world))
                .collect(),
            now: Timestamp(now),
            before: self.before.map(EventNumber),
            limits: ScanLimits {
                cap: self.cap,
                rows: 0,
            },
        }
    }

    /// Who asks it.
    pub fn viewer(&self) -> Viewer {
        self.viewer.viewer()
    }
}

impl Reader {
    /// As the store knows them.
    pub fn viewer(&self) -> Viewer {
        match self {
            Self::Operator => Viewer::operator(),
            Self::Keys(people) => viewer(people),
        }
    }
}

impl Condition {
    fn filter(&self, world: &World) -> Filter {
        let ids = |ids: &Vec<usize>| ids.iter().map(|index| world.event(*index).id()).collect();
        let authors = |people: &Vec<Person>| people.iter().map(|person| person.key()).collect();
        let kinds = |kinds: &Vec<u16>| kinds.iter().map(|kind| Kind(*kind)).collect();
        Filter {
            ids: self.ids.as_ref().map(ids).map(sorted::<EventId>),
            authors: self.authors.as_ref().map(authors).map(sorted::<PublicKey>),
            kinds: self.kinds.as_ref().map(kinds).map(sorted::<Kind>),
            tags: self
                .tags
                .iter()
                .map(|(letter, values)| tag_filter(*letter, values, world))
                .collect(),
            since: self.since.map(Timestamp),
            // Beyond the last second now and then.
            until: self
                .until
                .map(|until| Timestamp(until + (until - FIRST) / 5 * 1_000)),
            limit: self.limit,
            search: None,
        }
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

fn tag_filter(letter: char, values: &[Value], world: &World) -> TagFilter {
    let text = |value: &Value| match value {
        Value::Word(word) => (*word).to_owned(),
        Value::Person(person) => person.hex(),
        Value::Event(index) => world.event(*index).id().to_string(),
    };
    TagFilter::new(
        letter as u8,
        values.iter().map(text).map(String::into_bytes),
    )
}
