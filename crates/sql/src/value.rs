//! Values as both databases have them.

/// A value of a column or a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A truth value. SQLite stores 0 or 1 and gives an [`Integer`](Self::Integer) back.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text. PostgreSQL does not take a NUL in it.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// What it is, for errors.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a floating-point number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }
}

/// What a value can be read as.
pub trait FromValue: Sized {
    /// The name of this type, for errors.
    const WANTED: &'static str;

    /// Reads it.
    ///
    /// # Errors
    /// The value when it is of another type or out of range.
    fn from_value(value: Value) -> Result<Self, Value>;
}

impl FromValue for Value {
    const WANTED: &'static str = "a value";

    fn from_value(value: Value) -> Result<Self, Value> {
        Ok(value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const WANTED: &'static str = T::WANTED;

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl FromValue for bool {
    const WANTED: &'static str = "a truth value";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Bool(truth) => Ok(truth),
            Value::Integer(0) => Ok(false),
            Value::Integer(1) => Ok(true),
            other => Err(other),
        }
    }
}

impl FromValue for f64 {
    const WANTED: &'static str = "a floating-point number";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Real(number) => Ok(number),
            other => Err(other),
        }
    }
}

impl FromValue for String {
    const WANTED: &'static str = "text";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl FromValue for Vec<u8> {
    const WANTED: &'static str = "bytes";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Blob(bytes) => Ok(bytes),
            other => Err(other),
        }
    }
}

impl<const N: usize> FromValue for [u8; N] {
    const WANTED: &'static str = "bytes of the right number";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Blob(bytes) => Self::try_from(bytes).map_err(Value::Blob),
            other => Err(other),
        }
    }
}

macro_rules! integers_read {
    ($($type:ty),*) => {$(
        impl FromValue for $type {
            const WANTED: &'static str = concat!("an integer within ", stringify!($type));

            fn from_value(value: Value) -> Result<Self, Value> {
                match value {
                    Value::Integer(number) => Self::try_from(number).map_err(|_| value),
                    other => Err(other),
                }
            }
        }
    )*};
}
integers_read!(i64, i32, u64, u32, u16, u8);

macro_rules! into_value {
    ($($type:ty => $variant:ident),*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
into_value!(
    bool => Bool, i64 => Integer, i32 => Integer, u32 => Integer, u16 => Integer, u8 => Integer,
    f64 => Real, &str => Text, String => Text, &[u8] => Blob, Vec<u8> => Blob
);

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&Vec<u8>> for Value {
    fn from(value: &Vec<u8>) -> Self {
        Self::Blob(value.clone())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(value: &[u8; N]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_out_of_range_are_not_cut() {
        assert_eq!(u8::from_value(Value::Integer(255)), Ok(255));
        assert_eq!(
            u8::from_value(Value::Integer(256)),
            Err(Value::Integer(256))
        );
        assert_eq!(u64::from_value(Value::Integer(-1)), Err(Value::Integer(-1)));
        assert_eq!(i64::from_value(Value::Integer(i64::MIN)), Ok(i64::MIN));
    }

    #[test]
    fn truth_is_read_from_what_sqlite_stores() {
        assert_eq!(bool::from_value(Value::Integer(1)), Ok(true));
        assert_eq!(bool::from_value(Value::Bool(false)), Ok(false));
        assert_eq!(bool::from_value(Value::Integer(2)), Err(Value::Integer(2)));
    }

    #[test]
    fn nothing_is_read_by_an_option_only() {
        assert_eq!(Option::<i64>::from_value(Value::Null), Ok(None));
        assert_eq!(i64::from_value(Value::Null), Err(Value::Null));
        let text = Value::Text("1".into());
        assert_eq!(Option::<i64>::from_value(text.clone()), Err(text));
    }

    #[test]
    fn bytes_of_another_number_are_refused() {
        assert_eq!(<[u8; 2]>::from_value(Value::Blob(vec![1, 2])), Ok([1, 2]));
        let short = Value::Blob(vec![1]);
        assert_eq!(<[u8; 2]>::from_value(short.clone()), Err(short));
    }
}
