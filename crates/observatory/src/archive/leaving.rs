//! Whether a relay says that it shuts down (O3.7). Pure.

use serde_json::Value;

/// Words of those who go.
const WORDS: [&str; 10] = [
    "shutting down",
    "shut down",
    "shutdown",
    "shuts down",
    "closing down",
    "going offline",
    "sunset",
    "end of life",
    "discontinued",
    "decommission",
];

/// Whether the name or the description in an information document (NIP-11) says that the relay shuts down.
pub(crate) fn leaving(document: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(document) else {
        return false;
    };
    let texts = ["name", "description"].into_iter();
    let mut texts = texts.filter_map(|key| document.get(key)?.as_str());
    texts.any(|text| {
        let text = text.to_lowercase();
        WORDS.iter().any(|words| text.contains(words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o3_7_a_goodbye_is_understood() {
        assert!(leaving(
            r#"{"name":"x","description":"This relay is Shutting Down in May."}"#
        ));
        assert!(leaving(r#"{"name":"x (discontinued)"}"#));
        for stays in [
            r#"{"description":"fast"}"#,
            r#"{"description":5}"#,
            "no JSON",
            "[]",
        ] {
            assert!(!leaving(stays), "{stays}");
        }
    }
}
