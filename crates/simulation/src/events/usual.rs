//! The ordinary events: what people write.

use stentor_event::Event;

use super::draft::{Authors, Draft};
use super::{FAR, lists};
use crate::dice::Dice;
use crate::spec::Spec;

/// The words that notes are made of.
const WORDS: [&str; 16] = [
    "relay", "event", "tide", "lamp", "quiet", "river", "signal", "garden", "note", "winter",
    "bridge", "copper", "letter", "morning", "stone", "harbour",
];

/// About `spec.events` events: notes first, then what refers to them.
pub(super) fn events(spec: &Spec, authors: &Authors, urls: &[String]) -> Vec<Event> {
    let mut writer = Writer {
        spec,
        authors,
        urls,
        dice: Dice::new(spec.seed, 2),
    };
    let notes = spec.events.div_ceil(2);
    let first = (0..notes).map(|number| writer.note(number)).collect();
    let mut events = authors.sign(first);
    let second = (notes..spec.events)
        .map(|number| writer.other(number, &events))
        .collect();
    events.extend(authors.sign(second));
    events
}

struct Writer<'a> {
    spec: &'a Spec,
    authors: &'a Authors,
    urls: &'a [String],
    dice: Dice,
}

impl Writer<'_> {
    fn at(&mut self) -> u64 {
        let back = self.dice.below(self.spec.span());
        self.spec.now.saturating_sub(back)
    }

    fn author(&mut self) -> usize {
        self.dice.index(self.authors.len())
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<_> = (0..count)
            .filter_map(|_| self.dice.pick(&WORDS).copied())
            .collect();
        words.join(" ")
    }

    /// A note. One of a hundred has expired, one of a hundred expires in the year 2100.
    fn note(&mut self, number: usize) -> Draft {
        let (author, at) = (self.author(), self.at());
        let content = format!("{} {number}", self.words(6));
        let note = Draft::new(author, 1, at, content).tag(["t", self.word()]);
        match number % 100 {
            40 => {
                let before = at.min(self.spec.now.saturating_sub(7_200));
                let note = Draft { at: before, ..note };
                note.tag(["expiration".to_owned(), (before + 3_600).to_string()])
            }
            60 => note.tag(["expiration".to_owned(), FAR.to_string()]),
            _ => note,
        }
    }

    fn word(&mut self) -> &'static str {
        self.dice.pick(&WORDS).copied().unwrap_or_default()
    }

    /// An event of another kind.
    fn other(&mut self, number: usize, notes: &[Event]) -> Draft {
        let (author, at) = (self.author(), self.at());
        match number % 20 {
            0 | 1 => {
                let profile = format!(r#"{{"name":"{}","about":"{number}"}}"#, self.word());
                Draft::new(author, 0, at, profile)
            }
            2 | 3 => self.follows(author, at),
            4 => lists::one(author, 10_050, "relay", at, self.some_urls()),
            5 => lists::one(author, 10_002, "r", at, self.some_urls()),
            6 | 7 => {
                let subject = format!("{}-{}", self.word(), number % 3);
                let text = self.words(60);
                Draft::new(author, 30_023, at, text).tag(["d".to_owned(), subject])
            }
            8..=10 => self.about(Draft::new(author, 6, at, ""), notes),
            11..=14 => {
                let answer = Draft::new(author, 1, at, self.words(8));
                self.about(answer, notes)
            }
            _ => self.about(Draft::new(author, 7, at, "+"), notes),
        }
    }

    fn follows(&mut self, author: usize, at: u64) -> Draft {
        let url = self.url();
        let content = format!(r#"{{"{url}":{{"read":true,"write":true}}}}"#);
        let mut list = Draft::new(author, 3, at, content);
        for _ in 0..5 {
            let followed = self.author();
            let key = self.authors.public_key(followed).to_string();
            list = list.tag(["p".to_owned(), key, self.url()]);
        }
        list
    }

    /// Points to a note of before, with the URL of a relay as a hint.
    fn about(&mut self, draft: Draft, notes: &[Event]) -> Draft {
        let Some(note) = self.dice.pick(notes) else {
            return draft;
        };
        let (id, author) = (note.id().to_string(), note.pubkey().to_string());
        let hint = self.url();
        draft.tag(["e".to_owned(), id, hint]).tag(["p", &author])
    }

    fn url(&mut self) -> String {
        self.dice.pick(self.urls).cloned().unwrap_or_default()
    }

    fn some_urls(&mut self) -> Vec<String> {
        (0..3).map(|_| self.url()).collect()
    }
}
