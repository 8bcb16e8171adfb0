//! The tokenizer: one for what is indexed, what is asked for, and what passes by live (R6).
//!
//! A text becomes a sequence of *atoms*: words where words are set off by spaces, single characters where they are not.
//! What is looked up are *tokens*: words as they are; of a run of characters each character and each pair of neighbours.
//! A query asks for the pairs, and for a character only when it stands alone. So the tokens of a query are among those of
//! every text that contains it, and a text that has them needs a look at the order of its atoms only where a run is longer
//! than a pair or several atoms belong together.

use unicode_segmentation::UnicodeSegmentation;

use super::fold::{Role, fold, role};

/// Bytes of a word beyond which it is cut: keys, invoices and encoded files would fill the dictionary of the index.
const LONGEST: usize = 72;

/// A text as a sequence of atoms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Atoms {
    text: String,
    spans: Vec<Span>,
}

/// Where an atom lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
    /// A character of a run.
    unspaced: bool,
    /// Directly behind the atom before it, in the same run.
    joined: bool,
}

/// One atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Atom<'a> {
    /// The folded word or character; empty for the gap between two texts.
    pub text: &'a str,
    /// Whether it directly follows the atom before it in one run of characters.
    pub joined: bool,
}

impl Atoms {
    /// The atoms of a text.
    pub fn of(text: &str) -> Self {
        let mut atoms = Self::default();
        atoms.push(text);
        atoms
    }

    /// Appends the atoms of another text; nothing reaches from one text into the next.
    pub fn push(&mut self, text: &str) {
        if !self.spans.is_empty() {
            self.add("", false, false);
        }
        let folded = fold(text);
        let mut run = false;
        for segment in folded.split_word_bounds() {
            run = self.push_segment(segment, run);
        }
    }

    /// The atoms of one segment between word boundaries. `run`: a run of characters reaches up to it; so is the answer.
    fn push_segment(&mut self, segment: &str, mut run: bool) -> bool {
        let mut word: Option<(usize, Role)> = None;
        for (at, c) in segment.char_indices() {
            let role = role(c);
            if let Some((start, open)) = word
                && role != Role::Attached
                && (role != open || role == Role::Unspaced)
            {
                self.add(
                    segment.get(start..at).unwrap_or_default(),
                    open == Role::Unspaced,
                    run,
                );
                run = open == Role::Unspaced;
                word = None;
            }
            match role {
                Role::Parting => run = false,
                Role::Attached => {}
                role if word.is_none() => {
                    run &= role == Role::Unspaced;
                    word = Some((at, role));
                }
                _ => {}
            }
        }
        match word {
            Some((start, open)) => {
                self.add(
                    segment.get(start..).unwrap_or_default(),
                    open == Role::Unspaced,
                    run,
                );
                open == Role::Unspaced
            }
            None => run && segment.chars().all(|c| role(c) == Role::Attached),
        }
    }

    fn add(&mut self, word: &str, unspaced: bool, run: bool) {
        let start = self.text.len();
        self.text.push_str(cut(word));
        // A text is far shorter than 4 GiB: events are limited to less.
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.text.len())) {
            let joined = run && unspaced;
            self.spans.push(Span {
                start,
                end,
                unspaced,
                joined,
            });
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The atoms in order.
    pub fn iter(&self) -> impl Iterator<Item = Atom<'_>> + Clone {
        self.spans.iter().map(|span| self.atom(span))
    }

    fn atom(&self, span: &Span) -> Atom<'_> {
        let text = self.text.get(span.start as usize..span.end as usize);
        Atom {
            text: text.unwrap_or_default(),
            joined: span.joined,
        }
    }

    /// All that a text can be found by.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.spans
            .iter()
            .enumerate()
            .flat_map(|(position, span)| {
                let atom = self.atom(span).text;
                [
                    Some(atom).filter(|atom| !atom.is_empty()),
                    self.pair(position),
                ]
            })
            .flatten()
    }

    /// The tokens by which a text that contains this one is looked up: as few as say the most.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.spans
            .iter()
            .enumerate()
            .filter_map(|(position, span)| {
                let alone = !span.joined && self.pair(position).is_none();
                let atom = self.atom(span).text;
                if alone {
                    Some(atom).filter(|atom| !atom.is_empty())
                } else {
                    self.pair(position)
                }
            })
    }

    /// The atom at this position with the next one, where they are of one run.
    fn pair(&self, position: usize) -> Option<&str> {
        let first = self.spans.get(position)?;
        let second = self
            .spans
            .get(position + 1)
            .filter(|second| second.joined)?;
        self.text.get(first.start as usize..second.end as usize)
    }

    /// Whether a text that has the required tokens may yet not contain this one.
    pub fn needs_order(&self) -> bool {
        match self.spans.as_slice() {
            [] | [_] => false,
            [_, second] => !second.joined,
            _ => true,
        }
    }

    /// Whether the atoms of `part` follow one another here; those of a run without anything between them.
    pub fn contains(&self, part: &Self) -> bool {
        if part.is_empty() {
            return true;
        }
        (0..self.len()).any(|start| {
            let here = self
                .spans
                .get(start..start + part.len())
                .unwrap_or_default();
            here.len() == part.len()
                && here.iter().zip(&part.spans).all(|(here, wanted)| {
                    here.unspaced == wanted.unspaced
                        && (here.joined || !wanted.joined)
                        && self.atom(here).text == part.atom(wanted).text
                })
        })
    }
}

/// The beginning of a word that is too long.
fn cut(word: &str) -> &str {
    let mut end = word.len().min(LONGEST);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    word.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn atoms(text: &str) -> Vec<String> {
        Atoms::of(text)
            .iter()
            .map(|atom| atom.text.to_owned())
            .collect()
    }

    fn tokens(text: &str) -> BTreeSet<String> {
        Atoms::of(text).tokens().map(str::to_owned).collect()
    }

    fn required(text: &str) -> Vec<String> {
        Atoms::of(text).required().map(str::to_owned).collect()
    }

    fn finds(query: &str, text: &str) -> bool {
        let (query, text) = (Atoms::of(query), Atoms::of(text));
        let tokens: BTreeSet<&str> = text.tokens().collect();
        !query.is_empty()
            && query.required().all(|token| tokens.contains(token))
            && text.contains(&query)
    }

    #[test]
    fn r6_words_of_spaced_scripts() {
        assert_eq!(
            atoms("Hello, World! It's 3.14"),
            ["hello", "world", "it", "s", "3", "14"]
        );
        assert_eq!(
            atoms("https://Example.com/a_b?c=d"),
            ["https", "example", "com", "a", "b", "c", "d"]
        );
        assert_eq!(atoms("#Bitcoin @alice $SATS"), ["bitcoin", "alice", "sats"]);
        assert_eq!(atoms("Привет, мир"), ["привет", "мир"]);
        assert_eq!(atoms("مرحبا بالعالم"), ["مرحبا", "بالعالم"]);
        assert_eq!(atoms("नमस्ते दुनिया"), ["नमस्ते", "दुनिया"]);
        assert_eq!(atoms(" \t\n"), [] as [&str; 0]);
    }

    #[test]
    fn r6_chinese_japanese_korean_and_thai_by_pairs() {
        assert_eq!(required("比特币"), ["比特", "特币"]);
        assert_eq!(required("币"), ["币"]);
        assert!(finds("比特币", "我喜欢比特币和闪电网络"));
        assert!(finds("币", "我喜欢比特币"));
        assert!(!finds("特比", "我喜欢比特币"));
        assert!(
            !finds("东京都", "东京和京都"),
            "the pairs are there, the word is not"
        );
        assert!(finds("ビットコイン", "私はビットコインが好きです"));
        assert!(finds("ﾋﾞｯﾄ", "ビットコイン"), "half width");
        assert!(finds("猫", "黒猫が寝ている"));
        assert!(
            finds("비트코인", "나는 비트코인을 좋아한다"),
            "with an ending"
        );
        assert!(!finds("이더", "나는 비트코인을 좋아한다"));
        assert!(finds("สวัสดี", "สวัสดีครับ"));
        assert!(finds("日本", "iPhone日本語版"));
        assert!(finds("iphone", "iPhone日本語版"));
        assert!(!finds("日本", "日 本"), "not one word");
        assert!(!finds("日本", "日、本"), "not one word");
    }

    #[test]
    fn r6_emoji_are_words() {
        assert_eq!(atoms("gm ☀️🤙🏽 pv"), ["gm", "☀", "🤙", "pv"]);
        assert!(finds("🤙", "good morning 🤙🏿"));
        assert!(finds("👨‍👩‍👧", "my 👨‍👩‍👧!"));
        assert!(!finds("🤙", "good morning 👍"));
    }

    #[test]
    fn r6_accents_do_not_matter() {
        assert!(finds("cafe", "Le CAFÉ est fermé"));
        assert!(finds("Öl", "ol"));
        assert!(finds("muenchen", "Muenchen") && finds("münchen", "MUNCHEN"));
    }

    #[test]
    fn r6_atoms_of_one_word_stand_together() {
        assert!(finds("example.com", "see example.com/x"));
        assert!(!finds("example.com", "com example"));
        assert!(!finds("one two", "two one"));
        let mut two = Atoms::of("one");
        two.push("two");
        assert!(
            !two.contains(&Atoms::of("one two")),
            "nothing reaches from one text into the next"
        );
    }

    #[test]
    fn r6_long_words_are_cut_alike() {
        let key = "a".repeat(200);
        assert!(finds(&key, &key));
        assert!(
            tokens(&"字".repeat(200))
                .iter()
                .all(|token| token.len() <= LONGEST)
        );
    }

    proptest! {
        #[test]
        fn r6_what_a_query_requires_is_in_every_text_that_contains_it(
            before in "[a-z가-힣一-龥ぁ-んก-๙ \\.🤙é]{0,8}", query in "\\PC{1,12}", after in "\\PC{0,8}",
        ) {
            let text = format!("{before} {query} {after}");
            let (wanted, there) = (Atoms::of(&query), Atoms::of(&text));
            let tokens: BTreeSet<&str> = there.tokens().collect();
            for token in wanted.required() {
                prop_assert!(tokens.contains(token), "{token:?} of {query:?} in {text:?}");
            }
            prop_assert!(there.contains(&wanted), "{:?} in {:?}", wanted, there);
        }

        #[test]
        fn r6_any_part_of_a_run_is_found(text in "[一-龥ぁ-ん가-힣]{2,12}", from in 0_usize..12, length in 1_usize..6) {
            let part: String = text.chars().skip(from % text.chars().count()).take(length).collect();
            prop_assert!(finds(&part, &text), "{part} in {text}");
        }

        #[test]
        fn r6_folding_twice_is_folding_once(text in "\\PC{0,40}") {
            let once: Vec<String> = atoms(&text);
            let again = atoms(&once.join(" "));
            let length = |list: &[String]| list.iter().map(String::len).sum::<usize>();
            prop_assert_eq!(length(&once), length(&again));
        }

        #[test]
        fn r6_without_order_a_text_with_the_tokens_contains_the_query(
            query in "[a-c一二三]{1,3}", text in "[a-c一二三 ]{0,12}",
        ) {
            let (wanted, there) = (Atoms::of(&query), Atoms::of(&text));
            let tokens: BTreeSet<&str> = there.tokens().collect();
            if !wanted.needs_order() && wanted.required().all(|token| tokens.contains(token)) {
                prop_assert!(there.contains(&wanted));
            }
        }
    }
}
