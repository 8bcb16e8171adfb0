//! How far a mirror has come, in the records.

use stentor_sql::{Database, Error};
use tokio::sync::Mutex;

/// How far a mirror has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached {
    /// What the other relay has from this time on (Unix seconds) has to be made up for.
    pub contact: u64,
    /// Whether the history has been made up for: from then on it is only what comes from there that is missed.
    pub history: bool,
    /// The position in our change feed up to which everything has been sent.
    pub seq: u64,
}

/// The place of a mirror in the records.
pub(super) struct Place {
    records: Database,
    name: String,
    url: String,
    reached: Mutex<Reached>,
}

impl Place {
    /// Finds how far the mirror of this name has come with this relay; `first` when it has never been there.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn open(
        records: Database,
        name: String,
        url: String,
        first: Reached,
    ) -> Result<Self, Error> {
        let row: Option<(i64, bool, i64)> = records
            .fetch_optional(
                "SELECT contact, history, seq FROM relay_sync_mirrors WHERE name = ? AND url = ?",
                (name.clone(), url.clone()),
            )
            .await?;
        let reached = row.map_or(first, |(contact, history, seq)| Reached {
            contact: contact.unsigned_abs(),
            history,
            // A store that was restored from a backup may be behind.
            seq: seq.unsigned_abs().min(first.seq),
        });
        let place = Self {
            records,
            name,
            url,
            reached: Mutex::new(reached),
        };
        if row.is_none() {
            place.update(|_| {}).await?;
        }
        Ok(place)
    }

    /// How far it has come.
    pub async fn reached(&self) -> Reached {
        *self.reached.lock().await
    }

    /// It has come further.
    ///
    /// # Errors
    /// Those of the records; nothing has changed then.
    pub async fn update(&self, change: impl FnOnce(&mut Reached)) -> Result<(), Error> {
        let mut reached = self.reached.lock().await;
        let mut new = *reached;
        change(&mut new);
        let (name, url) = (self.name.clone(), self.url.clone());
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let (contact, history, seq) = (number(new.contact), new.history, number(new.seq));
        self.records
            .write(move |tx| {
                tx.execute(
                    "INSERT INTO relay_sync_mirrors (name, url, contact, history, seq) VALUES (?, ?, ?, ?, ?)
                     ON CONFLICT (name) DO UPDATE SET url = excluded.url, contact = excluded.contact,
                     history = excluded.history, seq = excluded.seq",
                    (name.clone(), url.clone(), contact, history, seq),
                )?;
                Ok::<_, Error>(())
            })
            .await?;
        *reached = new;
        Ok(())
    }
}
