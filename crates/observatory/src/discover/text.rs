//! Sources that are a text as a whole (seeds, lists on web servers): read once, and again when they change (O1.1).
//!
//! The cursor of such a source counts the URLs that were taken from the text of this hash, so that reading goes on where it was
//! interrupted, or where there was no room for more candidates: what the operator has named waits for it. A text that stays the same is
//! read again after half of `forget_days`, as what it names is still mentioned: without that, a seed that does not answer would be
//! forgotten although it is still in the configuration.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stentor_event::hexadecimal;

use super::intake::{ENOUGH, Intake, Mentions, Step};
use super::source::Source;
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::table::{self, Cursor};

/// The most URLs that are taken from one text.
pub(super) const MAX_URLS: usize = 100_000;
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// What is remembered of a text, in the note of its cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Note {
    /// SHA-256 of the text.
    pub hash: String,
    /// When reading it began, in Unix milliseconds.
    pub read_ms: u64,
    /// Whether it was read to its end.
    pub done: bool,
    /// When it was last asked for, in Unix milliseconds.
    pub asked_ms: u64,
    /// The ETag that its server gave it.
    pub etag: Option<String>,
    /// When its server says that it was changed.
    pub modified: Option<String>,
}

impl Note {
    /// What is remembered under this name, and the cursor that it is in.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn load(ground: &Ground, name: &str) -> Result<(Self, Cursor), Error> {
        let cursor = table::cursor(&ground.records, name).await?;
        let note = cursor.note.as_deref().unwrap_or_default();
        // A note of nobody's is no note.
        Ok((serde_json::from_str(note).unwrap_or_default(), cursor))
    }

    /// Whether the text was read to its end, and not too long ago.
    pub fn holds(&self, ground: &Ground) -> bool {
        self.done && self.is_fresh(ground)
    }

    fn is_fresh(&self, ground: &Ground) -> bool {
        let age = ground.clock.now_ms().saturating_sub(self.read_ms);
        age < ground.config.discover.forget_days * DAY_MS / 2
    }

    fn cursor(&self, place: u64) -> Cursor {
        // Strings and numbers can always be written.
        let note = serde_json::to_string(self).ok();
        Cursor { place, note }
    }

    /// Writes down this and what was found up to this place; `None` when there is no room for it.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn save(
        &self,
        intake: &Intake,
        name: &str,
        (from, place): (Cursor, u64),
        found: Mentions,
    ) -> Result<Option<Cursor>, Error> {
        let step = Step {
            name: name.to_owned(),
            from,
            to: self.cursor(place),
        };
        intake.take_all(found, step).await
    }
}

/// A text that was found.
pub(super) struct Text<'a> {
    /// The name of its cursor.
    pub name: &'a str,
    /// What kind of source it is.
    pub source: Source,
    /// Where it is, for who asks where a relay was found.
    pub found_in: Option<&'a str>,
    /// SHA-256 of it.
    pub hash: String,
    /// What it names, in order; what is beyond [`MAX_URLS`] is left out.
    pub urls: Vec<RelayUrl>,
}

/// Takes up what a text names, unless that was done. `note` has what is known of it beside; its times and hash are set here.
///
/// # Errors
/// Those of the records.
pub(super) async fn read(
    ground: &Ground,
    intake: &Intake,
    text: Text<'_>,
    mut note: Note,
) -> Result<(), Error> {
    let (before, mut cursor) = Note::load(ground, text.name).await?;
    let again = before.hash == text.hash && before.is_fresh(ground);
    let mut place = if again { cursor.place } else { 0 };
    note.hash.clone_from(&text.hash);
    note.read_ms = if again {
        before.read_ms
    } else {
        ground.clock.now_ms()
    };
    let known = usize::try_from(place).unwrap_or(usize::MAX);
    let left: Vec<_> = text.urls.iter().take(MAX_URLS).skip(known).collect();
    if left.is_empty() {
        note.done = true;
        if note != before {
            let found = Mentions::default();
            note.save(intake, text.name, (cursor, place), found).await?;
        }
        return Ok(());
    }
    let mut size = ENOUGH;
    let mut left = left.as_slice();
    while !left.is_empty() {
        let (some, rest) = left.split_at(size.min(left.len()));
        note.done = rest.is_empty();
        let to = place + some.len() as u64;
        let step = (cursor.clone(), to);
        let saving = note.save(intake, text.name, step, mentions(&text, some));
        match saving.await? {
            Some(saved) => {
                (cursor, place, left) = (saved, to, rest);
                size = ENOUGH.min(2 * size);
            }
            // Perhaps there is for the first of them.
            None if some.len() > 1 => size = some.len() / 2,
            None => {
                let (source, urls) = (text.source.as_str(), left.len());
                tracing::warn!(
                    source,
                    urls,
                    "there is no room for candidates of the operator"
                );
                break;
            }
        }
    }
    Ok(())
}

/// These URLs of it.
fn mentions(text: &Text<'_>, urls: &[&RelayUrl]) -> Mentions {
    let mut mentions = Mentions::default();
    for url in urls {
        let found_in = || text.found_in.map(str::to_owned);
        mentions.add((*url).clone(), text.source, found_in);
    }
    mentions
}

/// SHA-256 in hexadecimal.
pub(super) fn hash(bytes: &[u8]) -> String {
    hexadecimal::encode(&Sha256::digest(bytes))
}
