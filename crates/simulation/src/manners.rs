//! What a character means: a set of knobs that the connection handler, the dealer of events and the truth go by.

use crate::character::Character;

/// Events a REQ of a relay with a cap.
pub(crate) const CAP: usize = 50;
/// Records that a limited relay reconciles.
const RECORDS: usize = 60;
/// Events after which a relay closes the connection.
const LAST_EVENT: usize = 20;
/// REQs that a relay refuses at first.
const REFUSED_FIRST: u64 = 3;
/// Bits of work that a relay wants.
pub(crate) const WORK: u8 = 16;

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
    ToNothing,
    ToSince,
    ToUntil,
    ToLimit,
    ToAll,
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
    const HONEST: Self = Self {
        door: Door::Relay,
        certificate: None,
        information: Information::Plain,
        reads: Reads::Answered,
        cap: None,
        cap_told: false,
        hints: false,
        order: Order::NewestFirst,
        deaf: Deaf::ToNothing,
        noise: Noise::None,
        pause: Pause::Nowhere,
        eose: true,
        last_event: None,
        refused_first: 0,
        auth: Auth::NotWanted,
        writes: Writes::Taken,
        reconciling: Reconciling::No,
        stock: Stock::Usual,
    };

    /// Those of a character.
    #[rustfmt::skip] // A table.
    pub(crate) fn of(character: Character) -> Self {
        use Character as C;
        let honest = Self::HONEST;
        let capped = Self { cap: Some(CAP), ..honest };
        let behind = |door| Self { door, stock: Stock::Nothing, ..honest };
        let reading = |reads| Self { reads, ..honest };
        let telling = |information| Self { information, ..honest };
        let deaf = |deaf| Self { deaf, ..honest };
        let noise = |noise| Self { noise, ..honest };
        let pause = |pause| Self { pause, ..honest };
        let having = |stock| Self { stock, ..honest };
        let over = |certificate| Self { certificate: Some(certificate), ..honest };
        let writing = |writes| Self { writes, ..honest };
        let reconciling = |reconciling| Self { reconciling, ..honest };
        match character {
            C::Honest | C::Backdating => honest,
            C::Mirror => having(Stock::Copied),
            C::Negentropy => reconciling(Reconciling::Yes),
            C::NegentropyLimited => reconciling(Reconciling::Limited(RECORDS)),
            C::NegentropyLying => reconciling(Reconciling::Lying),
            C::Hints => Self { hints: true, ..honest },
            C::Capped => capped,
            C::CappedHints => Self { hints: true, ..capped },
            C::CappedTold => Self { cap_told: true, ..capped },
            C::BurstBeyondCap => Self { stock: Stock::Burst(80), ..capped },
            C::BurstSplittable => Self { stock: Stock::MixedBurst, ..capped },
            C::BurstWithinCap => Self { stock: Stock::Burst(45), ..capped },
            C::OldestFirst => Self { order: Order::OldestFirst, ..capped },
            C::Arbitrary => Self { order: Order::Arbitrary, ..capped },
            C::IgnoresSince => deaf(Deaf::ToSince),
            C::IgnoresUntil => deaf(Deaf::ToUntil),
            C::IgnoresLimit => deaf(Deaf::ToLimit),
            C::IgnoresFilters => deaf(Deaf::ToAll),
            C::Duplicating => noise(Noise::Duplicates),
            C::SlowEvents => pause(Pause::BeforeEvents),
            C::SlowOpen => pause(Pause::BeforeOpen),
            C::SlowEose => pause(Pause::BeforeEose),
            C::NeverEose => Self { eose: false, ..honest },
            C::Mute => reading(Reads::Mute),
            C::Silent => behind(Door::Silent),
            C::Flooding => Self { eose: false, ..noise(Noise::Flood) },
            C::HugeFrames => having(Stock::Huge),
            C::BadSignatures => having(Stock::BadSignatures),
            C::BadIds => having(Stock::BadIds),
            C::Malformed => noise(Noise::Malformed),
            C::WrongSubscription => noise(Noise::WrongSubscription),
            C::Future => having(Stock::Future),
            C::Disconnecting => Self { last_event: Some(LAST_EVENT), ..honest },
            C::HangsUp => reading(Reads::HangUp),
            C::ClosedError => reading(Reads::Closed("error: the database is not there")),
            C::ClosedRestricted => reading(Reads::Closed("restricted: members only")),
            C::RateLimited => Self { refused_first: REFUSED_FIRST, ..honest },
            C::AuthReads => Self { auth: Auth::Wanted, ..honest },
            C::AuthRefused => Self { auth: Auth::Refused, ..honest },
            C::PowWrites => writing(Writes::Work(WORK)),
            C::WritesBlocked => writing(Writes::Blocked),
            C::WritesLost => writing(Writes::Lost),
            C::EphemeralOnly => Self { stock: Stock::Nothing, ..writing(Writes::EphemeralOnly) },
            C::Refusing => behind(Door::Closed),
            C::TlsBroken => behind(Door::Garbage),
            C::Tls => over(Certificate::Good),
            C::TlsExpired => over(Certificate::Expired),
            C::TlsSelfSigned => over(Certificate::SelfSigned),
            C::HttpPage => behind(Door::Http(200)),
            C::HttpForbidden => behind(Door::Http(403)),
            C::HttpBadGateway => behind(Door::Http(502)),
            C::HttpUnavailable => behind(Door::Http(503)),
            C::InformationRedirects => telling(Information::Redirects),
            C::InformationHuge => telling(Information::Huge),
            C::InformationInvalid => telling(Information::Invalid),
            C::InformationLying => telling(Information::Lying),
            C::InformationAbsent => telling(Information::Absent),
            C::ShuttingDown => Self { stock: Stock::Exclusive, ..telling(Information::ShuttingDown) },
            C::NoticeOnly => reading(Reads::Notice),
            C::Withholding => reading(Reads::Withheld),
            C::Empty => having(Stock::Nothing),
        }
    }

    /// Whether the URL is a `wss` one.
    pub(crate) fn is_tls(&self) -> bool {
        self.certificate.is_some() || self.door == Door::Garbage
    }
}
