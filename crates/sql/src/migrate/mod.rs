//! Versioned tables. Each role has its own ordered list of steps; what was done is recorded in `stentor_migrations`.

mod plan;

use std::time::Duration;

use crate::{Dialect, Error, Sql, Transaction};

pub use plan::MigrationError;

/// How long one statement of a step may take, and waiting for another node's step.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// One node at a time: an advisory lock of PostgreSQL until the end of the transaction. SQLite has one writer anyway.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7450173622847325299)";

const TABLE: &str = "CREATE TABLE IF NOT EXISTS stentor_migrations (
    role TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum BYTEA NOT NULL,
    PRIMARY KEY (role, version)
)";

/// The tables of a role.
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    /// The role, such as `relay`. Its tables are to begin with this name, so that roles do not collide.
    pub role: &'static str,
    /// Its steps, by ascending version from 1 on. What was once released is never changed, only added to.
    pub steps: &'static [Step],
}

/// A step: statements that are executed in one transaction.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Its number, from 1 on.
    pub version: i64,
    /// A word or two on what it brings.
    pub name: &'static str,
    /// Statements for SQLite, separated by semicolons, without parameters.
    pub sqlite: &'static str,
    /// The same for PostgreSQL.
    pub postgres: &'static str,
}

impl Step {
    /// A step on whose text the dialects agree.
    pub const fn new(version: i64, name: &'static str, text: &'static str) -> Self {
        Self::each(version, name, text, text)
    }

    /// A step with a text for each dialect.
    pub const fn each(
        version: i64,
        name: &'static str,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Self {
        Self {
            version,
            name,
            sqlite,
            postgres,
        }
    }

    fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

impl Migrations {
    /// Checks the list itself.
    ///
    /// # Errors
    /// [`MigrationError::Order`] when the versions are not 1, 2, 3 …
    pub fn check(&self) -> Result<(), MigrationError> {
        plan::check_order(self)
    }
}

/// Does the next step that is missing, if any, and records it.
pub(crate) fn apply_next(
    tx: &mut Transaction<'_>,
    migrations: &Migrations,
) -> Result<Option<Step>, Error> {
    let dialect = tx.dialect();
    tx.allow(PATIENCE);
    if dialect == Dialect::Postgres {
        let millis = PATIENCE.as_millis();
        tx.script(&format!(
            "SET LOCAL statement_timeout = {millis}; SET LOCAL lock_timeout = {millis}"
        ))?;
        tx.script(LOCK)?;
    }
    tx.script(TABLE)?;
    let done = tx.fetch_all(
        "SELECT version, name, checksum FROM stentor_migrations WHERE role = ? ORDER BY version",
        (migrations.role,),
    )?;
    let Some(step) = plan::next(migrations, dialect, &done)? else {
        return Ok(None);
    };
    tx.script(step.text(dialect))?;
    let record = (
        migrations.role,
        step.version,
        step.name,
        plan::checksum(&step, dialect),
    );
    tx.execute(
        Sql::Both(
            "INSERT INTO stentor_migrations (role, version, name, checksum) VALUES (?, ?, ?, ?)",
        ),
        record,
    )?;
    Ok(Some(step))
}
