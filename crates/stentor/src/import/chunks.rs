//! Cuts a stream into chunks of whole lines.

use std::io::{self, Read};

/// Bytes read into one chunk; a few thousand events.
const CHUNK: usize = 2 * 1024 * 1024;

/// Some whole lines.
#[derive(Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The number of its first line in the input, from 1.
    pub first_line: u64,
    /// The lines, each but perhaps the last with its line feed.
    pub bytes: Vec<u8>,
    /// The number of a line longer than allowed that ended in this chunk; its bytes are left out, and it comes before
    /// the lines here.
    pub overlong: Option<u64>,
}

/// The chunks of a stream. Holds one chunk and one line in memory, whatever the stream holds.
pub struct Chunks<R> {
    reader: R,
    max_line: usize,
    carry: Vec<u8>,
    next_line: u64,
    skip: u64,
    inside_overlong: bool,
    ended: bool,
}

impl<R: Read> Chunks<R> {
    /// Cuts `reader`; lines above `max_line` bytes are reported, not kept; the first `skip` lines are passed over.
    pub fn new(reader: R, max_line: usize, skip: u64) -> Self {
        Self {
            reader,
            max_line,
            carry: Vec::new(),
            next_line: 1,
            skip,
            inside_overlong: false,
            ended: false,
        }
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// Those of the reader; a second call after an error is not meant.
    pub fn next(&mut self) -> io::Result<Option<Chunk>> {
        while !self.ended {
            let mut bytes = std::mem::take(&mut self.carry);
            bytes.reserve_exact(CHUNK);
            let got = self
                .reader
                .by_ref()
                .take(CHUNK as u64)
                .read_to_end(&mut bytes)?;
            self.ended = got == 0;
            let overlong = self.leave_overlong(&mut bytes);
            self.split(&mut bytes);
            let first_line = self.next_line;
            self.next_line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
            let bytes = self.pass_over(bytes, first_line);
            let overlong = overlong.filter(|line| *line > self.skip);
            if !bytes.1.is_empty() || overlong.is_some() {
                return Ok(Some(Chunk {
                    first_line: bytes.0,
                    bytes: bytes.1,
                    overlong,
                }));
            }
        }
        Ok(None)
    }

    /// When the stream is inside an overlong line: drops the rest of it, and gives its number once it has ended.
    fn leave_overlong(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        if !self.inside_overlong {
            return None;
        }
        let end = memchr::memchr(b'\n', bytes);
        if end.is_none() && !self.ended {
            bytes.clear();
            return None;
        }
        bytes.drain(..end.map_or(bytes.len(), |end| end + 1));
        self.inside_overlong = false;
        self.next_line += 1;
        Some(self.next_line - 1)
    }

    /// Keeps whole lines in `bytes` and what follows them for the next chunk.
    fn split(&mut self, bytes: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        let keep = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
        self.carry = bytes.split_off(keep);
        if self.carry.len() > self.max_line {
            self.carry = Vec::new();
            self.inside_overlong = true;
        }
    }

    /// Drops the lines that are to be skipped; gives the number of the first one left.
    fn pass_over(&self, mut bytes: Vec<u8>, first_line: u64) -> (u64, Vec<u8>) {
        let skipped = self.skip.saturating_sub(first_line - 1);
        if skipped == 0 {
            return (first_line, bytes);
        }
        let nth = usize::try_from(skipped - 1).unwrap_or(usize::MAX);
        let start = memchr::memchr_iter(b'\n', &bytes)
            .nth(nth)
            .map_or(bytes.len(), |end| end + 1);
        bytes.drain(..start);
        (first_line + skipped, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], max_line: usize, skip: u64) -> Vec<Chunk> {
        let mut chunks = Chunks::new(text, max_line, skip);
        std::iter::from_fn(|| chunks.next().unwrap()).collect()
    }

    fn lines(chunks: &[Chunk]) -> Vec<(u64, String)> {
        let of = |chunk: &Chunk| {
            let text = String::from_utf8(chunk.bytes.clone()).unwrap();
            (chunk.first_line..)
                .zip(text.lines().map(str::to_owned).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        chunks.iter().flat_map(of).collect()
    }

    #[test]
    fn lines_are_never_cut() {
        let text: String = (1..=300_000).map(|n| format!("line {n}\n")).collect();
        let chunks = all(text.as_bytes(), 1_000, 0);
        assert!(chunks.len() > 1);
        let lines = lines(&chunks);
        assert_eq!(lines.len(), 300_000);
        assert!(lines.iter().all(|(n, line)| *line == format!("line {n}")));
    }

    #[test]
    fn the_last_line_needs_no_line_feed() {
        assert_eq!(
            lines(&all(b"a\nb", 10, 0)),
            [(1, "a".to_owned()), (2, "b".to_owned())]
        );
        assert_eq!(all(b"", 10, 0), []);
    }

    #[test]
    fn r5_4_an_overlong_line_is_reported_and_not_kept() {
        let long = "x".repeat(3 * CHUNK);
        let text = format!("first\n{long}\nthird\n");
        let chunks = all(text.as_bytes(), 1_000, 0);
        assert_eq!(
            chunks
                .iter()
                .filter_map(|chunk| chunk.overlong)
                .collect::<Vec<_>>(),
            [2]
        );
        assert_eq!(
            lines(&chunks),
            [(1, "first".to_owned()), (3, "third".to_owned())]
        );
        let chunks = all(long.as_bytes(), 1_000, 0);
        assert_eq!(
            chunks
                .iter()
                .filter_map(|chunk| chunk.overlong)
                .collect::<Vec<_>>(),
            [1]
        );
    }

    #[test]
    fn r5_4_lines_can_be_skipped() {
        let text: String = (1..=300_000).map(|n| format!("line {n}\n")).collect();
        let lines = lines(&all(text.as_bytes(), 1_000, 299_998));
        assert_eq!(
            lines,
            [
                (299_999, "line 299999".to_owned()),
                (300_000, "line 300000".to_owned())
            ]
        );
        assert_eq!(all(text.as_bytes(), 1_000, 300_000), []);
    }
}
