//! What is to be said, before it has a time and a signature.

use sha2::{Digest, Sha256};
use stentor_event::{Event, EventBuilder, Kind, SecretKey, Timestamp};

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The kind of the event.
    pub kind: Kind,
    /// Its tags, the most needed first.
    pub tags: Vec<Vec<String>>,
    /// Its content.
    pub content: String,
}

impl Statement {
    /// One that says nothing yet.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            tags: Vec::new(),
            content: String::new(),
        }
    }

    /// Adds a tag.
    pub fn tag<S: Into<String>>(&mut self, values: impl IntoIterator<Item = S>) {
        self.tags.push(values.into_iter().map(Into::into).collect());
    }

    /// What tells it from one that says something else. Round-trips, which differ each time, do not count.
    pub fn hash(&self) -> [u8; 32] {
        let is_measured =
            |tag: &&Vec<String>| tag.first().is_some_and(|name| name.starts_with("rtt-"));
        let lasting: Vec<_> = self.tags.iter().filter(|tag| !is_measured(tag)).collect();
        // JSON, so that no value can look like the end of another.
        let text = serde_json::json!([self.kind.0, lasting, self.content]).to_string();
        Sha256::digest(text).into()
    }

    /// The event.
    pub fn sign(self, key: &SecretKey, at: Timestamp) -> Event {
        let builder = EventBuilder::new(self.kind, at).content(self.content);
        let tags = self.tags.into_iter();
        tags.fold(builder, EventBuilder::tag).sign(key)
    }
}
