//! The trace of one message.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::connection::connection;
use crate::id::TraceId;
use crate::record::{Record, Span, Value};
use crate::sampler::{draw, hand_on, is_installed};

/// Most parts of one trace; what comes beyond is not recorded.
const MAX_PARTS: usize = 32;
const OUTCOME: &str = "stentor.outcome";

/// The trace of one message, or of none: a message that is not of the sample has one that records nothing and allocates nothing. It
/// ends when it is dropped.
#[derive(Debug, Default)]
pub struct Trace(Option<Box<Recording>>);

#[derive(Debug)]
struct Recording {
    started: Instant,
    record: Record,
    /// Whether the last part has not ended.
    in_part: bool,
}

impl Trace {
    /// Begins the trace of what somebody asks for, if it is one of the sample. Its connection is noted.
    #[inline]
    #[must_use]
    pub fn begin(name: &'static str) -> Self {
        if draw() {
            Self::record(name, true)
        } else {
            Self(None)
        }
    }

    /// Begins the trace of a job of the program's own. These are few, so all of them are recorded.
    #[must_use]
    pub fn job(name: &'static str) -> Self {
        if is_installed() {
            Self::record(name, false)
        } else {
            Self(None)
        }
    }

    #[cold]
    fn record(name: &'static str, asked: bool) -> Self {
        let mut root = Span::new(name, Duration::ZERO);
        if let Some(connection) = connection() {
            let id = Value::from(connection.get());
            root.attributes.push(("stentor.connection", id));
        }
        let record = Record {
            id: TraceId::random(),
            begun: SystemTime::now(),
            root,
            children: Vec::new(),
            asked,
        };
        Self(Some(Box::new(Recording {
            started: Instant::now(),
            record,
            in_part: false,
        })))
    }

    /// Whether it records.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Its name, for a log line; `None` when it does not record.
    #[must_use]
    pub fn id(&self) -> Option<TraceId> {
        self.0.as_ref().map(|recording| recording.record.id)
    }

    /// What names it to others (W3C Trace Context, section 3.2); `None` when it does not record.
    #[must_use]
    pub fn traceparent(&self) -> Option<Arc<str>> {
        let recording = self.0.as_ref()?;
        let (trace, span) = (recording.record.id, recording.record.root.id);
        Some(format!("00-{trace}-{span}-01").into())
    }

    /// Calls it by what it has turned out to be.
    #[inline]
    pub fn rename(&mut self, name: &'static str) {
        if let Some(recording) = &mut self.0 {
            recording.record.root.name = name;
        }
    }

    /// Says something of the message, or of its part that has not ended.
    #[inline]
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(recording) = &mut self.0 {
            recording.span().attributes.push((key, value.into()));
        }
    }

    /// Says what became of the message; what was said of it before does not hold any more.
    #[inline]
    pub fn outcome(&mut self, word: &'static str) {
        if let Some(recording) = &mut self.0 {
            recording.outcome(word);
        }
    }

    /// Says that the program could not do what it was asked.
    #[inline]
    pub fn fail(&mut self) {
        if let Some(recording) = &mut self.0 {
            recording.record.root.failed = true;
        }
    }

    /// Begins a part; one that has not ended ends.
    #[inline]
    pub fn enter(&mut self, name: &'static str) {
        if let Some(recording) = &mut self.0 {
            recording.enter(name);
        }
    }

    /// Ends the part.
    #[inline]
    pub fn leave(&mut self) {
        if let Some(recording) = &mut self.0 {
            recording.leave();
        }
    }

    /// Ends it now. From here on it is one of no message.
    #[inline]
    pub fn end(&mut self) {
        if let Some(recording) = self.0.take() {
            recording.end();
        }
    }
}

impl Recording {
    fn outcome(&mut self, word: &'static str) {
        self.leave();
        let attributes = &mut self.record.root.attributes;
        attributes.retain(|(key, _)| *key != OUTCOME);
        attributes.push((OUTCOME, word.into()));
    }

    fn enter(&mut self, name: &'static str) {
        self.leave();
        if self.record.children.len() < MAX_PARTS {
            let after = self.started.elapsed();
            self.record.children.push(Span::new(name, after));
            self.in_part = true;
        }
    }

    fn leave(&mut self) {
        if self.in_part {
            let now = self.started.elapsed();
            let part = self.span();
            part.took = now.saturating_sub(part.after);
            self.in_part = false;
        }
    }

    #[cold]
    fn end(mut self) {
        self.leave();
        self.record.root.took = self.started.elapsed();
        hand_on(self.record);
    }

    /// What is being worked on: the part that has not ended, or all of it.
    fn span(&mut self) -> &mut Span {
        let part = self.record.children.last_mut();
        part.filter(|_| self.in_part)
            .unwrap_or(&mut self.record.root)
    }
}

impl Drop for Trace {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}
