//! How to reach a PostgreSQL server.

use std::borrow::Cow;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Executor, PgConnection};
use tokio::time::timeout;
use url::Url;

use super::postgres_error;
use crate::{DatabaseConfig, DatabaseUrl, Error};

/// The parameters that a URL may have: those that sqlx knows. It tells others with their values in the log, and goes on without
/// them.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Where the server is, and how a connection to it begins.
#[derive(Clone)]
pub(crate) struct PostgresAddress {
    place: Place,
    connect: Duration,
    session: String,
}

/// Where the URL is from.
#[derive(Clone)]
enum Place {
    /// The configuration.
    Url(DatabaseUrl),
    /// A file, read for each connection: a password may change while the program runs.
    File(PathBuf),
}

impl PostgresAddress {
    /// That of the configuration; `None` when it is not PostgreSQL that it names. The URL is looked at.
    ///
    /// # Errors
    /// [`Error::Config`] when the URL is none, or its file cannot be read. It does not repeat it.
    pub fn of(config: &DatabaseConfig) -> Result<Option<Self>, Error> {
        let place = match (&config.url, &config.url_file) {
            (_, Some(file)) => Place::File(file.clone()),
            (Some(url), None) => Place::Url(url.clone()),
            (None, None) => return Ok(None),
        };
        place.options()?;
        // Transactions that write say so. What is left open by a node that hangs is not left locked for ever.
        let session = format!(
            "SET default_transaction_read_only = on; SET statement_timeout = {statement}; SET lock_timeout = {busy}; \
             SET idle_in_transaction_session_timeout = {idle}",
            statement = config.statement_ms,
            busy = config.busy_ms,
            idle = config.statement_ms.saturating_mul(6),
        );
        Ok(Some(Self {
            place,
            connect: Duration::from_millis(config.connect_ms),
            session,
        }))
    }

    /// A new connection.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none in time; also when the URL's file cannot be used now, as that may pass.
    pub async fn connect(&self) -> Result<PgConnection, Error> {
        let options = self
            .place
            .options()
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        let connecting = async {
            let mut inner = options.connect().await?;
            inner.execute(sqlx::raw_sql(&self.session)).await?;
            Ok(inner)
        };
        match timeout(self.connect, connecting).await {
            Ok(connected) => connected.map_err(postgres_error::connecting),
            Err(_) => Err(Error::late(self.connect)),
        }
    }
}

impl Place {
    fn options(&self) -> Result<PgConnectOptions, Error> {
        let (key, url) = match self {
            Self::Url(url) => ("url", Cow::Borrowed(url)),
            Self::File(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    Error::config("url_file", format!("reading {}: {error}", file.display()))
                })?;
                let url = DatabaseUrl::new(text.trim().to_owned());
                ("url_file", Cow::Owned(url))
            }
        };
        parse(url.expose()).map_err(|problem| Error::config(key, problem))
    }
}

fn parse(text: &str) -> Result<PgConnectOptions, String> {
    const NONE: &str = "it is no postgres:// URL";
    let url = Url::parse(text).map_err(|_| NONE)?;
    if !["postgres", "postgresql"].contains(&url.scheme()) {
        return Err(NONE.to_owned());
    }
    // Before sqlx sees them.
    for (name, _) in url.query_pairs() {
        let named = name.starts_with("options[") && name.ends_with(']');
        if !named && !PARAMETERS.contains(&&*name) {
            return Err(unknown(&name));
        }
    }
    let options = PgConnectOptions::from_str(text).map_err(|_| NONE)?;
    Ok(options
        .application_name("stentor")
        .disable_statement_logging())
}

/// A name is repeated only if it looks like one: after a `?` in a password that is not written as `%3F`, it is a part of that.
fn unknown(name: &str) -> String {
    let good = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-');
    if name.len() <= 32 && name.bytes().all(good) {
        format!("there is no parameter {name} of a postgres:// URL")
    } else {
        "it has a parameter that there is none of".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_may_hold_is_taken() {
        for url in [
            "postgres://me:secret@localhost/db",
            "postgresql://me@db.example.com:5433/db?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgres:///db?host=/run/postgresql&user=me",
            "postgres://localhost/db?options[search_path]=x",
        ] {
            assert!(parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn p2_a_mistyped_parameter_is_named_without_its_value() {
        let problem = parse("postgres://me@localhost/db?pasword=hunter2").unwrap_err();
        assert_eq!(
            problem,
            "there is no parameter pasword of a postgres:// URL"
        );
        for url in [
            "postgres://me:12?hunter2@localhost/db",
            "mysql://me:hunter2@localhost/db",
            "hunter2",
            "postgres://me:hunter2@localhost:none/db",
        ] {
            let problem = parse(url).unwrap_err();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn p2_a_url_is_read_from_its_file_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, "postgres://me:one@localhost/first\n").unwrap();
        let place = Place::File(file.clone());
        let database = || place.options().unwrap().get_database().map(str::to_owned);
        assert_eq!(database().as_deref(), Some("first"));
        std::fs::write(&file, "postgres://me:two@localhost/second\n").unwrap();
        assert_eq!(database().as_deref(), Some("second"));
        std::fs::remove_file(file).unwrap();
        let error = place.options().unwrap_err();
        assert!(matches!(&error, Error::Config { key, .. } if *key == "url_file"));
    }
}
