//! Lists as CSV (RFC 4180), with a header row.
//!
//! Much of what is in them strangers have written. A text that a spreadsheet would take for a formula gets an apostrophe before it.

use serde_json::Value;

/// A list that can be a table.
pub(super) trait Table {
    /// Where its rows are in the answer.
    const ROWS: &'static str;
    /// Its columns, as the fields of a row are called.
    const COLUMNS: &'static [&'static str];
}

/// A table's rows and columns, by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Where the rows are in the answer.
    pub rows: &'static str,
    /// The fields of a row.
    pub columns: &'static [&'static str],
}

impl Shape {
    /// The shape of a list.
    pub const fn of<T: Table>() -> Self {
        Self {
            rows: T::ROWS,
            columns: T::COLUMNS,
        }
    }

    /// An answer of this shape as CSV.
    pub fn csv(self, body: &Value) -> String {
        let mut text = String::new();
        line(
            &mut text,
            self.columns.iter().map(|name| (*name).to_owned()),
        );
        let rows = body.get(self.rows).and_then(Value::as_array);
        for row in rows.into_iter().flatten() {
            line(
                &mut text,
                self.columns.iter().map(|name| field(row.get(name))),
            );
        }
        text
    }
}

fn line(text: &mut String, fields: impl Iterator<Item = String>) {
    for (number, field) in fields.enumerate() {
        if number > 0 {
            text.push(',');
        }
        if field.contains(['"', ',', '\r', '\n']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&field);
        }
    }
    text.push_str("\r\n");
}

fn field(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
            format!("'{text}")
        }
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SHAPE: Shape = Shape {
        rows: "rows",
        columns: &["a", "b"],
    };

    /// Reads CSV as RFC 4180 says.
    fn parse(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut field, mut quoted) =
            (Vec::new(), Vec::new(), String::new(), false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    field.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut field)),
                '\r' if !quoted && chars.peek() == Some(&'\n') => {
                    chars.next();
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                }
                c => field.push(c),
            }
        }
        rows
    }

    proptest! {
        #[test]
        fn o4_2_whatever_a_relay_is_called_it_stays_in_its_field(a in "[a-z\",\r\n]{0,20}", b in "[a-z\",\r\n]{0,20}") {
            let body = json!({"rows": [{"a": format!("x{a}"), "b": format!("x{b}")}]});
            let rows = parse(&SHAPE.csv(&body));
            prop_assert_eq!(rows, [vec!["a".to_owned(), "b".to_owned()], vec![format!("x{a}"), format!("x{b}")]]);
        }
    }

    #[test]
    fn o4_2_a_formula_is_a_text_and_nothing_is_empty() {
        let body =
            json!({"rows": [{"a": "=HYPERLINK(\"x\")", "b": null}, {"a": -1, "b": [1, "x"]}]});
        assert_eq!(
            SHAPE.csv(&body),
            "a,b\r\n\"'=HYPERLINK(\"\"x\"\")\",\r\n-1,\"[1,\"\"x\"\"]\"\r\n"
        );
    }
}
