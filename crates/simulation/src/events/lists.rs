//! Relay lists, by which relays find each other.

use stentor_event::Event;

use super::draft::{Authors, Draft};
use crate::spec::Spec;

/// URLs in one of the lists that make up the directory.
const URLS: usize = 8;

/// How many authors it takes to name so many URLs: a list replaces the one before.
pub(super) fn authors_for(urls: usize) -> usize {
    urls.div_ceil(URLS)
}

/// Lists (NIP-65) that name every URL, each of another author and newer than all that this one wrote before.
pub(super) fn directory(spec: &Spec, authors: &Authors, urls: &[String]) -> Vec<Event> {
    let lists = urls.chunks(URLS).enumerate();
    let drafts = lists.map(|(author, part)| one(author, 10_002, "r", spec.now, part.to_vec()));
    authors.sign(drafts.collect())
}

/// A list that names these URLs in tags of this name.
pub(super) fn one(author: usize, kind: u16, tag: &str, at: u64, urls: Vec<String>) -> Draft {
    let list = Draft::new(author, kind, at, "");
    urls.into_iter()
        .fold(list, |list, url| list.tag([tag.to_owned(), url]))
}
