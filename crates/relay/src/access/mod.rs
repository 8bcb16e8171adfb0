//! Access: who is a member, who and what is banned or allowed (R3), as admins and members have left it.
//!
//! The records (`stentor-sql`) are the truth. [`Lists`] is the whole of it in memory, replaced as a whole after each
//! change; every event and every connection is judged against the newest. Changes are made one after the other: in the
//! records first, with their line in the audit log in the same transaction, then in memory.

pub(crate) mod audit;
mod change;
mod error;
mod invites;
mod lists;
mod load;
mod roles;
mod schema;
mod tokens;

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use stentor_sql::Database;
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::moderation::queue;
use crate::moderation::suspects::Suspects;

pub use audit::{Actor, AuditEntry};
pub use change::Change;
pub use error::AccessError;
pub use invites::{Invite, Joined, NewInvite};
pub use lists::{Lists, Member};
pub use roles::Role;
pub use tokens::UsedTokens;

/// The access lists and the records behind them.
pub struct Access {
    records: Database,
    lists: ArcSwap<Lists>,
    /// One change at a time, so that memory follows the records in order.
    changing: Mutex<()>,
    /// Tells of every change.
    changes: watch::Sender<u64>,
    /// Events that wait for moderation.
    suspects: Arc<Suspects>,
}

impl Access {
    /// Brings the tables up to date and reads the lists.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open(records: Database) -> Result<Self, AccessError> {
        records.migrate(&schema::MIGRATIONS).await?;
        let lists = load::lists(&records).await?;
        let waiting = queue::list(&records, usize::from(u16::MAX)).await?;
        let suspects = Suspects::new(waiting.into_iter().map(|waiting| waiting.id));
        Ok(Self {
            suspects: Arc::new(suspects),
            records,
            lists: ArcSwap::from_pointee(lists),
            changing: Mutex::new(()),
            changes: watch::Sender::new(0),
        })
    }

    /// The lists of this moment.
    pub fn lists(&self) -> Guard<Arc<Lists>> {
        self.lists.load()
    }

    /// The database behind the lists.
    pub fn records(&self) -> &Database {
        &self.records
    }

    /// The events that wait for moderation.
    pub(crate) fn suspects(&self) -> &Arc<Suspects> {
        &self.suspects
    }

    /// What remembers which tokens of NIP-98 have been used.
    pub fn used_tokens(&self) -> UsedTokens {
        UsedTokens::new(self.records.clone())
    }

    /// A receiver that wakes up after every change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Lets nobody change the lists until what this gives is dropped: for a copy of lists and events as of one moment.
    pub async fn hold(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Makes a change, with its line in the audit log. `true` when it made a difference.
    ///
    /// # Errors
    /// [`AccessError`]; nothing has changed then.
    pub async fn apply(&self, change: Change, by: &Actor, now: u64) -> Result<bool, AccessError> {
        let _turn = self.changing.lock().await;
        change.check(&self.lists())?;
        let (own, actor) = (change.clone(), by.clone());
        self.records
            .write(move |tx| {
                own.write(tx, now)?;
                audit::note(tx, &actor, own.method(), &own.params(), "ok", now)
            })
            .await?;
        if let Change::BanEvent(id, _) | Change::AllowEvent(id, _) = &change {
            self.suspects.remove(id);
        }
        Ok(self.update(|lists| change.make(lists)))
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
