//! A number that is nearly the same for nearly the same texts.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Words in a row that are looked at together.
const SHINGLE: usize = 2;

/// The similarity hash of a text (Charikar, "Similarity Estimation Techniques from Rounding Algorithms", 2002): the hashes
/// of its neighbouring words vote on each bit. Case, digits, punctuation, addresses and mentions are left out before.
/// `None` when fewer than `min_chars` letters remain.
pub(super) fn fingerprint(text: &[u8], min_chars: usize) -> Option<u64> {
    let text = String::from_utf8_lossy(text);
    let words: Vec<String> = text.split_whitespace().filter_map(plain).collect();
    let letters: usize = words.iter().map(|word| word.chars().count()).sum();
    if words.is_empty() || letters < min_chars {
        return None;
    }
    let mut votes = [0_i32; 64];
    for shingle in words.windows(SHINGLE.min(words.len())) {
        let mut hasher = SipHasher13::new();
        for word in shingle {
            hasher.write(word.as_bytes());
            hasher.write_u8(0xff);
        }
        let hash = hasher.finish();
        for (bit, vote) in votes.iter_mut().enumerate() {
            *vote += if hash >> bit & 1 == 1 { 1 } else { -1 };
        }
    }
    let bits = votes.iter().enumerate();
    Some(bits.fold(0, |print, (bit, vote)| print | u64::from(*vote > 0) << bit))
}

/// A word without what spammers vary; `None` when nothing is left.
fn plain(word: &str) -> Option<String> {
    let varied = ["http://", "https://", "nostr:", "www.", "@", "#"];
    if varied.iter().any(|start| word.starts_with(start)) {
        return None;
    }
    let letters = word.chars().filter(|symbol| symbol.is_alphabetic());
    let plain: String = letters.flat_map(char::to_lowercase).collect();
    (!plain.is_empty()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "Earn free sats every day with our new and completely honest casino, join us at";

    fn distance(left: &str, right: &str) -> u32 {
        let print = |text: &str| fingerprint(text.as_bytes(), 1).unwrap();
        (print(left) ^ print(right)).count_ones()
    }

    #[test]
    fn r4_2_what_spammers_vary_makes_no_difference() {
        for other in [
            format!("{TEXT} https://a.example/17"),
            format!("  {} 42!!", TEXT.to_uppercase()),
            format!("nostr:npub1xyz {TEXT} #bitcoin"),
        ] {
            assert_eq!(distance(TEXT, &other), 0, "{other}");
        }
    }

    #[test]
    fn r4_2_other_texts_are_far_away() {
        for other in [
            "The weather was fine today, so we walked along the river until the sun went down.",
            "Release notes: the relay now understands plugins, and the tests no longer sleep.",
        ] {
            assert!(distance(TEXT, other) > 12, "{}", distance(TEXT, other));
        }
    }

    #[test]
    fn short_texts_have_none() {
        assert_eq!(fingerprint(b"good morning", 40), None);
        assert_eq!(fingerprint(b"1234 https://a.example", 0), None);
    }
}
