//! Authors, and events that are still to be signed.

use std::thread;

use stentor_event::{Event, EventBuilder, Kind, PublicKey, SecretKey, Timestamp};

use crate::dice::Dice;

/// Everybody who writes in a network: at least one.
pub(crate) struct Authors {
    first: SecretKey,
    others: Vec<SecretKey>,
}

/// An event before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Its author's number.
    pub(crate) author: usize,
    pub(crate) kind: u16,
    pub(crate) at: u64,
    pub(crate) tags: Vec<Vec<String>>,
    pub(crate) content: String,
}

impl Draft {
    pub(crate) fn new(author: usize, kind: u16, at: u64, content: impl Into<String>) -> Self {
        Self {
            author,
            kind,
            at,
            tags: Vec::new(),
            content: content.into(),
        }
    }

    pub(crate) fn tag<S: Into<String>>(mut self, strings: impl IntoIterator<Item = S>) -> Self {
        self.tags
            .push(strings.into_iter().map(Into::into).collect());
        self
    }
}

impl Authors {
    /// So many, at least one, made of a seed.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut dice = Dice::new(seed, 1);
        let first = key(&mut dice);
        let others = (1..count).map(|_| key(&mut dice)).collect();
        Self { first, others }
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// One of them; numbers begin anew after the last.
    fn key(&self, number: usize) -> &SecretKey {
        let other = (number % self.len()).checked_sub(1);
        let other = other.and_then(|other| self.others.get(other));
        other.unwrap_or(&self.first)
    }

    pub(crate) fn public_key(&self, number: usize) -> PublicKey {
        self.key(number).public_key()
    }

    pub(crate) fn sign_one(&self, draft: Draft) -> Event {
        let mut builder =
            EventBuilder::new(Kind(draft.kind), Timestamp(draft.at)).content(draft.content);
        for tag in draft.tags {
            builder = builder.tag(tag);
        }
        builder.sign(self.key(draft.author))
    }

    /// Signs all of them, on all cores.
    pub(crate) fn sign(&self, drafts: Vec<Draft>) -> Vec<Event> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let share = drafts.len().div_ceil(cores).max(64);
        if drafts.len() <= share {
            return self.sign_here(drafts);
        }
        let mut rest = drafts;
        thread::scope(|scope| {
            let mut workers = Vec::with_capacity(cores);
            while !rest.is_empty() {
                let part: Vec<_> = rest.drain(..share.min(rest.len())).collect();
                workers.push(scope.spawn(move || self.sign_here(part)));
            }
            let signed = workers.into_iter().map(|worker| worker.join());
            signed.flat_map(Result::unwrap_or_default).collect()
        })
    }

    fn sign_here(&self, drafts: Vec<Draft>) -> Vec<Event> {
        let signed = drafts.into_iter().map(|draft| self.sign_one(draft));
        signed.collect()
    }
}

/// A key of chance. Bytes that are none are as likely as a collision of ids; the next ones are taken then.
fn key(dice: &mut Dice) -> SecretKey {
    loop {
        if let Ok(key) = SecretKey::from_bytes(dice.bytes()) {
            return key;
        }
    }
}
