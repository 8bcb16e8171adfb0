//! Rows of an answer, read by type without panics.

use std::sync::Arc;

use crate::{Error, FromValue, Value};

/// A row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

/// What names a column: its number from 0 on, or its name in the answer.
pub trait ColumnIndex: std::fmt::Display {
    /// Its number among these.
    fn find(&self, columns: &[String]) -> Option<usize>;
}

impl ColumnIndex for usize {
    fn find(&self, _: &[String]) -> Option<usize> {
        Some(*self)
    }
}

impl ColumnIndex for &str {
    fn find(&self, columns: &[String]) -> Option<usize> {
        columns.iter().position(|column| column == self)
    }
}

impl Row {
    pub(crate) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// Reads a column.
    ///
    /// # Errors
    /// [`Error::Column`] when there is no such column, or it holds something else.
    pub fn get<T: FromValue>(&self, column: impl ColumnIndex) -> Result<T, Error> {
        let value = column
            .find(&self.columns)
            .and_then(|number| self.values.get(number));
        let Some(value) = value else {
            return Err(Error::Column {
                column: column.to_string(),
                wanted: T::WANTED,
                found: "nothing: there is no such column".into(),
            });
        };
        T::from_value(value.clone()).map_err(|found| mismatch::<T>(column.to_string(), &found))
    }

    /// Names of the columns, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }
}

fn mismatch<T: FromValue>(column: String, found: &Value) -> Error {
    Error::Column {
        column,
        wanted: T::WANTED,
        found: found.name().into(),
    }
}

/// What can be made of a row: the row itself, tuples of up to twelve columns in order, and types of callers.
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// [`Error::Column`] when a column does not hold what is needed.
    fn from_row(row: Row) -> Result<Self, Error>;
}

impl FromRow for Row {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(row)
    }
}

/// The next value of a row, read as this type.
fn next<T: FromValue>(
    number: usize,
    columns: &[String],
    values: &mut std::vec::IntoIter<Value>,
) -> Result<T, Error> {
    let name = || match columns.get(number) {
        Some(name) => name.clone(),
        None => number.to_string(),
    };
    let Some(value) = values.next() else {
        return Err(Error::Column {
            column: name(),
            wanted: T::WANTED,
            found: "nothing: there is no such column".into(),
        });
    };
    T::from_value(value).map_err(|found| mismatch::<T>(name(), &found))
}

macro_rules! tuples {
    ($count:literal $($name:ident $number:literal)+) => {
        impl<$($name: FromValue),+> FromRow for ($($name,)+) {
            fn from_row(row: Row) -> Result<Self, Error> {
                let columns = row.columns;
                if columns.len() != $count {
                    return Err(Error::Column {
                        column: columns.len().to_string(),
                        wanted: concat!("the end of ", $count, " columns"),
                        found: format!("{} columns", columns.len()),
                    });
                }
                let mut values = row.values.into_iter();
                Ok(($(next::<$name>($number, &columns, &mut values)?,)+))
            }
        }
    };
}
tuples!(1 A 0);
tuples!(2 A 0 B 1);
tuples!(3 A 0 B 1 C 2);
tuples!(4 A 0 B 1 C 2 D 3);
tuples!(5 A 0 B 1 C 2 D 3 E 4);
tuples!(6 A 0 B 1 C 2 D 3 E 4 F 5);
tuples!(7 A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuples!(8 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
tuples!(9 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
tuples!(10 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
tuples!(11 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
tuples!(12 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let columns = ["id", "name"].map(String::from);
        Row::new(
            Arc::from(columns),
            vec![Value::Integer(7), Value::Text("x".into())],
        )
    }

    #[test]
    fn columns_are_found_by_number_and_name() {
        let row = row();
        assert_eq!(row.get::<i64>(0), Ok(7));
        assert_eq!(row.get::<String>("name").as_deref(), Ok("x"));
        assert!(matches!(row.get::<i64>(2), Err(Error::Column { .. })));
        assert!(matches!(row.get::<i64>("Name"), Err(Error::Column { .. })));
    }

    #[test]
    fn a_wrong_type_names_its_column() {
        let error = row().get::<i64>("name").unwrap_err();
        assert_eq!(
            error.to_string(),
            "column name holds text, not an integer within i64"
        );
        let error = <(i64, i64)>::from_row(row()).unwrap_err();
        assert!(matches!(error, Error::Column { column, .. } if column == "name"));
    }

    #[test]
    fn a_tuple_takes_all_columns_or_none() {
        assert_eq!(<(i64, String)>::from_row(row()), Ok((7, "x".into())));
        assert!(<(i64,)>::from_row(row()).is_err());
        assert!(<(i64, String, i64)>::from_row(row()).is_err());
    }
}
