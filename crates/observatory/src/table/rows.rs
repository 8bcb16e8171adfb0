//! Many rows in one statement: its text stays the same whatever their number, so that it is prepared once.
//!
//! The rows go in as one JSON array of arrays. Both databases read it, each by a function of its own; all else is the same text.

use std::fmt::Write;

/// A statement around `FROM <the rows>`: what stands before it and what after. A row is called `value`, its columns are
/// `CAST(value ->> 0 AS BIGINT)` and so on.
macro_rules! for_rows {
    ($before:expr, $after:expr) => {
        stentor_sql::Sql::Each {
            sqlite: concat!($before, " FROM json_each(?) ", $after),
            postgres: concat!(
                $before,
                " FROM jsonb_array_elements(CAST(? AS JSONB)) ",
                $after
            ),
        }
    };
}
pub(crate) use for_rows;

/// Rows of integers as JSON.
pub(crate) fn rows<const N: usize>(rows: impl IntoIterator<Item = [i64; N]>) -> String {
    let mut text = String::from("[");
    for row in rows {
        text.push_str(if text.len() > 1 { ",[" } else { "[" });
        for (column, value) in row.into_iter().enumerate() {
            if column > 0 {
                text.push(',');
            }
            // Writing to a string does not fail.
            let _ = write!(text, "{value}");
        }
        text.push(']');
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_json() {
        assert_eq!(rows::<2>([]), "[]");
        assert_eq!(
            rows([[1, -2], [i64::MAX, 0]]),
            format!("[[1,-2],[{},0]]", i64::MAX)
        );
    }
}
