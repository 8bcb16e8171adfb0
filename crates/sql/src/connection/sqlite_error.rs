//! What SQLite's result codes mean (<https://www.sqlite.org/rescode.html>).

use crate::{ConstraintKind, Error};

/// An error of an open connection.
pub fn typed(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse().ok());
            by_code(code.unwrap_or(1), error.message())
        }
        // The thread that owns the connection is gone.
        sqlx::Error::WorkerCrashed => Error::Unavailable("its thread has ended".into()),
        sqlx::Error::Io(error) => Error::Unavailable(error.to_string()),
        other => Error::statement(other.to_string()),
    }
}

/// An error while a connection is being opened: whatever is not known is no fault of a statement.
pub fn opening(error: sqlx::Error) -> Error {
    match typed(error) {
        Error::Statement { message, .. } => Error::Unavailable(message),
        other => other,
    }
}

/// By the extended result code, of which the lowest byte is the class.
fn by_code(code: u32, message: &str) -> Error {
    let text = || message.to_owned();
    match code & 0xff {
        // BUSY, LOCKED.
        5 | 6 => Error::Busy("another process holds the lock of the file"),
        // READONLY; 1032: the file was moved away from under it.
        8 if code == 1032 => Error::Unavailable(text()),
        8 => Error::ReadOnly,
        // INTERRUPT: by the deadline.
        9 => Error::Timeout,
        13 => Error::Full,
        // PERM, NOMEM, IOERR, CANTOPEN, PROTOCOL, AUTH.
        3 | 7 | 10 | 14 | 15 | 23 => Error::Unavailable(text()),
        // CORRUPT, NOTADB.
        11 | 26 => Error::Corrupt(text()),
        19 => constraint(code, message),
        _ => Error::Statement {
            message: text(),
            code: Some(code.to_string()),
        },
    }
}

fn constraint(code: u32, message: &str) -> Error {
    let kind = match code >> 8 {
        1 => ConstraintKind::Check,
        3 => ConstraintKind::ForeignKey,
        5 => ConstraintKind::NotNull,
        // PRIMARYKEY, UNIQUE, ROWID.
        6 | 8 | 10 => ConstraintKind::Unique,
        _ => ConstraintKind::Other,
    };
    // "UNIQUE constraint failed: bans.pubkey"
    let which = message.split_once("constraint failed: ");
    Error::Constraint {
        kind,
        which: which.map(|(_, which)| which.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_named() {
        assert_eq!(
            by_code(2067, "UNIQUE constraint failed: bans.pubkey"),
            Error::Constraint {
                kind: ConstraintKind::Unique,
                which: Some("bans.pubkey".into())
            }
        );
        assert_eq!(
            by_code(787, "FOREIGN KEY constraint failed"),
            Error::Constraint {
                kind: ConstraintKind::ForeignKey,
                which: None
            }
        );
    }

    #[test]
    fn classes_hold_for_extended_codes() {
        assert_eq!(by_code(13, "full"), Error::Full);
        assert_eq!(by_code(9, ""), Error::Timeout);
        assert!(matches!(by_code(5 | 2 << 8, ""), Error::Busy(_)));
        assert!(matches!(by_code(10 | 4 << 8, ""), Error::Unavailable(_)));
        assert!(matches!(by_code(11 | 1 << 8, ""), Error::Corrupt(_)));
        assert!(matches!(by_code(1, "near"), Error::Statement { .. }));
    }
}
