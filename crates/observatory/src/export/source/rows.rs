//! The rows of a file as lines, in memory that does not grow with what a stranger has written into it.

use std::fs::File;
use std::io::{self, BufReader, Seek};

use stentor_event::hexadecimal;

use super::invalid;
use crate::export::jsonl::{self, next_line};
use crate::export::name::Format;
use crate::export::parquet;
use crate::export::table::{Cell, EVENTS, PROVENANCE};
use crate::export::wire::{self, PairRow};

/// The longest line of an event: that of one of any size that a relay takes.
const MOST_EVENT: usize = 64 << 20;
/// The longest line of a pair: a URL of 2,048 bytes has six times as many where each is escaped, and the rest is short.
const MOST_PAIR: usize = 16 << 10;
/// The most bytes that a column of pairs says to have in a group of rows: our own groups have 8 MiB in all columns.
const MOST_PAIR_GROUP: i64 = 64 << 20;

/// Gives each row as a line with its end: events, or who holds them.
///
/// # Errors
/// What is wrong with the file, and those of `each`.
pub(super) fn rows_of(
    file: &mut File,
    (format, is_events): (Format, bool),
    each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    file.rewind()?;
    match (format, is_events) {
        (Format::Jsonl, _) => {
            let decoder = zstd::stream::read::Decoder::new(&*file)?;
            json_rows(&mut BufReader::new(decoder), is_events, each)
        }
        (Format::Parquet, true) => parquet_events(file.try_clone()?, each),
        (Format::Parquet, false) => parquet_pairs(file.try_clone()?, each),
    }
}

fn json_rows(
    from: &mut impl io::BufRead,
    is_events: bool,
    each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let (mut line, mut out) = (Vec::new(), Vec::new());
    let most = if is_events { MOST_EVENT } else { MOST_PAIR };
    while next_line(from, &mut line, most)? {
        if is_events {
            if !line.starts_with(b"{") {
                return Err(invalid("a line is no JSON object"));
            }
            line.push(b'\n');
            each(&line)?;
            continue;
        }
        let row: PairRow<'_> = serde_json::from_slice(&line)?;
        each(pair(&row, &mut out)?)?;
    }
    Ok(())
}

/// The line of a pair.
fn pair<'a>(row: &PairRow<'_>, out: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
    out.clear();
    let bytes = row.event_id.len() + row.relay.len() + row.how.len();
    if bytes <= MOST_PAIR {
        wire::pair(row, out);
    }
    match bytes.max(out.len()) <= MOST_PAIR {
        true => Ok(out),
        false => Err(invalid("a pair is longer than any can be")),
    }
}

fn parquet_events(file: File, each: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut out = Vec::new();
    parquet::read(file, EVENTS, i64::MAX, |rows| {
        for place in 0..rows.len() {
            out.clear();
            jsonl::line(EVENTS, &rows.row(place)?, &mut out);
            // The tags are JSON of a stranger: with a line end in them, they would be two lines.
            let last = out.len().saturating_sub(1);
            if out.iter().take(last).any(|byte| *byte == b'\n') {
                return Err(invalid("tags of more than one line"));
            }
            each(&out)?;
        }
        Ok(())
    })
}

fn parquet_pairs(file: File, each: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut out = Vec::new();
    parquet::read(file, PROVENANCE, MOST_PAIR_GROUP, |rows| {
        for place in 0..rows.len() {
            let cells = rows.row(place)?;
            let [
                Cell::Bytes(id),
                Cell::Text(relay),
                Cell::Long(seen_ms),
                Cell::Text(how),
            ] = cells.as_slice()
            else {
                return Err(invalid("a row of another table"));
            };
            let row = PairRow {
                event_id: hexadecimal::encode(id).into(),
                relay: relay.as_ref().into(),
                first_seen_ms: u64::try_from(*seen_ms).unwrap_or(0),
                how: how.as_ref().into(),
            };
            each(pair(&row, &mut out)?)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::export::encoder::Encoder;

    /// What becomes of a file with pairs of these relays.
    fn rows(format: Format, relays: &[&str]) -> io::Result<usize> {
        let folder = tempfile::tempdir().unwrap();
        let mut encoder = Encoder::new(PROVENANCE, format, folder.path()).unwrap();
        for relay in relays {
            let cells = [
                Cell::Bytes(&[1; 32]),
                Cell::Text((*relay).into()),
                Cell::Long(5),
                Cell::Text("live".into()),
            ];
            encoder.row(&cells).unwrap();
        }
        let mut file = encoder.finish().unwrap().temporary.reopen().unwrap();
        let mut rows = 0;
        rows_of(&mut file, (format, false), &mut |_| {
            rows += 1;
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn o4_3_pairs_that_are_longer_than_any_can_be_break_their_file() {
        let escaped = "\u{1}".repeat(2_048);
        let longer = "x".repeat(MOST_PAIR);
        for format in [Format::Jsonl, Format::Parquet] {
            assert_eq!(rows(format, &["wss://a.example/", &escaped]).unwrap(), 2);
            assert!(rows(format, &["wss://a.example/", &longer]).is_err());
        }
    }

    #[test]
    fn o4_3_groups_of_pairs_that_are_too_large_are_not_read() {
        // The writer begins a group after 8 MiB: this value is in one as it is.
        let huge = "x".repeat(65 << 20);
        let refused = rows(Format::Parquet, &[&huge]).unwrap_err();
        assert!(refused.to_string().contains("group"), "{refused}");
    }

    #[test]
    fn o4_3_a_line_without_end_is_not_held() {
        // So many zeros that Zstandard makes a few KB of: a reader that held the line would have all of them.
        let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        for _ in 0..100 {
            bomb.write_all(&[b'0'; 1 << 20]).unwrap();
        }
        let bomb = bomb.finish().unwrap();
        let decoder = zstd::stream::read::Decoder::new(&bomb[..]).unwrap();
        let mut reader = BufReader::new(decoder);
        let refused = json_rows(&mut reader, false, &mut |_| Ok(())).unwrap_err();
        assert!(refused.to_string().contains("16384"), "{refused}");
    }
}
