//! The parameters of a question: each is asked for by name, and one that nobody asked for is an error.

use std::fmt::Display;
use std::str::FromStr;

use thiserror::Error;
use url::form_urlencoded;

/// Bytes of a query that are read; a longer one is refused.
const LONGEST: usize = 8_192;
/// Parameters in a query.
const MOST: usize = 64;
/// Rows of a page, unless another number is asked for.
pub(super) const ROWS: u32 = 100;
/// Rows of a page at most.
pub(super) const MOST_ROWS: u32 = 500;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// A parameter is wrong.
    #[error("{name}: {problem}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no such relay, event or question.
    #[error("there is none")]
    Missing,
    /// The question takes too long.
    #[error("this takes too long to answer: ask for less")]
    TooLong,
    /// The records or the archive.
    #[error(transparent)]
    Failed(#[from] crate::error::Error),
}

impl From<stentor_sql::Error> for AskError {
    fn from(error: stentor_sql::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// What is wrong with a parameter.
pub(crate) fn wrong(name: &str, problem: impl Display) -> AskError {
    AskError::Parameter {
        name: name.to_owned(),
        problem: problem.to_string(),
    }
}

/// The parameters that have not been asked for yet.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a raw query. Parameters without a value are dropped, as an empty field of a form asks for nothing.
    pub fn read(raw: &str) -> Result<Self, AskError> {
        if raw.len() > LONGEST {
            return Err(wrong("query", format!("longer than {LONGEST} bytes")));
        }
        let pairs = form_urlencoded::parse(raw.as_bytes()).filter(|(_, value)| !value.is_empty());
        let pairs: Vec<(String, String)> = pairs
            .take(MOST + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if pairs.len() > MOST {
            return Err(wrong("query", format!("more than {MOST} parameters")));
        }
        Ok(Self(pairs))
    }

    /// All values of a parameter, each with commas between several.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        self.0.retain(|(other, value)| {
            let asked = other == name;
            if asked {
                let parts = value.split(',').map(str::trim);
                values.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
            }
            !asked
        });
        values
    }

    /// The values of a parameter as they stand, commas and all.
    pub fn all(&mut self, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        self.0.retain(|(other, value)| {
            let asked = other == name;
            if asked {
                values.push(value.clone());
            }
            !asked
        });
        values
    }

    /// The one value of a parameter.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, AskError> {
        let mut values = self.all(name);
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(wrong(name, "given more than once")),
        }
    }

    /// The one value of a parameter, read as something else.
    pub fn parsed<T>(&mut self, name: &str, wanted: &str) -> Result<Option<T>, AskError>
    where
        T: FromStr,
    {
        let text = self.text(name)?;
        text.map(|text| {
            text.parse()
                .map_err(|_| wrong(name, format!("not {wanted}")))
        })
        .transpose()
    }

    /// `true` or `false`.
    pub fn truth(&mut self, name: &str) -> Result<Option<bool>, AskError> {
        self.parsed(name, "true or false")
    }

    /// A time or a count that the records can hold.
    pub fn number(&mut self, name: &str) -> Result<Option<u64>, AskError> {
        let number: Option<u64> = self.parsed(name, "a number")?;
        match number {
            Some(number) if i64::try_from(number).is_err() => Err(wrong(name, "too large")),
            number => Ok(number),
        }
    }

    /// How many rows a page is to have.
    pub fn limit(&mut self) -> Result<u32, AskError> {
        let limit = self.parsed("limit", "a number")?.unwrap_or(ROWS);
        if (1..=MOST_ROWS).contains(&limit) {
            Ok(limit)
        } else {
            Err(wrong("limit", format!("not between 1 and {MOST_ROWS}")))
        }
    }

    /// Names of the parameters that begin so.
    pub fn names(&self, beginning: &str) -> Vec<String> {
        let names = self.0.iter().map(|(name, _)| name);
        let mut names: Vec<String> = names
            .filter(|name| name.starts_with(beginning))
            .cloned()
            .collect();
        names.dedup();
        names
    }

    /// Whether there are none that nobody asked for.
    pub fn end(self) -> Result<(), AskError> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(60).collect();
                Err(wrong(&name, "there is no such parameter here"))
            }
        }
    }
}
