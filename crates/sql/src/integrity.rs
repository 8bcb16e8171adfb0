//! Whether what lies on the disk is whole.

use crate::config::Limits;
use crate::connection::sqlite::{PATIENCE, SqliteAddress};
use crate::pool::Address;
use crate::row::FromRow;
use crate::{Database, Error, Sql};

/// Faults that SQLite tells one by one.
const MOST: usize = 100;

impl Database {
    /// Reads the whole SQLite file and tells what is wrong with it, at most a hundred faults; it is written to meanwhile as
    /// ever. `None` on PostgreSQL, which looks after its own files (`pg_amcheck`).
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub async fn integrity(&self) -> Result<Option<Vec<String>>, Error> {
        match self.address() {
            Address::Sqlite(address) => faults(address).await.map(Some),
            Address::Postgres(_) => Ok(None),
        }
    }
}

async fn faults(address: &SqliteAddress) -> Result<Vec<String>, Error> {
    let limits = Limits {
        statement: PATIENCE,
        rows: MOST,
    };
    let mut link = address.copier().await?;
    let text = Sql::Both("SELECT integrity_check FROM pragma_integrity_check");
    let rows = link.fetch(&text, &[], limits).await;
    link.close().await;
    let lines = rows?.into_iter().map(<(String,)>::from_row);
    let lines: Vec<(String,)> = lines.collect::<Result<_, _>>()?;
    let faults = lines.into_iter().map(|(line,)| line);
    Ok(faults.filter(|line| line != "ok").collect())
}
