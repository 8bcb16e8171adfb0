//! What is to be started.

use std::time::Duration;

use crate::character::Character;

/// The moment at which the network's events end unless said otherwise, in seconds since 1970.
const END: u64 = 1_750_000_000;

/// What is to be started. Two networks of the same specification have the same events, but for those that name URLs.
#[derive(Clone, Debug)]
pub struct Spec {
    /// All chance comes from it.
    pub seed: u64,
    /// About how many events there are in the whole network. Each is at one to six relays. What a character needs for itself (forged
    /// events, bursts …) and the relay lists by which relays find each other come on top.
    pub events: usize,
    /// When the events end, in seconds since 1970.
    pub now: u64,
    /// How many days before `now` they begin.
    pub days: u64,
    /// The relays, in their order.
    pub characters: Vec<Character>,
    /// Whether every relay that speaks WebSocket does so over TLS, with certificates of the network's authority.
    pub tls: bool,
    /// How long slow relays pause: once before a handshake or EOSE, a twentieth of it before each event.
    pub pause: Duration,
    /// URLs beside those of the network that its relay lists, its hints and the documents (NIP-11) of its relays name.
    pub mentions: Vec<String>,
    /// The port of the first relay; the others follow it. `None`: whichever are free.
    pub listen_from: Option<u16>,
}

impl Spec {
    /// One relay of each character, and 4,000 events over 30 days.
    pub fn cast(seed: u64) -> Self {
        Self {
            events: 4_000,
            ..Self::of(seed, Character::ALL.iter().copied())
        }
    }

    /// Many light relays with a few events each, for load: honest ones, and of each 20 one that refuses connections, one with a slow
    /// handshake, one that is mute and one web server. The first is honest and knows the relay lists of all.
    pub fn crowd(seed: u64, relays: usize) -> Self {
        let character = |number: usize| match number % 20 {
            5 => Character::Refusing,
            9 => Character::SlowOpen,
            13 => Character::Mute,
            17 => Character::HttpPage,
            _ => Character::Honest,
        };
        Self {
            events: relays.saturating_mul(2),
            ..Self::of(seed, (0..relays).map(character))
        }
    }

    /// Just these, with 80 events for each.
    pub fn of(seed: u64, characters: impl IntoIterator<Item = Character>) -> Self {
        let characters: Vec<_> = characters.into_iter().collect();
        Self {
            seed,
            events: characters.len().saturating_mul(80),
            now: END,
            days: 30,
            characters,
            tls: false,
            pause: Duration::from_millis(200),
            mentions: Vec::new(),
            listen_from: None,
        }
    }

    /// Adds URLs that the network's relay lists, hints and documents name, such as those of a [`crate::Tripwire`].
    #[must_use]
    pub fn mention<S: Into<String>>(mut self, urls: impl IntoIterator<Item = S>) -> Self {
        self.mentions.extend(urls.into_iter().map(Into::into));
        self
    }

    /// Seconds that the events are spread over.
    pub(crate) fn span(&self) -> u64 {
        self.days.saturating_mul(86_400).max(60)
    }
}
