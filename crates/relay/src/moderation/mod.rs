//! Moderation (R4.4): events that somebody should look at wait in a queue, until an admin allows or bans them.
//!
//! Two things bring them there: reports (NIP-56), which a reader of the change feed finds ([`reports`]), and rules of the
//! policy whose action is `review`. What is banned leaves the store, live subscriptions never see it again, and every way
//! into the store refuses it.

mod bans;
mod count;
pub(crate) mod queue;
mod reports;
pub(crate) mod suspects;

pub(crate) use bans::{remove_authors, remove_banned, remove_events, stays};
pub(crate) use reports::read_reports;

#[cfg(test)]
mod testing {
    use stentor_sql::{Database, DatabaseConfig};

    use crate::access::Access;

    /// Access lists over records of their own; these last as long as the folder.
    pub(super) async fn opened() -> (Access, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let config = DatabaseConfig {
            path: folder.path().join("records.sqlite"),
            ..DatabaseConfig::default()
        };
        let records = Database::open(&config).await.unwrap();
        (Access::open(records).await.unwrap(), folder)
    }
}
