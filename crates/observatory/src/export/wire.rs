//! The lines by which what a command has read gets to where it is taken in: events as they are, and for all else an array that
//! begins with a word.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use stentor_event::{EventId, hexadecimal};

use super::jsonl::quoted;
use crate::provenance::How;

/// A line that is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note<'a> {
    /// What follows is from this file.
    File(Cow<'a, str>),
    /// A relay holds an event.
    Pair {
        /// The event.
        event: EventId,
        /// The relay's URL.
        relay: Cow<'a, str>,
        /// When it was first seen there, in Unix milliseconds.
        seen_ms: u64,
        /// How it was seen.
        how: How,
    },
}

/// A row of provenance as it is in an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PairRow<'a> {
    #[serde(borrow)]
    pub event_id: Cow<'a, str>,
    #[serde(borrow)]
    pub relay: Cow<'a, str>,
    pub first_seen_ms: u64,
    #[serde(borrow)]
    pub how: Cow<'a, str>,
}

/// Whether a line is an event, or what should be one.
pub(super) fn is_event(line: &[u8]) -> bool {
    line.first() != Some(&b'[')
}

/// Writes that what follows is from this file.
pub(super) fn file(path: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"[\"file\",");
    quoted(path.as_bytes(), out);
    out.extend_from_slice(b"]\n");
}

/// Writes a pair, whatever is in it.
pub(super) fn pair(row: &PairRow<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"[\"pair\",");
    for text in [&row.event_id, &row.relay, &row.how] {
        quoted(text.as_bytes(), out);
        out.push(b',');
    }
    out.extend_from_slice(row.first_seen_ms.to_string().as_bytes());
    out.extend_from_slice(b"]\n");
}

/// Reads a line that is no event; what is wrong with it otherwise.
pub(super) fn note(line: &[u8]) -> Result<Note<'_>, &'static str> {
    let parsed: Result<(Word<'_>, Word<'_>), _> = serde_json::from_slice(line);
    if let Ok((Word(word), Word(path))) = parsed {
        return match &*word {
            "file" => Ok(Note::File(path)),
            _ => Err("not a line of an export"),
        };
    }
    type Pair<'a> = (Word<'a>, Word<'a>, Word<'a>, Word<'a>, u64);
    let parsed: Result<Pair<'_>, _> = serde_json::from_slice(line);
    let Ok((Word(word), Word(event), Word(relay), Word(how), seen_ms)) = parsed else {
        return Err("not a line of an export");
    };
    if word != "pair" {
        return Err("not a line of an export");
    }
    let event = hexadecimal::decode_array(event.as_bytes()).ok_or("event_id is no id")?;
    let how = How::parse(&how).ok_or("how is neither live nor fetched")?;
    Ok(Note::Pair {
        event: EventId(event),
        relay,
        seen_ms,
        how,
    })
}

/// A text, borrowed where that is possible.
#[derive(Deserialize)]
struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn o4_3_pairs_come_back(id: [u8; 32], relay: String, seen_ms: u64, live: bool) {
            let how = if live { How::Live } else { How::Fetched };
            let row = PairRow {
                event_id: hexadecimal::encode(&id).into(),
                relay: relay.clone().into(),
                first_seen_ms: seen_ms,
                how: how.as_str().into(),
            };
            let mut line = Vec::new();
            pair(&row, &mut line);
            prop_assert!(!is_event(&line));
            let event = EventId(id);
            prop_assert_eq!(note(&line), Ok(Note::Pair { event, relay: relay.into(), seen_ms, how }));
        }

        #[test]
        fn o4_3_paths_come_back(path: String, other: Vec<u8>) {
            let mut line = Vec::new();
            file(&path, &mut line);
            prop_assert_eq!(note(&line), Ok(Note::File(path.into())));
            let _ = note(&other);
        }
    }

    #[test]
    fn o4_3_other_lines_are_refused() {
        let id = "0".repeat(64);
        for line in [
            "[]",
            r#"["file"]"#,
            r#"["pipe","x"]"#,
            r#"["pair","00","wss://a.example","live",1]"#,
            &format!(r#"["pair","{id}","wss://a.example","heard",1]"#),
            &format!(r#"["pair","{id}","wss://a.example","live",-1]"#),
        ] {
            assert!(note(line.as_bytes()).is_err(), "{line}");
        }
    }
}
