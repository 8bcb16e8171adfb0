//! NEG-OPEN and NEG-MSG (NIP-77).

use std::io;

use negentropy::{Error, Id, Negentropy, NegentropyStorageVector};
use stentor_event::{Event, Filter, SubscriptionId, relay_message};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Asked;
use super::connection::{Connection, MAX_SETS};
use crate::manners::{Reads, Reconciling};

/// Bytes of an answer before it is written as hex.
const FRAME: u64 = 60_000;

/// The version and no range at all: nothing is left to tell.
const AGREED: [u8; 1] = [0x61];

/// One side of a reconciliation.
pub(super) type Set = Negentropy<'static, NegentropyStorageVector>;

/// Why there is no set.
enum NoSet {
    TooMany(usize),
    Fault(Error),
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    pub(super) async fn neg_open(
        &mut self,
        sub: SubscriptionId,
        filter: Filter,
        message: &[u8],
    ) -> io::Result<()> {
        self.shared
            .log
            .ask(self.number, Asked::NegOpen(filter.clone()));
        let manners = *self.shared.manners();
        match (manners.reads, manners.reconciling) {
            (Reads::Mute, _) => return Ok(()),
            (Reads::HangUp, _) => return Err(io::ErrorKind::ConnectionAborted.into()),
            (_, Reconciling::No) => return self.notice("unsupported: NEG-OPEN").await,
            (_, Reconciling::Agreeing) => {
                let mut text = Vec::new();
                relay_message::neg_msg(&mut text, &sub, &AGREED);
                return self.say(text).await;
            }
            _ => {}
        }
        match self.gather(&filter) {
            Ok(set) => {
                self.sets.retain(|(other, _)| *other != sub);
                if self.sets.len() == MAX_SETS {
                    self.sets.pop_front();
                }
                self.sets.push_back((sub.clone(), set));
                self.neg_msg(sub, message).await
            }
            Err(NoSet::TooMany(most)) => {
                let reason = "blocked: too many query results";
                self.neg_err(&sub, reason, Some(most as u64)).await
            }
            Err(NoSet::Fault(error)) => {
                let reason = format!("error: {error}");
                self.neg_err(&sub, &reason, None).await
            }
        }
    }

    pub(super) async fn neg_msg(&mut self, sub: SubscriptionId, message: &[u8]) -> io::Result<()> {
        let mut sets = self.sets.iter_mut();
        let Some((_, set)) = sets.find(|(other, _)| *other == sub) else {
            return self.neg_err(&sub, "closed: not open", None).await;
        };
        match set.reconcile(message) {
            Ok(answer) => {
                let mut text = Vec::new();
                relay_message::neg_msg(&mut text, &sub, &answer);
                self.say(text).await
            }
            Err(error) => {
                let reason = format!("invalid: {error}");
                self.neg_err(&sub, &reason, None).await
            }
        }
    }

    fn gather(&self, filter: &Filter) -> Result<Set, NoSet> {
        let holdings = self.shared.holdings.read();
        let matching: Vec<&Event> = match self.shared.manners().reconciling {
            Reconciling::Lying => Vec::new(),
            _ => holdings.matching(filter).collect(),
        };
        match self.shared.manners().reconciling {
            Reconciling::Limited(most) if matching.len() > most => Err(NoSet::TooMany(most)),
            _ => set(&matching).map_err(NoSet::Fault),
        }
    }

    async fn neg_err(
        &mut self,
        sub: &SubscriptionId,
        reason: &str,
        most: Option<u64>,
    ) -> io::Result<()> {
        let mut text = Vec::new();
        relay_message::neg_err(&mut text, sub, reason, most);
        self.say(text).await
    }
}

fn set(events: &[&Event]) -> Result<Set, Error> {
    let mut items = NegentropyStorageVector::with_capacity(events.len());
    for event in events {
        let id = Id::from_byte_array(event.id().0);
        items.insert(event.created_at().0, id)?;
    }
    items.seal()?;
    Negentropy::owned(items, FRAME)
}
