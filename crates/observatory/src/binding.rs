//! The records belong to one archive: who holds what, what is covered and what was counted is told by the numbers that its store gives to
//! events.
//!
//! So a second node on the same records with an archive of its own, or a new archive beside old records, would mix the two up without
//! anybody noticing. The store is known by a hash that only it can make, and that copies of it make too: a backup stays bound.

use stentor_event::PublicKey;
use stentor_sql::{Database, Transaction};
use stentor_store::EventStore;

use crate::error::Error;
use crate::table::{Cursor, cursor_in, set_cursor};

/// Where it is written down.
const NAME: &str = "archive.store";

/// What is told by an archive's numbers.
const OF_ARCHIVE: [&str; 17] = [
    "DELETE FROM observatory_filters",
    "DELETE FROM observatory_coverage",
    "DELETE FROM observatory_archiving",
    "DELETE FROM observatory_holdings",
    "DELETE FROM observatory_seen",
    "DELETE FROM observatory_copies",
    "DELETE FROM observatory_kinds",
    "DELETE FROM observatory_authors",
    "DELETE FROM observatory_active",
    "DELETE FROM observatory_relay_counts",
    "DELETE FROM observatory_replication",
    "DELETE FROM observatory_latency",
    "DELETE FROM observatory_new_authors",
    "DELETE FROM observatory_counted",
    "DELETE FROM observatory_lists",
    "DELETE FROM observatory_list_urls",
    "DELETE FROM observatory_list_heads",
];
/// How far it has been read.
const READERS: &str = "DELETE FROM observatory_cursors WHERE name IN ('archive.store', 'statistics', 'discover.events.archive')";

/// Binds the records to this archive, or finds that they are bound to it.
///
/// # Errors
/// [`Error::Invalid`] when they belong to another one; those of the records.
pub(crate) async fn bind(
    records: &Database,
    archive: &dyn EventStore,
    now_ms: u64,
) -> Result<(), Error> {
    let ours = name(archive);
    let written = ours.clone();
    let bound = records.write(move |tx| {
        if let Some(bound) = cursor_in(tx, NAME)?.note {
            return Ok(bound);
        }
        let cursor = Cursor {
            place: 0,
            note: Some(written.clone()),
        };
        set_cursor(tx, NAME, &cursor, now_ms)?;
        Ok::<_, stentor_sql::Error>(written.clone())
    });
    if bound.await? == ours {
        return Ok(());
    }
    Err(Error::Invalid(
        "the records belong to the archive of another node, or to one that was here before: give this observatory records of its own, \
         bring that archive back, or have the records forget it (`stentor db forget-archive`)"
            .to_owned(),
    ))
}

/// What a store is known by.
fn name(archive: &dyn EventStore) -> String {
    format!("{:016x}", archive.party_tag(&PublicKey([0; 32])).0)
}

/// Forgets everything that the records say of an archive, so that another can be begun. Relays, checks and watches stay.
pub(crate) fn forget(tx: &mut Transaction<'_>) -> Result<(), stentor_sql::Error> {
    for sql in OF_ARCHIVE {
        tx.execute(sql, ())?;
    }
    tx.execute(READERS, ())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use stentor_sql::both_engines;
    use stentor_sql::testing::House;
    use stentor_store::embedded::{Options, Store};

    use super::*;

    async fn o3_8_records_belong_to_one_archive_until_they_forget_it(house: House) {
        let records = house.open().await;
        records.migrate(&crate::schema::MIGRATIONS).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let open = |name| Store::open(&folder.path().join(name), Options::default()).unwrap();
        let (one, other) = (open("one"), open("other"));
        bind(&records, &one, 1).await.unwrap();
        let refused = bind(&records, &other, 2).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        // Opened again, it is the same.
        drop(one);
        bind(&records, &open("one"), 3).await.unwrap();

        let counted = "INSERT INTO observatory_replication (copies, events) VALUES (1, 5)";
        let written = records.write(move |tx| tx.execute(counted, ()));
        written.await.unwrap();
        records.write(forget).await.unwrap();
        let left = "SELECT COUNT(*) FROM observatory_replication";
        let (left,): (i64,) = records.fetch_one(left, ()).await.unwrap();
        assert_eq!(left, 0);
        bind(&records, &other, 4).await.unwrap();
    }

    both_engines!(o3_8_records_belong_to_one_archive_until_they_forget_it);

    #[test]
    fn o3_8_of_each_table_it_is_known_whether_it_is_of_the_archive() {
        let schema = include_str!("schema.rs");
        let tables = schema.split("CREATE TABLE ").skip(1);
        let tables: BTreeSet<&str> = tables.filter_map(|rest| rest.split(' ').next()).collect();
        let of_archive = OF_ARCHIVE.map(|sql| sql.trim_start_matches("DELETE FROM "));
        let others = [
            "observatory_relays",
            "observatory_nips",
            "observatory_mentions",
            "observatory_cursors",
            "observatory_checks",
            "observatory_days",
            "observatory_documents",
            "observatory_changes",
            "observatory_published",
            "observatory_watches",
            "observatory_messages",
            "observatory_outcomes",
        ];
        let known: BTreeSet<&str> = of_archive.into_iter().chain(others).collect();
        assert_eq!(tables, known);
    }
}
