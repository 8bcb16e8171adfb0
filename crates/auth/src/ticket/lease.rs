//! One connection at a time for each ticket: the newest.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::seal::Seal;
use crate::metrics;

/// The ticket streams that are connected to this node.
#[derive(Clone, Default)]
pub(super) struct Live(Arc<Mutex<HashMap<String, Use>>>);

/// The connection of a ticket.
struct Use {
    /// The how many-eth use of the ticket it is.
    number: u64,
    /// Whether a newer one is on another node, or the ticket is gone.
    is_over: bool,
}

/// The right of one connection to be its ticket's stream, for as long as this lives and no newer connection comes. Nothing of it is
/// in the records: a node that dies leaves nothing behind that could lock its clients out.
#[derive(Debug)]
pub struct Lease {
    id: String,
    number: u64,
    seal: Seal,
    live: Live,
}

impl Live {
    /// A new connection. Whatever connection of the same ticket there is has ended with that.
    pub fn begin(&self, id: String, number: u64, seal: Seal) -> Lease {
        let mut uses = self.0.lock();
        let newer = uses.get(&id).is_some_and(|known| known.number > number);
        if !newer {
            let is_over = false;
            uses.insert(id.clone(), Use { number, is_over });
        }
        metrics::tickets(uses.len());
        let live = self.clone();
        Lease {
            id,
            number,
            seal,
            live,
        }
    }

    /// Whether this use is the newest.
    pub fn is_current(&self, id: &str, number: u64) -> bool {
        let uses = self.0.lock();
        uses.get(id)
            .is_some_and(|own| own.number == number && !own.is_over)
    }

    /// All of them: ids, and the number of the use.
    pub fn all(&self) -> Vec<(String, u64)> {
        let uses = self.0.lock();
        let going = uses.iter().filter(|(_, own)| !own.is_over);
        going.map(|(id, own)| (id.clone(), own.number)).collect()
    }

    /// This use is over: a newer one is elsewhere.
    pub fn end(&self, id: &str, number: u64) {
        if let Some(own) = self.0.lock().get_mut(id).filter(|own| own.number == number) {
            own.is_over = true;
        }
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Live({})", self.0.lock().len())
    }
}

impl Lease {
    /// What marks the cursors of this stream.
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// The public id of the ticket.
    pub fn ticket(&self) -> &str {
        &self.id
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut uses = self.live.0.lock();
        if uses
            .get(&self.id)
            .is_some_and(|own| own.number == self.number)
        {
            uses.remove(&self.id);
        }
        metrics::tickets(uses.len());
    }
}
