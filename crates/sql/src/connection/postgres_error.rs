//! What the SQLSTATEs of PostgreSQL mean (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
//!
//! Details and hints are left out: they hold values.

use sqlx::postgres::PgDatabaseError;

use crate::{ConstraintKind, Error};

/// An error of an open connection.
pub fn typed(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(error) => {
            let which = error
                .try_downcast_ref::<PgDatabaseError>()
                .and_then(|error| error.constraint().or_else(|| error.column()))
                .map(str::to_owned);
            let code = error.code();
            by_state(code.as_deref().unwrap_or_default(), error.message(), which)
        }
        sqlx::Error::Io(error) => Error::Unavailable(error.to_string()),
        sqlx::Error::Tls(error) => Error::Unavailable(error.to_string()),
        // What comes is not what the protocol says: the connection is of no more use.
        sqlx::Error::Protocol(message) => Error::Unavailable(message),
        other => Error::statement(other.to_string()),
    }
}

/// An error while connecting, when no statement was sent that could be at fault.
pub fn connecting(error: sqlx::Error) -> Error {
    match typed(error) {
        // Wrong password, no such database: the operator reads which.
        Error::Statement { message, .. } => Error::Unavailable(message),
        other => other,
    }
}

fn by_state(state: &str, message: &str, which: Option<String>) -> Error {
    let text = || message.to_owned();
    let constraint = |kind| Error::Constraint {
        kind,
        which: which.clone(),
    };
    match state {
        "23505" => constraint(ConstraintKind::Unique),
        "23503" | "23001" => constraint(ConstraintKind::ForeignKey),
        "23502" => constraint(ConstraintKind::NotNull),
        "23514" => constraint(ConstraintKind::Check),
        "25006" => Error::ReadOnly,
        // serialization_failure, deadlock_detected.
        "40001" | "40P01" => Error::Conflict,
        "40003" => Error::Uncertain(text()),
        "55P03" => Error::Busy("another transaction holds the lock"),
        "53100" => Error::Full,
        "53300" => Error::Busy("the server has too many connections"),
        "57014" => Error::Timeout,
        // data_corrupted, index_corrupted.
        "XX001" | "XX002" => Error::Corrupt(text()),
        _ if state.starts_with("23") => constraint(ConstraintKind::Other),
        // Connection, resources, intervention of the operator (the server is starting or shutting down, or has crashed),
        // system error, and a session ended for being idle in a transaction.
        _ if ["08", "53", "57", "58"]
            .iter()
            .any(|class| state.starts_with(class)) =>
        {
            Error::Unavailable(text())
        }
        "25P03" => Error::Unavailable(text()),
        // A table has changed since the statement was prepared on this connection; a fresh one prepares it anew.
        "0A000" if message.contains("cached plan") => Error::Unavailable(text()),
        _ => Error::Statement {
            message: text(),
            code: Some(state.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_apart() {
        let kind = |state| by_state(state, "", None).kind();
        assert_eq!(kind("23505"), "constraint");
        assert_eq!(kind("23P01"), "constraint");
        assert_eq!(kind("40P01"), "conflict");
        assert_eq!(kind("53100"), "full");
        assert_eq!(kind("53200"), "unavailable");
        assert_eq!(kind("53300"), "busy");
        assert_eq!(kind("57014"), "timeout");
        assert_eq!(kind("57P01"), "unavailable");
        assert_eq!(kind("57P03"), "unavailable");
        assert_eq!(kind("42601"), "statement");
        assert_eq!(kind(""), "statement");
    }
}
