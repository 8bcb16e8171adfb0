//! Classes of authors.

use stentor_event::PublicKey;

/// Classes of authors whose members are not in the configuration: those of a relay, a web of trust.
pub trait AuthorClasses: Send + Sync {
    /// What the classes are called. They can be named by rules like the lists of the configuration.
    fn names(&self) -> &[&'static str];

    /// Whether the members of all classes are known by now. As long as they are not, rules that go by a class wait:
    /// everybody would be a stranger.
    fn ready(&self) -> bool;

    /// Whether an author is in the class of this name; `None` when that is not known at this moment. A rule that comes to
    /// such an author ends its sweep: what it removes does not come back.
    fn contains(&self, class: &str, author: &PublicKey) -> Option<bool>;
}
