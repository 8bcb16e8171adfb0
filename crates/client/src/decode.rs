//! The format of event streams (WHATWG HTML, section 9.2.6), in whatever pieces it comes. Pure.

use std::time::Duration;

/// No stream is believed whose line or event has more bytes: far more than an envelope has.
const LONGEST: usize = 4 << 20;
/// What a stream may begin with (U+FEFF), and which means nothing.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What a stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// An event.
    Event {
        /// The id that came with it.
        id: Option<String>,
        /// Its name; empty is `message`.
        name: String,
        /// Its data.
        data: String,
    },
    /// An id without an event: everything up to here has been told.
    Position(String),
    /// How long to wait before coming back.
    Retry(Duration),
}

/// An event that does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {LONGEST} bytes")]
pub struct TooLarge;

/// Takes the bytes of one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The line that has not ended.
    line: Vec<u8>,
    begun: bool,
    /// The last line was ended by CR: an LF that follows belongs to it.
    after_return: bool,
    id: Option<String>,
    name: String,
    /// The lines of data, each with an LF behind it.
    data: String,
    has_data: bool,
}

impl Decoder {
    /// At the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes, and adds what they complete.
    ///
    /// # Errors
    /// [`TooLarge`]: nothing can be made of the stream any more.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Decoded>) -> Result<(), TooLarge> {
        for byte in bytes {
            let after_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    self.end_line(out);
                }
                _ => self.line.push(*byte),
            }
            if self.line.len() + self.data.len() > LONGEST {
                return Err(TooLarge);
            }
        }
        Ok(())
    }

    fn end_line(&mut self, out: &mut Vec<Decoded>) {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(MARK).unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(out);
        } else {
            self.field(&String::from_utf8_lossy(line), out);
        }
    }

    fn field(&mut self, line: &str, out: &mut Vec<Decoded>) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                self.has_data = true;
                self.data.push_str(value);
                self.data.push('\n');
            }
            "event" => value.clone_into(&mut self.name),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let millis = value.parse().map(Duration::from_millis);
                out.extend(millis.map(Decoded::Retry));
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, out: &mut Vec<Decoded>) {
        let (id, name) = (self.id.take(), std::mem::take(&mut self.name));
        let mut data = std::mem::take(&mut self.data);
        data.pop();
        if std::mem::take(&mut self.has_data) {
            out.push(Decoded::Event { id, name, data });
        } else {
            out.extend(id.map(Decoded::Position));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(pieces: &[&[u8]]) -> Vec<Decoded> {
        let (mut decoder, mut out) = (Decoder::new(), Vec::new());
        for piece in pieces {
            decoder.push(piece, &mut out).unwrap();
        }
        out
    }

    fn event(id: Option<&str>, name: &str, data: &str) -> Decoded {
        Decoded::Event {
            id: id.map(str::to_owned),
            name: name.into(),
            data: data.into(),
        }
    }

    #[test]
    fn g6_4_everything_that_a_stream_may_say() {
        let stream = "\u{feff}retry: 1500\r\n\r\n: quiet\n\nid: 7\nevent: lagged\ndata: {}\r\rid: 8\n\n\
                      data: a\r\ndata:b\ndata\n\nid: 9\ndata: ü\n\nid: a\0b\ndata: x\n\nretry: soon\ndata: cut off";
        let expected = [
            Decoded::Retry(Duration::from_millis(1_500)),
            event(Some("7"), "lagged", "{}"),
            Decoded::Position("8".into()),
            event(None, "", "a\nb\n"),
            event(Some("9"), "", "ü"),
            event(None, "", "x"),
        ];
        assert_eq!(decoded(&[stream.as_bytes()]), expected);
    }

    #[test]
    fn g6_4_an_endless_event_is_refused() {
        let (mut decoder, mut out) = (Decoder::new(), Vec::new());
        let line = [b"data: ".as_slice(), &vec![b'x'; 1 << 20], b"\n"].concat();
        let mut taken = 0;
        while decoder.push(&line, &mut out).is_ok() {
            taken += 1;
        }
        assert_eq!((taken, out.len()), (3, 0));
        let endless = vec![b'x'; LONGEST + 1];
        assert_eq!(Decoder::new().push(&endless, &mut out), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn g6_4_pieces_do_not_matter(
            lines in proptest::collection::vec("(id|event|data|retry|)(: ?[a-z0-9ü]{0,4})?", 0..20),
            ends in proptest::collection::vec("\n|\r|\r\n", 20),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let text: String = lines.iter().zip(&ends).flat_map(|(line, end)| [line.as_str(), end]).collect();
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decoded(&pieces), decoded(&[bytes]));
        }

        #[test]
        fn g6_4_no_stream_is_too_strange(bytes: Vec<u8>) {
            let _ = decoded(&[&bytes]);
        }
    }
}
