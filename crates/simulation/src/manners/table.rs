//! The manners of each character.

use super::{
    Auth, Certificate, Deaf, Door, Information, Manners, Noise, Order, Pause, Reads, Reconciling,
    Stock, Writes,
};
use crate::character::Character;

/// Events a REQ of a relay with a cap.
const CAP: usize = 50;
/// Records that a limited relay reconciles.
const RECORDS: usize = 60;
/// Events after which a relay closes the connection.
const LAST_EVENT: usize = 20;
/// REQs that a relay refuses at first.
const REFUSED_FIRST: u64 = 3;
/// Bits of work that a relay wants.
const WORK: u8 = 16;

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
        deaf: Deaf::Nothing,
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
            C::NegentropyAgreeing => reconciling(Reconciling::Agreeing),
            C::NegentropyBoasting => Self { stock: Stock::Nothing, ..reconciling(Reconciling::Agreeing) },
            C::Hints => Self { hints: true, ..honest },
            C::Capped => capped,
            C::CappedHints => Self { hints: true, ..capped },
            C::CappedTold => Self { cap_told: true, ..capped },
            C::BurstBeyondCap => Self { stock: Stock::Burst(80), ..capped },
            C::BurstSplittable => Self { stock: Stock::MixedBurst, ..capped },
            C::BurstWithinCap => Self { stock: Stock::Burst(45), ..capped },
            C::OldestFirst => Self { order: Order::OldestFirst, ..capped },
            C::Arbitrary => Self { order: Order::Arbitrary, ..capped },
            C::IgnoresSince => deaf(Deaf::Since),
            C::IgnoresUntil => deaf(Deaf::Until),
            C::IgnoresLimit => deaf(Deaf::Limit),
            C::IgnoresFilters => deaf(Deaf::All),
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
}
