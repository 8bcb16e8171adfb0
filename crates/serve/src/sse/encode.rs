//! The encoder of event streams (WHATWG HTML, section 9.2.5 for the format, 9.2.6 for how it is read). Pure.

use std::fmt::Write as _;
use std::time::Duration;

use memchr::memchr2;
use thiserror::Error;

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Event<'a> {
    /// What a client that comes back sends as `Last-Event-ID`; `None` leaves it as it is, empty clears it.
    pub id: Option<&'a str>,
    /// The name by which listeners are found; `None` is `message`.
    pub name: Option<&'a str>,
    /// Line ends arrive as LF, whether they are CR, LF, or both here.
    pub data: &'a str,
}

/// What cannot be put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A NUL, which clients ignore the id for, or an end of line, which would end it.
    #[error("an event's id holds a NUL or an end of line")]
    Id,
    /// An end of line, or nothing at all, which clients take for `message`.
    #[error("an event's name is empty or holds an end of line")]
    Name,
}

/// Encoded events in their order: what is written to a client at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Events {
    text: String,
}

impl Events {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            text: String::new(),
        }
    }

    /// Adds an event.
    ///
    /// # Errors
    /// [`EncodeError`]; nothing is added then.
    pub fn event(&mut self, event: &Event<'_>) -> Result<&mut Self, EncodeError> {
        if event.id.is_some_and(|id| id.contains(['\0', '\r', '\n'])) {
            return Err(EncodeError::Id);
        }
        if event
            .name
            .is_some_and(|name| name.is_empty() || name.contains(['\r', '\n']))
        {
            return Err(EncodeError::Name);
        }
        if let Some(id) = event.id {
            self.line("id: ", id);
        }
        if let Some(name) = event.name {
            self.line("event: ", name);
        }
        for line in lines(event.data) {
            self.line("data: ", line);
        }
        self.text.push('\n');
        Ok(self)
    }

    /// Adds an id without an event: a client that comes back sends it as `Last-Event-ID`, and its listeners hear nothing.
    ///
    /// # Errors
    /// [`EncodeError::Id`]; nothing is added then.
    pub fn position(&mut self, id: &str) -> Result<&mut Self, EncodeError> {
        if id.contains(['\0', '\r', '\n']) {
            return Err(EncodeError::Id);
        }
        self.line("id: ", id);
        self.text.push('\n');
        Ok(self)
    }

    /// Adds a comment, which clients skip.
    pub fn comment(&mut self, text: &str) -> &mut Self {
        for line in lines(text) {
            self.line(": ", line);
        }
        self.text.push('\n');
        self
    }

    /// Adds how long clients wait before they come back, in whole milliseconds.
    pub fn retry(&mut self, after: Duration) -> &mut Self {
        // Writing to a string does not fail.
        let _ = write!(self.text, "retry: {}\n\n", after.as_millis());
        self
    }

    /// Bytes on the wire.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// As on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// As on the wire.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// The space after the colon is the one that clients take away: what the value begins with is its own.
    fn line(&mut self, field: &str, value: &str) {
        self.text.reserve(field.len() + value.len() + 1);
        self.text.push_str(field);
        self.text.push_str(value);
        self.text.push('\n');
    }
}

/// The lines of a text, ended by CR, LF or CR LF. One that ends with an end of line has an empty one after it.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let here = rest?;
        let end = memchr2(b'\r', b'\n', here.as_bytes());
        let Some((line, after)) = end.and_then(|end| here.split_at_checked(end)) else {
            rest = None;
            return Some(here);
        };
        rest = after.strip_prefix("\r\n").or_else(|| after.get(1..));
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(event: &Event<'_>) -> String {
        let mut events = Events::new();
        events.event(event).unwrap();
        String::from_utf8(events.into_bytes()).unwrap()
    }

    #[test]
    fn g3_1_an_event_with_all_its_fields() {
        let event = Event {
            id: Some("7"),
            name: Some("job.progress"),
            data: "a\nb\r\nc\rd\n",
        };
        assert_eq!(
            encoded(&event),
            "id: 7\nevent: job.progress\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"
        );
    }

    #[test]
    fn g3_1_empty_data_is_an_event_and_an_empty_id_clears() {
        let event = Event {
            id: Some(""),
            ..Event::default()
        };
        assert_eq!(encoded(&event), "id: \ndata: \n\n");
    }

    #[test]
    fn g3_1_what_would_break_out_of_its_line_is_refused() {
        let mut events = Events::new();
        for id in ["a\nb", "a\rb", "a\0b"] {
            let event = Event {
                id: Some(id),
                ..Event::default()
            };
            assert_eq!(events.event(&event), Err(EncodeError::Id));
        }
        for name in ["a\nb", "a\rb", ""] {
            let event = Event {
                name: Some(name),
                ..Event::default()
            };
            assert_eq!(events.event(&event), Err(EncodeError::Name));
        }
        assert!(events.is_empty());
    }

    #[test]
    fn comments_and_hints() {
        let mut events = Events::new();
        events
            .comment("quiet\ndata: no event")
            .retry(Duration::from_millis(1_500));
        assert_eq!(
            events.as_bytes(),
            b": quiet\n: data: no event\n\nretry: 1500\n\n"
        );
    }
}
