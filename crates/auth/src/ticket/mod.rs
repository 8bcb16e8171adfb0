//! Stream tickets (G2.1): for browsers, whose EventSource and WebSocket send no `Authorization`.
//!
//! A ticket is minted by an authenticated call for one stream of one surface, and put into the URL. It has to be used within a minute.
//! URLs end up in logs, so that it is of no use by itself afterwards: it opens a stream again only together with a `Last-Event-ID`
//! that this stream was given, which carries a mark that only we can make ([`Seal`]). A stream must therefore give an id to
//! its client at once, before anything happens.
//!
//! One connection at a time: a newer one ends the older one, on this node at once, elsewhere with the next poll. Refusing the newer
//! would lock out a client whose old connection is broken and not yet known to be, and to an EventSource a refusal is final.
//!
//! It is good until what it was minted with has ended, at most [`ticket_seconds`](crate::config::Limits::ticket_seconds), and survives
//! restarts. Pages come and go without a word, so one that no stream lives by for long is forgotten, and gives way before when its
//! principal has as many as it may have. With a token that its issuer is asked about, it lives as long as the node remembers that token.

mod kept;
mod lease;
mod seal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use secrecy::SecretString;
use stentor_event::Timestamp;

use crate::failure::Category;
use crate::random::{self, SECRET_BYTES};
use crate::{AuthFailure, Credential, EndReason, ManageError, Principal, Registry};

pub use lease::Lease;
pub use seal::Seal;

/// What every ticket begins with.
const PREFIX: &str = "stt";
/// Seconds within which it has to be used first.
const FIRST_USE: u64 = 60;
/// Seconds between two notes that a stream lives by a ticket.
const TOUCHED_EVERY: u64 = 60;
/// Credentials that may stand behind each other.
const LONGEST_CHAIN: usize = 8;

/// What a ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// Server-sent events.
    Events,
    /// The WebSocket.
    WebSocket,
}

impl Surface {
    /// Its name, in the records and in the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "sse",
            Self::WebSocket => "ws",
        }
    }
}

/// A ticket as its holder has it: `stt_<id>_<secret>`. The id is public.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketText {
    id: String,
    secret: [u8; SECRET_BYTES],
}

/// Not of the form of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a stream ticket")]
pub struct TicketTextError;

impl FromStr for TicketText {
    type Err = TicketTextError;

    fn from_str(text: &str) -> Result<Self, TicketTextError> {
        let (id, secret) = random::id_and_secret(text, PREFIX).ok_or(TicketTextError)?;
        let id = id.to_owned();
        Ok(Self { id, secret })
    }
}

impl fmt::Debug for TicketText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketText({})", self.id)
    }
}

/// A ticket that was minted.
#[derive(Debug)]
pub struct MintedTicket {
    /// The ticket, for the URL of the stream.
    pub text: SecretString,
    /// Its public id.
    pub id: String,
    /// Until when it has to be used.
    pub use_before: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// A ticket that has opened a stream.
#[derive(Debug)]
pub struct Redeemed {
    /// Who has minted it, with the ticket for the credential.
    pub principal: Principal,
    /// Where the stream goes on: the cursor in the `Last-Event-ID`. `None` at the first use.
    pub cursor: Option<String>,
    /// To be kept as long as the stream, which has to end when its principal is not good any more.
    pub lease: Lease,
}

/// The tickets of a deployment.
pub(crate) struct Tickets {
    registry: Arc<Registry>,
    live: lease::Live,
}

impl Tickets {
    pub fn new(registry: Arc<Registry>) -> Self {
        let live = lease::Live::default();
        Self { registry, live }
    }

    /// Mints a ticket for a principal that was authenticated just now.
    pub async fn mint(
        &self,
        principal: &Principal,
        surface: Surface,
        now: Timestamp,
    ) -> Result<MintedTicket, ManageError> {
        let passes = !matches!(
            principal.credential,
            Credential::Ticket { .. } | Credential::Public
        );
        if !passes || principal.minted_by.len() >= LONGEST_CHAIN {
            return Err(ManageError::NotForThis);
        }
        let longest = now.0.saturating_add(self.registry.limits().ticket_seconds);
        let ends_at = Timestamp(
            principal
                .expires_at
                .map_or(longest, |end| end.0.min(longest)),
        );
        if ends_at <= now {
            return Err(ManageError::Expired);
        }
        let (id, secret) = (random::id()?, random::bytes::<SECRET_BYTES>()?);
        let ticket = kept::Ticket {
            id: id.clone(),
            hash: random::hash(&secret),
            seal: random::bytes()?,
            surface: surface.as_str().to_owned(),
            principal: principal.clone(),
            created_at: now,
            ends_at,
            uses: 0,
        };
        kept::insert(self.registry.records(), ticket, self.registry.limits()).await?;
        Ok(MintedTicket {
            text: format!("{PREFIX}_{id}_{}", random::text(&secret)).into(),
            id,
            use_before: Timestamp(now.0 + FIRST_USE),
            ends_at,
        })
    }

    /// Opens a stream with a ticket. `is_good` says whether what it was minted with is so still.
    pub async fn redeem(
        &self,
        text: &TicketText,
        surface: Surface,
        last_event_id: Option<&str>,
        is_good: impl Fn(&Principal) -> Result<(), AuthFailure>,
        now: Timestamp,
    ) -> Result<Redeemed, AuthFailure> {
        let public = format!("ticket:{}", text.id);
        let wrong = |category| AuthFailure::of(category, public.clone());
        let records = self.registry.records();
        let ticket = kept::find(records, &text.id).await.map_err(not_now)?;
        let ticket = ticket.ok_or_else(|| wrong(Category::Unknown))?;
        let seal = Seal::new(text.id.clone(), &ticket.seal);
        let cursor = judge(&ticket, text, surface, last_event_id, &seal, now).map_err(wrong)?;
        is_good(&ticket.standing())?;
        let used = kept::use_once_more(records, &text.id, cursor.is_none(), now).await;
        let number = used
            .map_err(not_now)?
            .ok_or_else(|| wrong(Category::Used))?;
        Ok(Redeemed {
            principal: principal(ticket, number),
            cursor: cursor.map(str::to_owned),
            lease: self.live.begin(text.id.clone(), number, seal),
        })
    }

    /// Whether a use of a ticket is the newest, as far as this node knows.
    pub fn still_good(&self, principal: &Principal) -> Result<(), EndReason> {
        match &principal.credential {
            Credential::Ticket { id, number } if !self.live.is_current(id, *number) => {
                Err(EndReason::Superseded)
            }
            _ => Ok(()),
        }
    }

    /// Finds out which of the streams here have a newer connection on another node. To be called every two seconds.
    pub async fn poll(&self) -> Result<(), ManageError> {
        let here = self.live.all();
        for some in here.chunks(kept::MOST_ASKED) {
            let ids = some.iter().map(|(id, _)| id.clone()).collect();
            let uses = kept::uses(self.registry.records(), ids).await?;
            for (id, number) in some {
                if uses.get(id) != Some(number) {
                    self.live.end(id, *number);
                }
            }
        }
        Ok(())
    }

    /// Notes which tickets streams live by here, and removes those that have ended. To be called each minute.
    pub async fn tidy(&self, now: Timestamp) -> Result<(), ManageError> {
        let (records, here) = (self.registry.records(), self.live.all());
        for some in here.chunks(kept::MOST_ASKED) {
            let ids = some.iter().map(|(id, _)| id.clone()).collect();
            kept::touch(records, ids, now).await?;
        }
        kept::sweep(records, self.registry.limits(), now).await
    }
}

/// Whether a ticket may be used, and where its stream goes on. Pure.
fn judge<'a>(
    ticket: &kept::Ticket,
    text: &TicketText,
    surface: Surface,
    last_event_id: Option<&'a str>,
    seal: &Seal,
    now: Timestamp,
) -> Result<Option<&'a str>, Category> {
    if !random::are_same(&random::hash(&text.secret), &ticket.hash) {
        return Err(Category::Forged);
    }
    if ticket.surface != surface.as_str() {
        return Err(Category::Surface);
    }
    if ticket.ends_at <= now {
        return Err(Category::Expired);
    }
    match last_event_id {
        None if ticket.uses > 0 => Err(Category::Used),
        None if ticket.created_at.0.saturating_add(FIRST_USE) < now.0 => Err(Category::Late),
        None => Ok(None),
        Some(text) => seal.open(text).map(Some).ok_or(Category::Position),
    }
}

/// The principal of a use of a ticket.
fn principal(ticket: kept::Ticket, number: u64) -> Principal {
    let minted = ticket.principal;
    let minted_by = std::iter::once(minted.credential)
        .chain(minted.minted_by)
        .collect();
    Principal {
        credential: Credential::Ticket {
            id: ticket.id,
            number,
        },
        minted_by,
        expires_at: Some(ticket.ends_at),
        ..minted
    }
}

/// The records do not say.
fn not_now(error: ManageError) -> AuthFailure {
    tracing::warn!(%error, "a ticket could not be looked up");
    AuthFailure::unavailable()
}
