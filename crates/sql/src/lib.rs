//! Records in SQLite or PostgreSQL: bans, members, invites, outboxes, jobs; whatever is looked up and changed in place.
//!
//! The same code runs on both. [`Database::open`] takes a [`DatabaseConfig`]: without a URL the records lie in one SQLite
//! file, with one in PostgreSQL.
//!
//! ```no_run
//! # use stentor_sql::{Database, DatabaseConfig, Error, Migrations, Step};
//! const MIGRATIONS: Migrations = Migrations {
//!     role: "relay",
//!     steps: &[Step::new(1, "bans", "CREATE TABLE relay_bans (pubkey BYTEA PRIMARY KEY, reason TEXT, until BIGINT)")],
//! };
//!
//! # async fn example(key: [u8; 32], now: i64) -> Result<(), Error> {
//! let database = Database::open(&DatabaseConfig::default()).await?;
//! database.migrate(&MIGRATIONS).await?;
//! database
//!     .write(move |tx| {
//!         tx.execute("DELETE FROM relay_bans WHERE until < ?", (now,))?;
//!         tx.execute("INSERT INTO relay_bans VALUES (?, ?, ?)", (key, "spam", None::<i64>))
//!     })
//!     .await?;
//! let bans: Vec<(Vec<u8>, Option<String>)> = database
//!     .fetch_all("SELECT pubkey, reason FROM relay_bans ORDER BY pubkey LIMIT ?", (100,))
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! # One text for both
//!
//! A parameter is written `?`. Types that mean the same in both: `BIGINT`, `TEXT`, `BOOLEAN`, `DOUBLE PRECISION`, and `BYTEA`
//! (SQLite keeps blobs in a column of that name as they are). `INSERT … ON CONFLICT … DO UPDATE`, `RETURNING`, `CAST (… AS
//! BIGINT)`, common table expressions and `LIMIT` agree. Where the dialects do not, [`Sql::Each`] has a text for each.
//!
//! # What holds
//!
//! * `Ok` of [`Database::write`] means durable.
//! * Transactions are serializable on both. The closure is `Fn`: it may run more than once, of which only the last run
//!   leaves a trace in the database, so it must not have effects elsewhere.
//! * A statement that fails ends its transaction, also when the closure goes on and returns `Ok`.
//! * Everything waits for a bounded time only; see [`DatabaseConfig`].

mod backup;
mod config;
mod connection;
mod database;
mod error;
mod integrity;
mod metrics;
mod migrate;
mod params;
mod placeholder;
mod pool;
mod row;
mod session;
mod statement;
mod transaction;
mod value;
mod writer;

#[cfg(feature = "testing")]
pub mod testing;

pub use config::{DatabaseConfig, DatabaseUrl};
pub use database::Database;
pub use error::{ConstraintKind, Error};
pub use migrate::{MigrationError, Migrations, Step};
pub use params::Params;
pub use row::{ColumnIndex, FromRow, Row};
pub use statement::{Dialect, Sql, placeholders};
pub use transaction::Transaction;
pub use value::{FromValue, Value};
