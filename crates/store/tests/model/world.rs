//! Random events: few of everything, so that they have much to do with each other.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use stentor_event::Event;

use crate::common::engine::RELAY_URL;
use crate::common::make::{Draft, Person, draft, forged};

/// When the first event was made.
pub const FIRST: u64 = 100;

/// When the tests begin.
pub const BEGIN: u64 = 1_000;

/// The values of `t`, `d` and `h` tags.
pub const WORDS: [&str; 3] = ["", "x", "y:z"];

/// The kinds that occur, of every class and rule.
pub const KINDS: [u16; 13] = [
    1, 7, 0, 10_002, 30_000, 30_001, 4, 1059, 445, 5, 62, 20_001, 21_059,
];

/// The kinds of events that are more than requests.
const PLAIN: [u16; 12] = [
    1, 1, 7, 0, 10_002, 30_000, 30_000, 30_001, 4, 1059, 1059, 445,
];

/// Kinds that are never stored.
const PASSING: [u16; 3] = [20_001, 21_059, 22_242];

/// Events to submit, each with a copy whose signature is wrong.
#[derive(Clone)]
pub struct World {
    /// The events.
    pub events: Vec<Event>,
    /// The same events with other signatures.
    pub forged: Vec<Event>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.events.iter().enumerate())
            .finish()
    }
}

impl World {
    /// An event by an index that may be too large.
    pub fn event(&self, index: usize) -> &Event {
        &self.events[index % self.events.len()]
    }

    /// Its copy with a wrong signature.
    pub fn forged(&self, index: usize) -> &Event {
        &self.forged[index % self.forged.len()]
    }
}

/// What an event is to be. Other events are named by an index among those made before.
#[derive(Debug, Clone)]
struct Plan {
    person: Person,
    at: u64,
    expires: Option<u64>,
    subject: Subject,
}

#[derive(Debug, Clone)]
enum Subject {
    Plain {
        kind: u16,
        tags: Vec<Tag>,
        content: u8,
    },
    Deletion(Vec<Target>),
    Vanish(&'static str),
}

#[derive(Debug, Clone)]
enum Tag {
    Word(&'static str, &'static str),
    Person(Person),
    Event(usize),
}

#[derive(Debug, Clone)]
enum Target {
    Event(usize),
    Address(u16, Person, &'static str),
    ShortAddress(u16, Person),
    Nonsense(&'static str),
}

/// A world.
pub fn world() -> impl Strategy<Value = World> {
    vec(plan(), 8..40).prop_map(|plans| {
        let mut events: Vec<Event> = Vec::new();
        for plan in &plans {
            let event = plan.make(&events);
            events.push(event);
        }
        World {
            forged: events.iter().map(forged).collect(),
            events,
        }
    })
}

/// One of the people.
pub fn person() -> impl Strategy<Value = Person> {
    // Dave signs what is forged, and nothing else.
    proptest::sample::select(&Person::ALL[..3])
}

/// A second in which events are made.
pub fn second() -> impl Strategy<Value = u64> {
    FIRST..FIRST + 6
}

/// One of the words.
pub fn word() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&WORDS)
}

fn plan() -> impl Strategy<Value = Plan> {
    let expires = weighted(0.15, BEGIN..BEGIN + 8);
    (person(), second(), expires, subject()).prop_map(|(person, at, expires, subject)| Plan {
        person,
        at,
        expires,
        subject,
    })
}

fn subject() -> impl Strategy<Value = Subject> {
    let plain = |kinds: &'static [u16]| {
        (proptest::sample::select(kinds), vec(tag(), 0..4), 0..3_u8).prop_map(
            |(kind, tags, content)| Subject::Plain {
                kind,
                tags,
                content,
            },
        )
    };
    let relay = proptest::sample::select(&["ALL_RELAYS", RELAY_URL, "wss://elsewhere.example"][..]);
    prop_oneof![
        12 => plain(&PLAIN),
        1 => plain(&PASSING),
        4 => vec(target(), 1..5).prop_map(Subject::Deletion),
        1 => relay.prop_map(Subject::Vanish),
    ]
}

fn tag() -> impl Strategy<Value = Tag> {
    let name = proptest::sample::select(&["t", "d", "d", "h", "T"][..]);
    prop_oneof![
        3 => (name, word()).prop_map(|(name, word)| Tag::Word(name, word)),
        2 => person().prop_map(Tag::Person),
        1 => any::<prop::sample::Index>().prop_map(|index| Tag::Event(index.index(1_000))),
    ]
}

fn target() -> impl Strategy<Value = Target> {
    let addressed = proptest::sample::select(&[0, 10_002, 30_000, 30_001, 1][..]);
    let nonsense = proptest::sample::select(&["", "x", "30000", "30000:x:y", "00:", "5:::"][..]);
    prop_oneof![
        6 => any::<prop::sample::Index>().prop_map(|index| Target::Event(index.index(1_000))),
        4 => (addressed.clone(), person(), word()).prop_map(|(kind, person, word)| Target::Address(kind, person, word)),
        1 => (addressed, person()).prop_map(|(kind, person)| Target::ShortAddress(kind, person)),
        1 => nonsense.prop_map(Target::Nonsense),
    ]
}

impl Plan {
    fn make(&self, before: &[Event]) -> Event {
        let kind = match &self.subject {
            Subject::Plain { kind, .. } => *kind,
            Subject::Deletion(_) => 5,
            Subject::Vanish(_) => 62,
        };
        let mut draft = draft(self.person, kind, self.at);
        draft = match &self.subject {
            Subject::Plain { tags, content, .. } => {
                let draft = draft.content(&content.to_string());
                tags.iter().fold(draft, |draft, tag| tag.add(draft, before))
            }
            Subject::Deletion(targets) => targets
                .iter()
                .fold(draft, |draft, target| target.add(draft, before)),
            Subject::Vanish(relay) => draft.tag("relay", relay),
        };
        match self.expires {
            Some(at) => draft.expiring(at).sign(),
            None => draft.sign(),
        }
    }
}

fn id_of(index: usize, before: &[Event]) -> String {
    match before.len() {
        0 => "ab".repeat(32),
        count => before[index % count].id().to_string(),
    }
}

impl Tag {
    fn add(&self, draft: Draft, before: &[Event]) -> Draft {
        match self {
            Self::Word(name, word) => draft.tag(name, word),
            Self::Person(person) => draft.tag("p", &person.hex()),
            Self::Event(index) => draft.tag("e", &id_of(*index, before)),
        }
    }
}

impl Target {
    fn add(&self, draft: Draft, before: &[Event]) -> Draft {
        match self {
            Self::Event(index) => draft.tag("e", &id_of(*index, before)),
            Self::Address(kind, person, word) => {
                draft.tag("a", &format!("{kind}:{}:{word}", person.hex()))
            }
            Self::ShortAddress(kind, person) => draft.tag("a", &format!("{kind}:{}", person.hex())),
            Self::Nonsense(text) => draft.tag("a", text).tag("e", text),
        }
    }
}
