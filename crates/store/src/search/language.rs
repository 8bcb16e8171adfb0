//! In which language a text is written.

use whatlang::{Lang, detect};

/// Letters below which a guess is a coin toss, for scripts that many languages share.
const LETTERS: usize = 12;

/// Characters of a text that are looked at: more tell nothing new.
const LOOKED_AT: usize = 1_000;

/// A language by its two letters (ISO 639-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language([u8; 2]);

impl Language {
    /// Reads two letters of either case.
    pub fn parse(code: &str) -> Option<Self> {
        match code.as_bytes() {
            [one, two] if one.is_ascii_alphabetic() && two.is_ascii_alphabetic() => {
                Some(Self([one.to_ascii_lowercase(), two.to_ascii_lowercase()]))
            }
            _ => None,
        }
    }

    /// As a number, for the index.
    pub(super) fn number(self) -> u64 {
        u64::from(u16::from_be_bytes(self.0))
    }

    /// The language that a text is most probably written in; `None` for a text too short to tell. Addresses and
    /// references to events are left out of account.
    pub fn of(text: &str) -> Option<Self> {
        let words: String = text
            .split_whitespace()
            .filter(|word| {
                !word.contains("://")
                    && !word.starts_with("nostr:")
                    && !word.starts_with(['@', '#'])
            })
            .flat_map(|word| [word, " "])
            .flat_map(str::chars)
            .take(LOOKED_AT)
            .collect();
        let found = detect(&words)?;
        let letters = words.chars().filter(|c| c.is_alphabetic()).count();
        let certain = found.is_reliable() || letters >= LETTERS;
        certain
            .then(|| two_letters(found.lang()))
            .flatten()
            .map(|code| Self(*code))
    }
}

/// The code of ISO 639-1. Norwegian Bokmål goes by the code of Norwegian, as most people write it.
const fn two_letters(lang: Lang) -> Option<&'static [u8; 2]> {
    Some(match lang {
        Lang::Epo => b"eo",
        Lang::Eng => b"en",
        Lang::Rus => b"ru",
        Lang::Cmn => b"zh",
        Lang::Spa => b"es",
        Lang::Por => b"pt",
        Lang::Ita => b"it",
        Lang::Ben => b"bn",
        Lang::Fra => b"fr",
        Lang::Deu => b"de",
        Lang::Ukr => b"uk",
        Lang::Kat => b"ka",
        Lang::Ara => b"ar",
        Lang::Hin => b"hi",
        Lang::Jpn => b"ja",
        Lang::Heb => b"he",
        Lang::Yid => b"yi",
        Lang::Pol => b"pl",
        Lang::Amh => b"am",
        Lang::Jav => b"jv",
        Lang::Kor => b"ko",
        Lang::Nob => b"no",
        Lang::Dan => b"da",
        Lang::Swe => b"sv",
        Lang::Fin => b"fi",
        Lang::Tur => b"tr",
        Lang::Nld => b"nl",
        Lang::Hun => b"hu",
        Lang::Ces => b"cs",
        Lang::Ell => b"el",
        Lang::Bul => b"bg",
        Lang::Bel => b"be",
        Lang::Mar => b"mr",
        Lang::Kan => b"kn",
        Lang::Ron => b"ro",
        Lang::Slv => b"sl",
        Lang::Hrv => b"hr",
        Lang::Srp => b"sr",
        Lang::Mkd => b"mk",
        Lang::Lit => b"lt",
        Lang::Lav => b"lv",
        Lang::Est => b"et",
        Lang::Tam => b"ta",
        Lang::Vie => b"vi",
        Lang::Urd => b"ur",
        Lang::Tha => b"th",
        Lang::Guj => b"gu",
        Lang::Uzb => b"uz",
        Lang::Pan => b"pa",
        Lang::Aze => b"az",
        Lang::Ind => b"id",
        Lang::Tel => b"te",
        Lang::Pes => b"fa",
        Lang::Mal => b"ml",
        Lang::Ori => b"or",
        Lang::Mya => b"my",
        Lang::Nep => b"ne",
        Lang::Sin => b"si",
        Lang::Khm => b"km",
        Lang::Tuk => b"tk",
        Lang::Aka => b"ak",
        Lang::Zul => b"zu",
        Lang::Sna => b"sn",
        Lang::Afr => b"af",
        Lang::Lat => b"la",
        Lang::Slk => b"sk",
        Lang::Cat => b"ca",
        Lang::Tgl => b"tl",
        Lang::Hye => b"hy",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_sentences_have_the_language_they_are_written_in() {
        for (code, text) in [
            ("en", "The quick brown fox jumps over the lazy dog"),
            (
                "en",
                "I really like the lightning network, what do you think about it?",
            ),
            ("de", "Ich glaube nicht, dass das eine gute Idee ist"),
            ("fr", "Je ne comprends pas pourquoi tu dis cela"),
            ("es", "Me gusta mucho el café por la mañana con mi familia"),
            ("pt", "Não consigo entender por que você fez isso comigo"),
            ("it", "Non capisco perché la gente non legge più libri"),
            ("ru", "Я люблю читать книги по вечерам"),
            ("ja", "今日はとても良い天気ですね"),
            ("zh", "今天天气很好我们去公园"),
            ("ko", "오늘 날씨가 정말 좋네요"),
            ("ar", "أحب القراءة في المساء كثيرا"),
            ("th", "วันนี้อากาศดีมาก"),
        ] {
            assert_eq!(Language::of(text), Language::parse(code), "{text}");
        }
    }

    #[test]
    fn r6_addresses_do_not_decide_the_language() {
        let text = "Ich glaube nicht, dass das gut ist https://example.com/the/quick/brown/fox/jumps nostr:npub1xyz";
        assert_eq!(Language::of(text), Language::parse("DE"));
        assert_eq!(Language::of("https://example.com/the/quick"), None);
        assert_eq!(Language::of("gm"), None);
    }
}
