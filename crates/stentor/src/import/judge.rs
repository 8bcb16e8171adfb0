//! Judges lines as far as that needs no store: form, size, id, filter.

use std::sync::Arc;

use stentor_event::{Event, Filter};
use stentor_relay::access::Access;
use stentor_store::Submission;

use super::chunks::Chunk;
use super::{Plugins, Summary};

/// What a line must satisfy.
#[derive(Clone)]
pub struct Rules {
    /// Most bytes of an event in its canonical form; 0: no limit.
    pub event_bytes: usize,
    /// Most tags of an event; 0: no limit.
    pub tags: usize,
    /// Only events that match one of these; empty: all.
    pub filters: Vec<Filter>,
    /// Whether signatures are trusted.
    pub trusted: bool,
    /// Where it is written what is banned; `None`: nothing is.
    pub access: Option<Arc<Access>>,
    /// Plugins that want to be asked (R4.3).
    pub plugins: Option<Plugins>,
}

/// A chunk whose lines have been judged.
#[derive(Debug, Default)]
pub struct Judged {
    /// What the store is to judge further.
    pub events: Vec<Submission>,
    /// The number of the line of each.
    pub lines: Vec<u64>,
    /// What has become of the others.
    pub summary: Summary,
}

impl Rules {
    /// Judges the lines of a chunk.
    pub fn judge(&self, chunk: &Chunk) -> Judged {
        let mut judged = Judged::default();
        if let Some(line) = chunk.overlong {
            judged.summary.lines += 1;
            judged
                .summary
                .bad(line, "the line is longer than any event may be");
        }
        for (line, text) in (chunk.first_line..).zip(lines(&chunk.bytes)) {
            let text = text.trim_ascii();
            if !text.is_empty() {
                judged.summary.lines += 1;
                self.judge_line(line, text, &mut judged);
            }
        }
        judged
    }

    fn judge_line(&self, line: u64, text: &[u8], judged: &mut Judged) {
        let event = match Event::parse_within(text, self.event_bytes, self.tags) {
            Ok(event) => event,
            Err(error) => return judged.summary.bad(line, &error.to_string()),
        };
        let view = event.view();
        if !self.filters.is_empty() && !self.filters.iter().any(|filter| filter.matches(&view)) {
            judged.summary.filtered += 1;
            return;
        }
        if let Err(error) = event.check_id() {
            return judged.summary.bad(line, &error.to_string());
        }
        if self.bans(&event) {
            return judged.summary.bad(line, "banned by the operator");
        }
        // The store verifies what it is about to take; what does not get there, or not at once, is verified here.
        let early = event.kind().is_ephemeral() || self.plugins.is_some();
        if early
            && !self.trusted
            && let Err(error) = event.verify_signature()
        {
            return judged.summary.bad(line, &error.to_string());
        }
        if event.kind().is_ephemeral() {
            // What passed by once is not shown to today's subscribers.
            judged.summary.ephemeral += 1;
            return;
        }
        judged.lines.push(line);
        judged.events.push(Submission {
            event,
            verified: early || self.trusted,
        });
    }

    /// Whether an admin has banned the event or its author.
    fn bans(&self, event: &Event) -> bool {
        let access = self.access.as_ref();
        access.is_some_and(|access| access.lists().bars(event))
    }
}

/// The lines without their line feeds; the standard library's `split` looks at each byte by itself.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'\n', bytes).chain(std::iter::once(bytes.len()));
    ends.scan(0, |start, end| {
        let line = bytes.get(*start..end);
        *start = end + 1;
        line
    })
}
