//! What is left of a synchronisation, in the records: a run that is cut off goes on there.

use ring::digest::{SHA256, digest};
use stentor_peer::Window;
use stentor_sql::{Database, Error};

use super::run::Order;

/// Unfinished synchronisations that are remembered; the oldest go first.
const MOST: i64 = 1_000;

/// The place of one synchronisation in the records.
#[derive(Clone)]
pub(crate) struct Journal {
    records: Database,
    task: [u8; 32],
    url: String,
}

impl Journal {
    /// Of a synchronisation, which is told from others by everything that decides what is transferred.
    pub fn new(records: Database, url: &str, order: &Order) -> Self {
        let (filter, private) = (order.filter.to_json(), order.include_private);
        let all = serde_json::json!([url, filter, order.direction, private]);
        Self::of(records, url, &all)
    }

    /// Of the catching up of a mirror.
    pub fn of_mirror(records: Database, name: &str, url: &str, order: &Order) -> Self {
        let (filter, private) = (order.filter.to_json(), order.include_private);
        let all = serde_json::json!([name, url, filter, order.direction, private]);
        Self::of(records, url, &all)
    }

    fn of(records: Database, url: &str, all: &serde_json::Value) -> Self {
        let hash = digest(&SHA256, all.to_string().as_bytes());
        let mut task = [0; 32];
        for (to, from) in task.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        Self {
            records,
            task,
            url: url.to_owned(),
        }
    }

    /// What was left, oldest first, and when the run began that left it; `None` when nothing was begun, or what is written
    /// cannot be read.
    pub async fn load(&self) -> Result<Option<(Vec<Window>, u64)>, Error> {
        let row: Option<(String, i64)> = self
            .records
            .fetch_optional(
                "SELECT windows, at FROM relay_sync_todo WHERE task = ?",
                (self.task,),
            )
            .await?;
        Ok(row.and_then(|(windows, at)| {
            let windows = serde_json::from_str(&windows).ok()?;
            Some((windows, u64::try_from(at).ok()?))
        }))
    }

    /// Writes down what is left by a run that began at `begun`.
    pub async fn save(&self, todo: &[Window], begun: u64) -> Result<(), Error> {
        let windows = serde_json::to_string(todo).unwrap_or_default();
        let (task, url) = (self.task, self.url.clone());
        let at = i64::try_from(begun).unwrap_or(i64::MAX);
        self.records
            .write(move |tx| {
                tx.execute(
                    "INSERT INTO relay_sync_todo (task, url, windows, at) VALUES (?, ?, ?, ?)
                     ON CONFLICT (task) DO UPDATE SET windows = excluded.windows, at = excluded.at",
                    (task, url.clone(), windows.clone(), at),
                )?;
                tx.execute(
                    "DELETE FROM relay_sync_todo WHERE task IN (
                        SELECT task FROM relay_sync_todo ORDER BY at DESC, task LIMIT ? OFFSET ?)",
                    (i64::from(u16::MAX), MOST),
                )?;
                Ok(())
            })
            .await
    }

    /// All is done.
    pub async fn clear(&self) -> Result<(), Error> {
        let task = self.task;
        self.records
            .write(move |tx| {
                tx.execute("DELETE FROM relay_sync_todo WHERE task = ?", (task,))?;
                Ok(())
            })
            .await
    }
}
