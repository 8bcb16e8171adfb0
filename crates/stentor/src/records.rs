//! The records of whoever does a job: those of the running node, or opened when a job first needs them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use stentor_relay::access::Access;
use stentor_sql::{Database, Dialect};
use tokio::sync::OnceCell;

use crate::config::Config;
use crate::layout::Layout;

/// The records, and the access lists in them.
pub struct Records {
    open: OnceCell<Arc<Access>>,
    layout: Layout,
    config: Config,
}

impl Records {
    /// Those of a node that runs.
    pub fn of_node(access: &Arc<Access>, layout: &Layout, config: &Config) -> Self {
        Self {
            open: OnceCell::from(Arc::clone(access)),
            ..Self::unopened(layout, config)
        }
    }

    /// To be opened when they are needed.
    pub fn unopened(layout: &Layout, config: &Config) -> Self {
        Self {
            open: OnceCell::new(),
            layout: layout.clone(),
            config: config.clone(),
        }
    }

    /// The access lists; opens the records for them.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn access(&self) -> anyhow::Result<Arc<Access>> {
        let open = || async {
            let records = open(&self.layout, &self.config).await?;
            let access = Access::open(records).await;
            Ok::<_, anyhow::Error>(Arc::new(access.context("reading the access lists")?))
        };
        self.open.get_or_try_init(open).await.cloned()
    }

    /// The access lists, unless there are no records yet: then nothing is banned.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn existing(&self) -> anyhow::Result<Option<Arc<Access>>> {
        let config = located(&self.layout, &self.config);
        let somewhere = config.url.is_some() || config.url_file.is_some() || config.path.exists();
        match somewhere || self.open.initialized() {
            true => self.access().await.map(Some),
            false => Ok(None),
        }
    }

    /// Copies the records into a data folder. Those in PostgreSQL are not copied: `pg_dump` is the tool for them.
    ///
    /// # Errors
    /// Those of the database. `false`: there is nothing to copy here.
    pub async fn backup(&self, to: &Path) -> anyhow::Result<bool> {
        let Some(access) = self.existing().await? else {
            return Ok(false);
        };
        if access.records().dialect() == Dialect::Postgres {
            return Ok(false);
        }
        let name = self.config.records.path.file_name();
        let copy = to.join(name.unwrap_or("records.sqlite".as_ref()));
        let copied = access.records().backup(&copy).await;
        copied.context("copying the records")?;
        Ok(true)
    }

    /// Closes what was opened here.
    pub async fn close(&self) {
        if let Some(access) = self.open.get() {
            access.records().close().await;
        }
    }
}

/// Opens the records; a relative path is below the data folder.
///
/// # Errors
/// Those of the database.
pub async fn open(layout: &Layout, config: &Config) -> anyhow::Result<Database> {
    let records = located(layout, config);
    Database::open(&records)
        .await
        .context("opening the records")
}

/// The file of records that are in SQLite.
pub fn file(layout: &Layout, config: &Config) -> PathBuf {
    layout.root().join(&config.records.path)
}

/// The configuration of the records with absolute paths.
pub fn located(layout: &Layout, config: &Config) -> stentor_sql::DatabaseConfig {
    let mut records = config.records.clone();
    records.path = file(layout, config);
    records.url_file = records.url_file.map(|file| layout.root().join(file));
    records
}
