//! A copy of the SQLite file as of one moment, while it is being written.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::config::Limits;
use crate::connection::sqlite::{PATIENCE, SqliteAddress, make_private};
use crate::pool::Address;
use crate::{Database, Error, Sql, Value};

impl Database {
    /// Copies the records as of one moment into a new file, which is complete and durable when this returns. Writers go on
    /// meanwhile. The time of one statement does not bound it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on PostgreSQL, whose tool is `pg_dump`; [`Error::Io`] when there is such a file already or it
    /// cannot be made; [`Error::Full`].
    pub async fn backup(&self, to: &Path) -> Result<(), Error> {
        let Address::Sqlite(address) = self.address() else {
            return Err(Error::Unsupported(
                "records in PostgreSQL are backed up with pg_dump",
            ));
        };
        if to.exists() {
            return Err(io("writing", to)("it exists already".to_owned()));
        }
        let mut unfinished = to.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        // Of an earlier attempt that was cut off.
        let _ = std::fs::remove_file(&unfinished);
        let result = copy(address, &unfinished).await;
        let (from, to) = (unfinished.clone(), to.to_owned());
        let result = match result {
            Ok(()) => tokio::task::spawn_blocking(move || settle(&from, &to))
                .await
                .unwrap_or(Err(Error::Closed)),
            Err(error) => Err(error),
        };
        if result.is_err() {
            let _ = std::fs::remove_file(&unfinished);
        }
        result
    }
}

async fn copy(address: &SqliteAddress, to: &Path) -> Result<(), Error> {
    let Some(name) = to.to_str() else {
        return Err(io("writing", to)("its name is not UTF-8".to_owned()));
    };
    make_private(to)
        .map_err(|error| error.to_string())
        .map_err(io("making", to))?;
    let mut link = address.copier().await?;
    let limits = Limits {
        statement: PATIENCE,
        rows: 0,
    };
    let name = Value::Text(name.to_owned());
    let result = link
        .execute(&Sql::Both("VACUUM INTO ?"), &[name], limits)
        .await;
    link.close().await;
    result.map(drop)
}

/// Syncs the file, gives it its name and syncs that.
fn settle(from: &Path, to: &Path) -> Result<(), Error> {
    let text = |error: std::io::Error| error.to_string();
    let file = File::open(from)
        .map_err(text)
        .map_err(io("opening", from))?;
    file.sync_all().map_err(text).map_err(io("syncing", from))?;
    std::fs::rename(from, to)
        .map_err(text)
        .map_err(io("naming", to))?;
    let folder = match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder_file = File::open(folder)
        .map_err(text)
        .map_err(io("opening", folder))?;
    folder_file
        .sync_all()
        .map_err(text)
        .map_err(io("syncing", folder))
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(String) -> Error {
    let path = path.display().to_string();
    move |message| Error::Io {
        action,
        path,
        message,
    }
}
