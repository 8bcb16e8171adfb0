//! Statements that filters are added to. Values are parameters, never text.

use std::borrow::Cow;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use stentor_sql::{Error, Row, Value};

use crate::clock::read;

/// The conditions of a statement, and its values in order.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    texts: Vec<Cow<'static, str>>,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition with one value.
    pub fn add(&mut self, text: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        self.texts.push(text.into());
        self.values.push(value.into());
    }

    /// Adds a condition with several values.
    pub fn add_all(
        &mut self,
        text: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item = Value>,
    ) {
        self.texts.push(text.into());
        self.values.extend(values);
    }

    /// Adds that the name or the URL of the relay `r` has this in it, in whatever case.
    pub fn add_named(&mut self, text: &str) {
        let pattern: Value = anywhere(text).into();
        // A URL has no letters but those of ASCII, which LOWER knows everywhere.
        self.add_all(
            "(LOWER(r.url) LIKE ? ESCAPE '!' OR r.name_lower LIKE ? ESCAPE '!')",
            [pattern.clone(), pattern],
        );
    }

    /// `WHERE …`, and the values.
    pub fn into_parts(self) -> (String, Vec<Value>) {
        if self.texts.is_empty() {
            return (String::new(), self.values);
        }
        (format!("WHERE {}", self.texts.join(" AND ")), self.values)
    }
}

/// A pattern for `LIKE … ESCAPE '!'` that finds a text anywhere in one that is in lower case.
fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// A column that counts or is a time.
pub(super) fn number(row: &Row, column: &str) -> Result<u64, Error> {
    row.get::<i64>(column).map(read)
}

/// The same where it may be unknown.
pub(super) fn maybe(row: &Row, column: &str) -> Result<Option<u64>, Error> {
    Ok(row.get::<Option<i64>>(column)?.map(read))
}

/// The short name of a filter in cursors, so that a cursor is of one filter.
pub(super) fn digest(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A value as JSON. What is answered always has one.
pub(super) fn json(value: &impl serde::Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_2_what_is_searched_for_is_no_pattern() {
        assert_eq!(anywhere("A%b_c!"), "%a!%b!_c!!%");
    }
}
