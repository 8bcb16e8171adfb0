//! Access: who is a member, who and what is banned or allowed (R3), as admins and members have left it.
//!
//! The records (`stentor-sql`) are the truth. [`Lists`] is the whole of it in memory, replaced as a whole after each
//! change; every event and every connection is judged against the newest. Changes are made one after the other: in the
//! records first, with their line in the audit log and what the bus is told of it (`told.rs`) in the same transaction, then in memory. Each is made to its end, also
//! when who asked for it has gone ([`to_the_end`]): what is written down must be in force.

pub(crate) mod audit;
mod blocked;
mod change;
mod error;
mod invites;
mod lists;
pub(crate) mod load;
mod roles;
mod schema;
mod tokens;
pub(crate) mod told;

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use stentor_bus::{Draft, append};
use stentor_sql::Database;
use stentor_trace::InTrace;
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::moderation::suspects::Suspects;

pub use audit::{Actor, AuditEntry};
pub use blocked::Blocked;
pub use change::Change;
pub use error::AccessError;
pub use invites::{Invite, Joined, NewInvite};
pub use lists::{Lists, Member};
pub use roles::Role;
pub use tokens::UsedTokens;

/// The access lists and the records behind them.
pub struct Access {
    shared: Arc<Shared>,
}

/// What a change works with.
struct Shared {
    records: Database,
    lists: ArcSwap<Lists>,
    /// One change at a time, so that memory follows the records in order.
    changing: Mutex<()>,
    /// Tells of every change.
    changes: watch::Sender<u64>,
    /// Events that search takes for spam, as they wait for moderation.
    suspects: Arc<Suspects>,
    log: audit::Log,
}

impl Access {
    /// Brings the tables up to date and reads the lists.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open(records: Database) -> Result<Self, AccessError> {
        records.migrate(&schema::MIGRATIONS).await?;
        stentor_bus::migrate(&records).await?;
        let (lists, suspects) = load::everything(&records).await?;
        let shared = Shared {
            suspects: Arc::new(Suspects::new(suspects)),
            log: audit::Log::new(records.clone()),
            records,
            lists: ArcSwap::from_pointee(lists),
            changing: Mutex::new(()),
            changes: watch::Sender::new(0),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The lists of this moment.
    pub fn lists(&self) -> Guard<Arc<Lists>> {
        self.shared.lists.load()
    }

    /// The database behind the lists.
    pub fn records(&self) -> &Database {
        &self.shared.records
    }

    /// Events that search takes for spam, as they wait for moderation.
    pub(crate) fn suspects(&self) -> &Arc<Suspects> {
        &self.shared.suspects
    }

    /// The audit log.
    pub(crate) fn log(&self) -> &audit::Log {
        &self.shared.log
    }

    /// What remembers which tokens of NIP-98 have been used.
    pub fn used_tokens(&self) -> UsedTokens {
        UsedTokens::new(self.records().clone())
    }

    /// A receiver that wakes up after every change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Lets nobody change the lists until what this gives is dropped: for a copy of lists and events as of one moment.
    pub async fn hold(&self) -> MutexGuard<'_, ()> {
        self.shared.changing.lock().await
    }

    /// Makes a change, with its line in the audit log. `true` when it made a difference. Once it has begun it is made,
    /// whether or not somebody waits for it.
    ///
    /// # Errors
    /// [`AccessError`]; nothing has changed then, but for [`AccessError::Interrupted`].
    pub async fn apply(&self, change: Change, by: &Actor, now: u64) -> Result<bool, AccessError> {
        let (shared, by) = (Arc::clone(&self.shared), by.clone());
        to_the_end(async move { shared.apply(change, &by, now).await }).await
    }
}

impl Shared {
    async fn apply(&self, change: Change, by: &Actor, now: u64) -> Result<bool, AccessError> {
        let _turn = self.changing.lock().await;
        change.check(&self.lists.load())?;
        let own = change.clone();
        let told = self.told_of(&change, by);
        let entry = self
            .log
            .entry(by, change.method(), &change.params(), "ok", now);
        self.records
            .write(move |tx| {
                own.write(tx, now)?;
                append(tx, &told, now * 1_000)?;
                Ok::<_, AccessError>(entry.write(tx)?)
            })
            .await?;
        if let Change::BanEvent(id, _) | Change::AllowEvent(id, _) = &change {
            self.suspects.remove(id);
        }
        Ok(self.update(|lists| change.make(lists)))
    }

    /// What the bus is told of a change: nothing, when it makes no difference. A word about an event does, as it is taken from
    /// the moderation queue.
    fn told_of(&self, change: &Change, by: &Actor) -> Vec<Draft> {
        let before = self.lists.load();
        let mut after = Lists::clone(&before);
        change.make(&mut after);
        if after == **before && !matches!(change, Change::AllowEvent(..)) {
            return Vec::new();
        }
        change.told(&before, by)
    }

    /// Changes the lists in memory; `true` when that made a difference.
    fn update(&self, change: impl FnOnce(&mut Lists)) -> bool {
        let before = self.lists.load_full();
        let mut lists = Lists::clone(&before);
        change(&mut lists);
        let differs = lists != *before;
        if differs {
            self.lists.store(Arc::new(lists));
            self.changes.send_modify(|version| *version += 1);
        }
        differs
    }
}

/// Does what must not stop halfway, also when who waits for it goes away: a connection that ends drops what it waits for,
/// but not what it has begun by this.
///
/// # Errors
/// Those of the work; [`AccessError::Interrupted`] when it has panicked or the program ends.
pub(crate) async fn to_the_end<T, E>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<AccessError> + Send + 'static,
{
    tokio::spawn(InTrace::same(work))
        .await
        .unwrap_or_else(|error| {
            tracing::error!(%error, "a change of the access lists was interrupted");
            Err(AccessError::Interrupted.into())
        })
}

#[cfg(test)]
mod tests;
