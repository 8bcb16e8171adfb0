//! What a character means: a set of knobs that the connection handler, the dealer of events and the truth go by.

mod table;

/// What is behind the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// HTTP, and WebSocket on it.
    Relay,
    /// Nothing: connections are refused.
    Closed,
    /// A socket that says nothing.
    Silent,
    /// Garbage where a TLS handshake should be.
    Garbage,
    /// The same HTTP answer to everything, with this status.
    Http(u16),
}

/// Whose certificate is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// One of the network's authority.
    Good,
    /// One of the network's authority that has expired.
    Expired,
    /// One of nobody's.
    SelfSigned,
}

/// The NIP-11 document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Information {
    Plain,
    Redirects,
    Huge,
    Invalid,
    Lying,
    Absent,
    ShuttingDown,
}

/// What comes of a REQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Answered,
    /// EOSE at once.
    Withheld,
    Mute,
    Notice,
    /// CLOSED with this reason.
    Closed(&'static str),
    HangUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    NewestFirst,
    OldestFirst,
    Arbitrary,
}

/// Parts of a filter that are not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deaf {
    Nothing,
    Since,
    Until,
    Limit,
    All,
}

/// What disturbs an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noise {
    None,
    Duplicates,
    Malformed,
    /// Half of the events go to a subscription that is not there.
    WrongSubscription,
    /// No end, and no EOSE.
    Flood,
}

/// Where a relay takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    Nowhere,
    BeforeOpen,
    BeforeEvents,
    BeforeEose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    NotWanted,
    Wanted,
    /// Wanted, and never good enough.
    Refused,
}

/// What comes of an EVENT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    Taken,
    /// With so many bits of work only.
    Work(u8),
    Blocked,
    Lost,
    EphemeralOnly,
}

/// How NIP-77 is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reconciling {
    No,
    Yes,
    /// Sets up to so many events.
    Limited(usize),
    /// As if there were just what the other side has.
    Agreeing,
    /// As if there were nothing.
    Lying,
}

/// What a relay has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stock {
    Nothing,
    /// Its share of the network's events.
    Usual,
    /// That of the honest relay with its number.
    Copied,
    /// And events of nobody else's.
    Exclusive,
    /// And so many notes of one author in one second.
    Burst(u64),
    /// And a second of two kinds and three authors.
    MixedBurst,
    Huge,
    BadSignatures,
    BadIds,
    Future,
}

/// All knobs of one relay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    pub(crate) door: Door,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) information: Information,
    pub(crate) reads: Reads,
    /// Events a REQ.
    pub(crate) cap: Option<usize>,
    /// Whether NIP-11 tells the cap.
    pub(crate) cap_told: bool,
    /// Whether EOSE tells if that was all (NIP-67).
    pub(crate) hints: bool,
    pub(crate) order: Order,
    pub(crate) deaf: Deaf,
    pub(crate) noise: Noise,
    pub(crate) pause: Pause,
    pub(crate) eose: bool,
    /// Events after which a connection is closed.
    pub(crate) last_event: Option<usize>,
    /// REQs that are refused as too many at first.
    pub(crate) refused_first: u64,
    pub(crate) auth: Auth,
    pub(crate) writes: Writes,
    pub(crate) reconciling: Reconciling,
    pub(crate) stock: Stock,
}

impl Manners {
    /// Whether the URL is a `wss` one.
    pub(crate) fn is_tls(&self) -> bool {
        self.certificate.is_some() || self.door == Door::Garbage
    }
}
