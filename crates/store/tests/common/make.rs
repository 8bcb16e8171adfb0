//! Events and filters to test with.

use std::sync::{Arc, LazyLock};

use stentor_event::{Event, Filter, PublicKey, SecretKey, Viewer};

/// Somebody who signs events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person(pub u8);

#[allow(non_upper_case_globals)]
mod people {
    use super::Person;

    pub const Alice: Person = Person(0);
    pub const Bob: Person = Person(1);
    pub const Carol: Person = Person(2);
    pub const Dave: Person = Person(3);
}

pub use people::{Alice, Bob, Carol, Dave};

/// How many people there are.
pub const PEOPLE: u8 = 40;

static SECRETS: LazyLock<Vec<SecretKey>> = LazyLock::new(|| {
    (1..=PEOPLE)
        .map(|byte| SecretKey::from_bytes([byte; 32]).unwrap())
        .collect()
});

impl Person {
    pub fn secret(self) -> &'static SecretKey {
        &SECRETS[usize::from(self.0)]
    }

    pub fn key(self) -> PublicKey {
        self.secret().public_key()
    }

    pub fn hex(self) -> String {
        self.key().to_string()
    }

    /// A viewer authenticated as this person.
    pub fn viewer(self) -> Viewer {
        viewer(&[self])
    }
}

/// A viewer authenticated as these people.
pub fn viewer(people: &[Person]) -> Viewer {
    Viewer::with_keys(
        Arc::default(),
        people.iter().map(|person| person.key()).collect(),
    )
}

/// A viewer that is nobody.
pub fn anonymous() -> Viewer {
    viewer(&[])
}

/// An event to be signed.
#[derive(Debug, Clone)]
pub struct Draft {
    person: Person,
    kind: u16,
    at: u64,
    tags: Vec<Vec<String>>,
    content: String,
}

/// Somebody's event of a kind, at a time.
pub fn draft(person: Person, kind: u16, at: u64) -> Draft {
    Draft {
        person,
        kind,
        at,
        tags: Vec::new(),
        content: String::new(),
    }
}

/// A note.
pub fn note(person: Person, at: u64, content: &str) -> Event {
    draft(person, 1, at).content(content).sign()
}

/// A deletion request for these ids.
pub fn deletion(person: Person, at: u64, targets: &[&Event]) -> Event {
    let hex = |event: &&Event| event.id().to_string();
    targets
        .iter()
        .map(hex)
        .fold(draft(person, 5, at), |draft, id| draft.tag("e", &id))
        .sign()
}

/// A deletion request for this address.
pub fn deletion_of_address(person: Person, at: u64, address: &str) -> Event {
    draft(person, 5, at).tag("a", address).sign()
}

/// A request to vanish from all relays.
pub fn vanish(person: Person, at: u64) -> Event {
    vanish_from(person, at, "ALL_RELAYS")
}

/// A request to vanish from this relay.
pub fn vanish_from(person: Person, at: u64, relay: &str) -> Event {
    draft(person, 62, at).tag("relay", relay).sign()
}

/// A gift wrap.
pub fn wrap(from: Person, to: Person, at: u64) -> Event {
    draft(from, 1059, at).tag("p", &to.hex()).sign()
}

impl Draft {
    /// With this tag.
    pub fn tag(self, name: &str, value: &str) -> Self {
        self.tag_of(&[name, value])
    }

    /// With a tag of these strings.
    pub fn tag_of(mut self, strings: &[&str]) -> Self {
        self.tags
            .push(strings.iter().map(|&text| text.to_owned()).collect());
        self
    }

    /// Expiring at this time.
    pub fn expiring(self, at: u64) -> Self {
        self.tag("expiration", &at.to_string())
    }

    /// With this content.
    pub fn content(mut self, content: &str) -> Self {
        self.content = content.to_owned();
        self
    }

    /// Signed.
    pub fn sign(&self) -> Event {
        stentor_event::sign(
            self.person.secret(),
            stentor_event::Timestamp(self.at),
            stentor_event::Kind(self.kind),
            &self.tags,
            &self.content,
        )
    }

    /// Two events that differ in content only, the one with the lower id first.
    pub fn pair(&self) -> [Event; 2] {
        let mut pair = ["one", "two"].map(|content| self.clone().content(content).sign());
        pair.sort_by_key(Event::id);
        pair
    }
}

/// The event with a signature that is not its own.
pub fn forged(event: &Event) -> Event {
    let text = std::str::from_utf8(event.json()).unwrap();
    let signature = event.sig().to_string();
    let wrong = draft(Dave, 1, 1)
        .content("a stranger")
        .sign()
        .sig()
        .to_string();
    Event::parse(text.replace(&signature, &wrong).as_bytes()).unwrap()
}

/// The filter written so.
pub fn filter(json: &str) -> Filter {
    Filter::parse(json.as_bytes()).unwrap()
}
