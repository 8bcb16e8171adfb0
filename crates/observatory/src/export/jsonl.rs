//! Rows as lines of JSON.

use std::io::{self, BufRead};

use stentor_event::{escape_into, hexadecimal};

use super::table::{Cell, Kind, Table};

/// Appends a row as a line.
pub(super) fn line(table: Table, cells: &[Cell<'_>], out: &mut Vec<u8>) {
    for (place, (column, cell)) in table.iter().zip(cells).enumerate() {
        out.extend_from_slice(if place == 0 { b"{\"" } else { b",\"" });
        out.extend_from_slice(column.name.as_bytes());
        out.extend_from_slice(b"\":");
        value(column.kind, cell, out);
    }
    out.extend_from_slice(b"}\n");
}

fn value(kind: Kind, cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Empty => out.extend_from_slice(b"null"),
        Cell::Bytes(bytes) => quoted(hexadecimal::encode(bytes).as_bytes(), out),
        Cell::Text(text) if kind == Kind::Json => out.extend_from_slice(text.as_bytes()),
        Cell::Text(text) => quoted(text.as_bytes(), out),
        Cell::Short(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Cell::Long(number) => out.extend_from_slice(number.to_string().as_bytes()),
        // JSON has no word for what is no number.
        Cell::Real(number) if !number.is_finite() => out.extend_from_slice(b"null"),
        Cell::Real(number) => out.extend_from_slice(format!("{number:?}").as_bytes()),
        Cell::Truth(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
    }
}

pub(super) fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape_into(text, out);
    out.push(b'"');
}

/// Reads the next line into `line`, without its end; whether there was one.
///
/// # Errors
/// Those of the reader, and a line of more than `most` bytes.
pub(super) fn next_line(
    from: &mut impl BufRead,
    line: &mut Vec<u8>,
    most: usize,
) -> io::Result<bool> {
    line.clear();
    loop {
        let piece = from.fill_buf()?;
        if piece.is_empty() {
            return Ok(!line.is_empty());
        }
        let (taken, ended) = match piece.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end, true),
            None => (piece.len(), false),
        };
        if line.len() + taken > most {
            let problem = format!("a line has more than {most} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        line.extend_from_slice(piece.get(..taken).unwrap_or_default());
        from.consume(taken + usize::from(ended));
        if ended {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{COVERAGE, PROVENANCE};
    use super::*;

    #[test]
    fn o4_3_a_row_is_an_object() {
        let mut out = Vec::new();
        let cells = [
            Cell::Bytes(&[0xab; 32]),
            Cell::Text("wss://a.example/\"".into()),
            Cell::Long(-1),
            Cell::Text("live".into()),
        ];
        line(PROVENANCE, &cells, &mut out);
        let row: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(row["event_id"], "ab".repeat(32));
        assert_eq!(row["relay"], "wss://a.example/\"");
        assert_eq!(row["first_seen_ms"], -1);
        out.clear();
        let cells = [Cell::Empty, Cell::Text("{\"kinds\":[1]}".into())];
        line(&COVERAGE[..2], &cells, &mut out);
        assert_eq!(out, b"{\"relay\":null,\"filter\":{\"kinds\":[1]}}\n");
    }

    #[test]
    fn o4_3_lines_are_bounded() {
        let mut from = io::BufReader::with_capacity(2, &b"abc\n\nde"[..]);
        let mut line = Vec::new();
        let mut lines = Vec::new();
        while next_line(&mut from, &mut line, 3).unwrap() {
            lines.push(String::from_utf8(line.clone()).unwrap());
        }
        assert_eq!(lines, ["abc", "", "de"]);
        let mut from = io::BufReader::with_capacity(2, &b"abcd\n"[..]);
        assert!(next_line(&mut from, &mut line, 3).is_err());
    }
}
