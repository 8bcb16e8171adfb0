//! The text of a statement, for one dialect or for both.

use std::borrow::Cow;

/// The SQL of which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// The text of a statement. Parameters are written `?`, or `?1`, `?2` … when one is used twice.
///
/// A literal becomes one by itself. Values never belong into the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sql {
    /// The dialects agree.
    Both(&'static str),
    /// They do not.
    Each {
        /// For SQLite.
        sqlite: &'static str,
        /// For PostgreSQL.
        postgres: &'static str,
    },
    /// For both, put together by the program, for instance with [`placeholders`]; it is prepared anew each time.
    Built(String),
}

impl Sql {
    /// The text for a dialect, as written.
    pub(crate) fn text(&self, dialect: Dialect) -> &str {
        match (self, dialect) {
            (Self::Both(text), _) => text,
            (Self::Each { sqlite, .. }, Dialect::Sqlite) => sqlite,
            (Self::Each { postgres, .. }, Dialect::Postgres) => postgres,
            (Self::Built(text), _) => text,
        }
    }

    /// Whether it is worth keeping the prepared statement.
    pub(crate) fn is_lasting(&self) -> bool {
        !matches!(self, Self::Built(_))
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::Both(text)
    }
}

impl From<Cow<'static, str>> for Sql {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Both(text),
            Cow::Owned(text) => Self::Built(text),
        }
    }
}

/// `?, ?, ?` for so many parameters, as in `IN (…)`. An `IN` of nothing is not SQL: `count` must not be 0.
pub fn placeholders(count: usize) -> String {
    let mut text = "?, ".repeat(count);
    text.truncate(text.len().saturating_sub(2));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_as_many_as_asked_for() {
        assert_eq!(placeholders(0), "");
        assert_eq!(placeholders(1), "?");
        assert_eq!(placeholders(3), "?, ?, ?");
    }

    #[test]
    fn each_dialect_has_its_text() {
        let sql = Sql::Each {
            sqlite: "a",
            postgres: "b",
        };
        assert_eq!(sql.text(Dialect::Sqlite), "a");
        assert_eq!(sql.text(Dialect::Postgres), "b");
        assert_eq!(Sql::from("c").text(Dialect::Postgres), "c");
    }
}
