//! What is recorded.

use std::time::{Duration, SystemTime};

use crate::id::{SpanId, TraceId};

/// The value of an attribute. A word is one of the program's own, never what somebody has sent: that keys, tokens and contents stay out
/// of traces is for the compiler to see to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// A word of the program.
    Word(&'static str),
    /// A number; what does not fit is the greatest that does.
    Number(i64),
    /// Yes or no.
    Switch(bool),
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its name within the trace.
    pub id: SpanId,
    /// What it is.
    pub name: &'static str,
    /// How long after the begin of the trace it began.
    pub after: Duration,
    /// How long it took.
    pub took: Duration,
    /// What is said of it.
    pub attributes: Vec<(&'static str, Value)>,
    /// Whether the program could not do it. What it refuses has not failed.
    pub failed: bool,
}

/// A whole trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub id: TraceId,
    /// When it began.
    pub begun: SystemTime,
    /// All of it.
    pub root: Span,
    /// The parts.
    pub children: Vec<Span>,
    /// Whether somebody asked for it; else it is work of the program's own.
    pub asked: bool,
}

impl Record {
    /// How many spans it has.
    #[must_use]
    pub fn spans(&self) -> usize {
        1 + self.children.len()
    }
}

impl Span {
    pub(crate) fn new(name: &'static str, after: Duration) -> Self {
        Self {
            id: SpanId::random(),
            name,
            after,
            took: Duration::ZERO,
            attributes: Vec::new(),
            failed: false,
        }
    }
}

impl From<&'static str> for Value {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<bool> for Value {
    fn from(switch: bool) -> Self {
        Self::Switch(switch)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<Duration> for Value {
    /// Microseconds.
    fn from(time: Duration) -> Self {
        Self::Number(i64::try_from(time.as_micros()).unwrap_or(i64::MAX))
    }
}
