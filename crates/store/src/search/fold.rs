//! Characters as search sees them: folded, and told apart by how their script is written.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The text in lower case, without diacritics, and with compatible characters made equal (full width and half width,
/// ligatures): what is the same to a reader who searches becomes the same characters.
///
/// Marks that only decorate a letter go; those that make another letter of it, such as the voicing of kana or the vowel
/// signs of Indic scripts, stay.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Decomposed first: compatibility forms hide capitals, such as those of mathematical alphabets and modifier letters.
    let lower = text.nfkd().flat_map(char::to_lowercase);
    let bare = lower.filter(|c| !is_decoration(*c));
    let mut folded = String::with_capacity(text.len());
    for c in bare.nfc() {
        match plain(c) {
            Some(letters) => folded.push_str(letters),
            None => folded.push(c),
        }
    }
    folded
}

/// Marks that are left out: combining accents, Hebrew points, Arabic vowel signs and the stretching of words, what tells
/// emoji from text and one skin tone from another.
const fn is_decoration(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036f}'
        | '\u{0591}'..='\u{05bd}' | '\u{05bf}' | '\u{05c1}' | '\u{05c2}' | '\u{05c4}' | '\u{05c5}' | '\u{05c7}'
        | '\u{0610}'..='\u{061a}' | '\u{0640}' | '\u{064b}'..='\u{065f}' | '\u{0670}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}'
        | '\u{00ad}' | '\u{200b}' | '\u{200c}' | '\u{2060}' | '\u{feff}')
}

/// What people type who do not have the letter.
const fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'þ' => "th",
        'ı' => "i",
        'ħ' => "h",
        'ς' => "σ",
        _ => return None,
    })
}

/// How a character takes part in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Of a word that is set off by spaces.
    Letter,
    /// Of a script whose words are not set off by spaces, or grow endings as Korean ones do: indexed by pairs.
    Unspaced,
    /// A pictogram: a word of its own.
    Pictogram,
    /// Parts words: spaces and punctuation, also where Unicode joins what stands beside it (`example.com`, `don't`).
    Parting,
    /// Goes with what stands before it: signs on letters, joiners of pictograms.
    Attached,
}

/// The role of a folded character within a segment of text that has a word in it.
pub(super) fn role(c: char) -> Role {
    match c {
        'a'..='z' | '0'..='9' => Role::Letter,
        c if is_unspaced(c) => Role::Unspaced,
        c if is_pictogram(c) => Role::Pictogram,
        c if c.is_alphanumeric() => Role::Letter,
        '\u{200d}' | '\u{e0020}'..='\u{e007f}' => Role::Attached,
        c if is_combining_mark(c) => Role::Attached,
        _ => Role::Parting,
    }
}

/// Han, kana, Hangul, and the scripts of South-East Asia that are written without spaces.
const fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e01}'..='\u{0e59}' | '\u{0e81}'..='\u{0edf}'
        | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}' | '\u{1950}'..='\u{19df}'
        | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3041}'..='\u{3096}' | '\u{3099}' | '\u{309a}' | '\u{309d}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{3ffff}')
}

/// Emoji and other symbols that people search for.
const fn is_pictogram(c: char) -> bool {
    matches!(c,
        '\u{203c}' | '\u{2049}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}'
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{20bf}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_case_accents_and_widths_are_folded() {
        for (text, folded) in [
            ("Ünïcödé CAFÉ", "unicode cafe"),
            ("Straße ŁÓDŹ Ærø", "strasse lodz aero"),
            ("ΣΊΣΥΦΟΣ Ὀδυσσεύς", "σισυφοσ οδυσσευσ"),
            ("İstanbul ısı", "istanbul isi"),
            ("Ёлка Йод", "елка иод"),
            ("ＢＩＴｃｏｉｎ ﾋﾞｯﾄ", "bitcoin ビット"),
            ("ﬁne 𝐁𝐨𝐥𝐝", "fine bold"),
            ("\u{a7f8}\u{1d2d}", "hae"),
            ("مُحَمَّد أحمد", "محمد احمد"),
            ("שָׁלוֹם", "שלום"),
            ("e\u{301}te\u{301}", "ete"),
            ("👍🏽 ❤️", "👍 ❤"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn r6_marks_that_make_another_letter_stay() {
        for text in ["がぎ", "한국어", "हिन्दी", "ไทย", "பொருள்"]
        {
            assert_eq!(fold(text), text);
        }
        assert_ne!(fold("か"), fold("が"));
    }

    #[test]
    fn r6_folding_every_character_twice_is_folding_it_once() {
        for c in '\0'..=char::MAX {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "U+{:04X}", u32::from(c));
        }
    }
}
