//! Bytes that come in pieces, cut into lines of a bounded length.

use bytes::BytesMut;

/// Cuts what is put into [`Lines::space`] into lines.
#[derive(Debug)]
pub(super) struct Lines {
    buffer: BytesMut,
    limit: usize,
    /// The rest of a line that was too long is passed over.
    skipping: bool,
}

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: BytesMut,
    /// It was longer: this is its beginning.
    pub(super) cut: bool,
}

impl Lines {
    /// For lines of at most so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
            skipping: false,
        }
    }

    /// Where the next bytes are appended.
    pub(super) const fn space(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next line. One that is too long is given as soon as that is known.
    pub(super) fn next(&mut self) -> Option<Line> {
        loop {
            let end = self.buffer.iter().position(|byte| *byte == b'\n');
            let Some(end) = end else {
                return self.unfinished();
            };
            let mut text = self.buffer.split_to(end + 1);
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            text.truncate(end);
            if text.last() == Some(&b'\r') {
                text.truncate(end - 1);
            }
            let cut = text.len() > self.limit;
            text.truncate(self.limit);
            return Some(Line { text, cut });
        }
    }

    /// What came after the last line, when nothing more will come.
    pub(super) fn rest(&mut self) -> Option<Line> {
        let text = self.buffer.split();
        let worth = !std::mem::take(&mut self.skipping) && !text.is_empty();
        worth.then_some(Line { text, cut: false })
    }

    fn unfinished(&mut self) -> Option<Line> {
        if self.skipping {
            self.buffer.clear();
            return None;
        }
        // One more for the carriage return.
        if self.buffer.len() <= self.limit + 1 {
            return None;
        }
        self.skipping = true;
        let mut text = self.buffer.split();
        text.truncate(self.limit);
        Some(Line { text, cut: true })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 8;

    /// The lines that come out when the bytes come in pieces of this size, and the most that was kept.
    fn cut(bytes: &[u8], piece: usize) -> (Vec<(Vec<u8>, bool)>, usize) {
        let (mut lines, mut out, mut most) = (Lines::new(LIMIT), Vec::new(), 0);
        for piece in bytes.chunks(piece) {
            lines.space().extend_from_slice(piece);
            while let Some(line) = lines.next() {
                out.push((line.text.to_vec(), line.cut));
            }
            most = most.max(lines.space().len());
        }
        out.extend(lines.rest().map(|line| (line.text.to_vec(), line.cut)));
        (out, most)
    }

    #[test]
    fn r4_3_lines_are_cut_and_bounded() {
        let line = |text: &str, cut| (text.as_bytes().to_vec(), cut);
        let (lines, _) = cut(b"one\r\n\ntwo and more\n12345678\nend", 1_000);
        assert_eq!(
            lines,
            [
                line("one", false),
                line("", false),
                line("two and ", true),
                line("12345678", false),
                line("end", false)
            ]
        );
        let (lines, most) = cut(&[b'x'; 100_000], 7);
        assert_eq!(lines, [line("xxxxxxxx", true)]);
        assert!(most <= LIMIT + 1, "{most}");
    }

    proptest! {
        #[test]
        fn r4_3_pieces_make_no_difference(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'x')], 0..80),
            piece in 1_usize..20,
        ) {
            let (whole, _) = cut(&bytes, 1_000);
            let (pieces, most) = cut(&bytes, piece);
            prop_assert_eq!(whole, pieces);
            prop_assert!(most <= LIMIT + 1);
        }
    }
}
