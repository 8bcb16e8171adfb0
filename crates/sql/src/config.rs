//! The configuration of the records.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;
use crate::connection::postgres_address::PostgresAddress;

/// Where records are kept, and how long and how much is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// The SQLite file, unless there is a URL. A relative path is below the data folder.
    pub path: PathBuf,
    /// A `postgres://user:password@host:port/database` URL: records are in PostgreSQL. It may hold `sslmode` and
    /// `sslrootcert`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub url: Option<DatabaseUrl>,
    /// A file that holds the URL, instead of `url`. It is read for each new connection, so a password can be changed there.
    pub url_file: Option<PathBuf>,
    /// SQLite: connections for reading, beside the one that writes. PostgreSQL: all connections of this node.
    #[schemars(range(min = 1, max = 1000))]
    pub connections: u32,
    /// Milliseconds to wait for a free connection or for a place in the queue of transactions.
    #[schemars(range(min = 1, max = 600_000))]
    pub acquire_ms: u64,
    /// Milliseconds in which PostgreSQL must accept a connection.
    #[schemars(range(min = 1, max = 600_000))]
    pub connect_ms: u64,
    /// Milliseconds to wait for what another process or transaction has locked.
    #[schemars(range(min = 1, max = 600_000))]
    pub busy_ms: u64,
    /// Milliseconds that one statement may take.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub statement_ms: u64,
    /// Rows of one answer; a query that has more fails.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub rows: usize,
    /// SQLite: transactions that wait for the writer; more wait outside for `acquire_ms`.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub queue: usize,
    /// SQLite: most transactions joined into one durable commit.
    #[schemars(range(min = 1, max = 65_536))]
    pub joined: usize,
    /// SQLite: microseconds that a commit waits for more transactions to join when none is waiting. 0: it does not wait;
    /// what comes while one commit is made durable joins the next one anyway.
    #[schemars(range(max = 100_000))]
    pub linger_us: u64,
    /// PostgreSQL: how often a transaction is tried that conflicts with others.
    #[schemars(range(min = 1, max = 1_000))]
    pub attempts: u32,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            path: "records.sqlite".into(),
            url: None,
            url_file: None,
            connections: 8,
            acquire_ms: 5_000,
            connect_ms: 5_000,
            busy_ms: 5_000,
            statement_ms: 10_000,
            rows: 100_000,
            queue: 4_096,
            joined: 512,
            linger_us: 0,
            attempts: 20,
        }
    }
}

impl DatabaseConfig {
    /// Checks every value that its type alone does not.
    ///
    /// # Errors
    /// [`Error::Config`] with the first value out of range.
    pub fn check(&self) -> Result<(), Error> {
        let ranges = [
            ("connections", u64::from(self.connections), 1..=1_000),
            ("acquire_ms", self.acquire_ms, 1..=600_000),
            ("connect_ms", self.connect_ms, 1..=600_000),
            ("busy_ms", self.busy_ms, 1..=600_000),
            ("statement_ms", self.statement_ms, 1..=3_600_000),
            ("rows", self.rows as u64, 1..=10_000_000),
            ("queue", self.queue as u64, 1..=1 << 20),
            ("joined", self.joined as u64, 1..=65_536),
            ("linger_us", self.linger_us, 0..=100_000),
            ("attempts", u64::from(self.attempts), 1..=1_000),
        ];
        for (key, value, range) in ranges {
            if !range.contains(&value) {
                return Err(Error::config(
                    key,
                    format!(
                        "{value} is not between {} and {}",
                        range.start(),
                        range.end()
                    ),
                ));
            }
        }
        if self.url.is_some() && self.url_file.is_some() {
            return Err(Error::config("url_file", "there is a url already"));
        }
        Ok(())
    }

    /// Checks the URL, read from its file if it is in one.
    ///
    /// # Errors
    /// [`Error::Config`] when it is none, or the file cannot be read.
    pub fn check_url(&self) -> Result<(), Error> {
        PostgresAddress::of(self).map(drop)
    }

    pub(crate) fn acquire(&self) -> Duration {
        Duration::from_millis(self.acquire_ms)
    }

    pub(crate) fn busy(&self) -> Duration {
        Duration::from_millis(self.busy_ms)
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            statement: Duration::from_millis(self.statement_ms),
            rows: self.rows,
        }
    }
}

/// What one statement may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Time.
    pub statement: Duration,
    /// Rows of its answer.
    pub rows: usize,
}

/// A URL with a password in it. It is never shown.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// Hides this URL.
    pub fn new(url: String) -> Self {
        Self(url.into())
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl PartialEq for DatabaseUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(secret)")
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range() {
        DatabaseConfig::default().check().unwrap();
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let config = DatabaseConfig {
            joined: 0,
            ..DatabaseConfig::default()
        };
        let error = config.check().unwrap_err();
        assert!(matches!(&error, Error::Config { key, .. } if *key == "joined"));
        let url = Some(DatabaseUrl::new("postgres://a".into()));
        let url_file = Some("b".into());
        let twice = DatabaseConfig {
            url,
            url_file,
            ..DatabaseConfig::default()
        };
        let error = twice.check().unwrap_err();
        assert!(matches!(&error, Error::Config { key, .. } if *key == "url_file"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<DatabaseConfig>(r#"{"conections":3}"#).is_err());
        let config: DatabaseConfig = serde_json::from_str(r#"{"connections":3}"#).unwrap();
        assert_eq!(config.connections, 3);
    }

    #[test]
    fn the_url_is_not_shown() {
        let config: DatabaseConfig =
            serde_json::from_str(r#"{"url":"postgres://me:hunter2@localhost/db"}"#).unwrap();
        assert!(config.url.as_ref().unwrap().expose().contains("hunter2"));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!serde_json::to_string(&config).unwrap().contains("hunter2"));
    }
}
