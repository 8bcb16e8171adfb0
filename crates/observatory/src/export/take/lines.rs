//! Lines in, batches of what they say out. Parsing and hashing are done on a thread of their own, beside the store's work.

use std::io::{self, BufReader, Read};

use stentor_event::{Event, EventId};
use tokio::sync::mpsc;

use super::BadRow;
use crate::error::Error;
use crate::export::jsonl::next_line;
use crate::export::wire::{self, Note};
use crate::provenance::How;
use crate::relay_url::MAX_BYTES;

/// Bytes of lines after which a batch is complete, and rows.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_ROWS: usize = 2_000;
/// Batches that wait: one is parsed while one is stored.
const BATCHES: usize = 1;
/// Escapes and white space can make a line this many times longer than the event in its shortest form.
const LINE_FACTOR: usize = 4;
/// The longest line where the size of events is not limited, and the shortest limit of all.
const UNLIMITED: usize = 64 << 20;
const SHORTEST: usize = 64 << 10;

/// What some lines say.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Events whose ids are right.
    pub events: Vec<Event>,
    /// Pairs.
    pub pairs: Vec<Claim>,
    /// Rows that are nothing.
    pub bad: Vec<BadRow>,
}

/// That a relay holds an event.
#[derive(Debug)]
pub(super) struct Claim {
    /// The event.
    pub event: EventId,
    /// The relay's URL, as it is written.
    pub relay: String,
    /// When it was first seen there, in Unix milliseconds.
    pub seen_ms: u64,
    /// How it was seen.
    pub how: How,
}

/// Batches as they are read.
pub(super) struct Reader(mpsc::Receiver<io::Result<Batch>>);

impl Reader {
    /// Begins to read. `limits` are those of an event: bytes and tags, 0 for none.
    pub fn start(input: Box<dyn Read + Send>, limits: (usize, usize)) -> Self {
        let (to, from) = mpsc::channel(BATCHES);
        tokio::task::spawn_blocking(move || {
            let mut parser = Parser::new(limits);
            let mut input = BufReader::with_capacity(BATCH_BYTES / 4, input);
            loop {
                let batch = parser.batch(&mut input);
                let is_last = !matches!(batch, Ok(Some(_)));
                let sent = batch
                    .transpose()
                    .is_none_or(|batch| to.blocking_send(batch).is_ok());
                if is_last || !sent {
                    break;
                }
            }
        });
        Self(from)
    }

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Invalid`]: the input breaks off.
    pub async fn next(&mut self) -> Result<Option<Batch>, Error> {
        let batch = self.0.recv().await.transpose();
        batch.map_err(|error| Error::Invalid(format!("reading the export: {error}")))
    }
}

struct Parser {
    limits: (usize, usize),
    most_line: usize,
    line: Vec<u8>,
    file: String,
    row: u64,
}

impl Parser {
    fn new(limits: (usize, usize)) -> Self {
        let most_line = match limits.0 {
            0 => UNLIMITED,
            bytes => bytes.saturating_mul(LINE_FACTOR).max(SHORTEST),
        };
        Self {
            limits,
            most_line,
            line: Vec::new(),
            file: String::new(),
            row: 0,
        }
    }

    fn batch(&mut self, input: &mut impl io::BufRead) -> io::Result<Option<Batch>> {
        let mut batch = Batch::default();
        let (mut bytes, mut rows) = (0, 0);
        while bytes < BATCH_BYTES && rows < BATCH_ROWS {
            let mut line = std::mem::take(&mut self.line);
            let is_line = next_line(input, &mut line, UNLIMITED)?;
            if is_line {
                bytes += line.len();
                rows += 1;
                self.line(&line, &mut batch);
            }
            self.line = line;
            if !is_line {
                return Ok((rows > 0).then_some(batch));
            }
        }
        Ok(Some(batch))
    }

    fn line(&mut self, line: &[u8], batch: &mut Batch) {
        let bad = match self.parse(line, batch) {
            Ok(()) => return,
            Err(problem) => problem,
        };
        batch.bad.push(BadRow {
            file: self.file.clone(),
            row: self.row,
            problem: bad,
        });
    }

    fn parse(&mut self, line: &[u8], batch: &mut Batch) -> Result<(), String> {
        if wire::is_event(line) {
            self.row += 1;
            if line.len() > self.most_line {
                return Err("larger than any event may be".to_owned());
            }
            let (bytes, tags) = self.limits;
            let event = Event::parse_within(line, bytes, tags);
            let event = event.map_err(|error| error.to_string())?;
            event.check_id().map_err(|error| error.to_string())?;
            batch.events.push(event);
            return Ok(());
        }
        match wire::note(line) {
            Ok(Note::File(path)) => (self.file, self.row) = (path.into_owned(), 0),
            Ok(Note::Pair {
                event,
                relay,
                seen_ms,
                how,
            }) => {
                self.row += 1;
                // What is remembered of it would be as long.
                if relay.len() > MAX_BYTES {
                    return Err(format!("a URL of more than {MAX_BYTES} bytes"));
                }
                batch.pairs.push(Claim {
                    event,
                    relay: relay.into_owned(),
                    seen_ms,
                    how,
                });
            }
            Err(problem) => {
                self.row += 1;
                return Err(problem.to_owned());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn o4_3_what_is_no_event_is_named_by_file_and_row() {
        let key = crate::testing::key(3);
        let event =
            stentor_event::EventBuilder::new(stentor_event::Kind(1), stentor_event::Timestamp(5));
        let event = event.content("x".repeat(40)).sign(&key);
        let good = String::from_utf8(event.json().to_vec()).unwrap();
        let forged = good.replace("xxxx", "yyyy");
        let mut input = Vec::new();
        wire::file("events/a", &mut input);
        input.extend_from_slice(format!("{good}\n{forged}\n\n{good}\n[\"pair\"]\n").as_bytes());
        let mut reader = Reader::start(Box::new(io::Cursor::new(input)), (0, 0));
        let batch = reader.next().await.unwrap().unwrap();
        assert!(reader.next().await.unwrap().is_none());
        assert_eq!(batch.events.len(), 2);
        let bad: Vec<_> = batch
            .bad
            .iter()
            .map(|bad| (bad.file.as_str(), bad.row))
            .collect();
        assert_eq!(bad, [("events/a", 2), ("events/a", 3), ("events/a", 5)]);
    }

    #[tokio::test]
    async fn o4_3_urls_that_are_too_long_are_rows_that_are_invalid() {
        let mut input = Vec::new();
        wire::file("provenance/a", &mut input);
        for length in [MAX_BYTES, MAX_BYTES + 1, 1 << 20] {
            let row = wire::PairRow {
                event_id: "0".repeat(64).into(),
                relay: "x".repeat(length).into(),
                first_seen_ms: 5,
                how: "live".into(),
            };
            wire::pair(&row, &mut input);
        }
        let mut reader = Reader::start(Box::new(io::Cursor::new(input)), (0, 0));
        let (mut pairs, mut bad) = (0, Vec::new());
        while let Some(batch) = reader.next().await.unwrap() {
            pairs += batch.pairs.len();
            bad.extend(batch.bad.into_iter().map(|bad| bad.row));
        }
        assert_eq!((pairs, bad), (1, vec![2, 3]));
    }

    #[tokio::test]
    async fn o4_3_input_that_breaks_off_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let mut reader = Reader::start(Box::new(Broken), (0, 0));
        assert!(reader.next().await.is_err());
        assert!(reader.next().await.unwrap().is_none());
    }
}
