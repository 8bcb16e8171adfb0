//! Random events: few of everything, so that they have much to do with each other.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use stentor_event::Event;

use crate::common::engine::RELAY_URL;
use crate::common::make::{Alice, Bob, Carol, Draft, Person, draft, forged};

/// When the first event was made.
pub const FIRST: u64 = 100;

/// When the tests begin.
pub const BEGIN: u64 = 1_000;

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How many events.
    events: (usize, usize),
    /// Who signs them.
    people: &'static [Person],
    /// In how many seconds they are made.
    seconds: u64,
    /// The values of `t`, `d` and `h` tags.
    words: &'static [&'static str],
    /// Most values in one list of a filter.
    pub values: usize,
    /// Most that a limit or a cap allows.
    pub limit: u64,
    /// Most that a slice allows, but for bytes.
    pub slice: usize,
}

/// Small enough for ties, and for being understood when something fails. (Dave signs what is forged, and nothing else.)
pub const SMALL: Shape = Shape {
    events: (8, 40),
    people: &[Alice, Bob, Carol],
    seconds: 6,
    words: &["", "x", "y:z"],
    values: 4,
    limit: 8,
    slice: 12,
};

/// Large enough for every way of finding events, and for many index files.
pub const LARGE: Shape = Shape {
    events: (700, 900),
    people: &[
        Alice,
        Bob,
        Carol,
        Person(4),
        Person(5),
        Person(6),
        Person(7),
        Person(8),
        Person(9),
        Person(10),
        Person(11),
        Person(12),
        Person(13),
        Person(14),
        Person(15),
        Person(16),
        Person(17),
        Person(18),
        Person(19),
        Person(20),
        Person(21),
        Person(22),
        Person(23),
        Person(24),
        Person(25),
        Person(26),
        Person(27),
        Person(28),
        Person(29),
    ],
    seconds: 200,
    words: &[
        "", "x", "y:z", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o",
        "p", "q",
    ],
    values: 25,
    limit: 60,
    slice: 400,
};

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
pub fn world(shape: Shape) -> impl Strategy<Value = World> {
    vec(shape.plan(), shape.events.0..shape.events.1).prop_map(|plans| {
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

impl Shape {
    /// One of the people.
    pub fn person(self) -> impl Strategy<Value = Person> {
        proptest::sample::select(self.people)
    }

    /// A second in which events are made.
    pub fn second(self) -> impl Strategy<Value = u64> {
        FIRST..FIRST + self.seconds
    }

    /// One of the words.
    pub fn word(self) -> impl Strategy<Value = &'static str> {
        proptest::sample::select(self.words)
    }

    fn plan(self) -> impl Strategy<Value = Plan> {
        let expires = weighted(0.15, BEGIN..BEGIN + 8);
        (self.person(), self.second(), expires, self.subject()).prop_map(
            |(person, at, expires, subject)| Plan {
                person,
                at,
                expires,
                subject,
            },
        )
    }

    fn subject(self) -> impl Strategy<Value = Subject> {
        let plain = move |kinds: &'static [u16]| {
            (
                proptest::sample::select(kinds),
                vec(self.tag(), 0..4),
                0..3_u8,
            )
                .prop_map(|(kind, tags, content)| Subject::Plain {
                    kind,
                    tags,
                    content,
                })
        };
        let relay =
            proptest::sample::select(&["ALL_RELAYS", RELAY_URL, "wss://elsewhere.example"][..]);
        // In a large world, requests of everybody to vanish would leave nothing.
        let vanishing = if self.seconds > 100 { 0 } else { 1 };
        prop_oneof![
            16 => plain(&PLAIN),
            1 => plain(&PASSING),
            4 => vec(self.target(), 1..5).prop_map(Subject::Deletion),
            vanishing => relay.prop_map(Subject::Vanish),
        ]
    }

    fn tag(self) -> impl Strategy<Value = Tag> {
        let name = proptest::sample::select(&["t", "d", "d", "h", "T"][..]);
        prop_oneof![
            3 => (name, self.word()).prop_map(|(name, word)| Tag::Word(name, word)),
            2 => self.person().prop_map(Tag::Person),
            1 => self.index().prop_map(Tag::Event),
        ]
    }

    fn target(self) -> impl Strategy<Value = Target> {
        let addressed = proptest::sample::select(&[0, 10_002, 30_000, 30_001, 1][..]);
        let nonsense =
            proptest::sample::select(&["", "x", "30000", "30000:x:y", "00:", "5:::"][..]);
        let address = (addressed.clone(), self.person(), self.word());
        prop_oneof![
            6 => self.index().prop_map(Target::Event),
            4 => address.prop_map(|(kind, person, word)| Target::Address(kind, person, word)),
            1 => (addressed, self.person()).prop_map(|(kind, person)| Target::ShortAddress(kind, person)),
            1 => nonsense.prop_map(Target::Nonsense),
        ]
    }

    /// The index of an event; see [`World::event`].
    pub fn index(self) -> impl Strategy<Value = usize> {
        0..self.events.1
    }
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
