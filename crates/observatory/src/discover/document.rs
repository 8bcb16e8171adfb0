//! The relays that a NIP-11 document mentions (O1.1). Pure.

use serde_json::Value;

use super::mentions::MAX_MENTIONS;
use crate::relay_url::RelayUrl;

/// The most values of one document that are looked at.
const MAX_VALUES: usize = 100_000;

/// The URLs of relays among the strings of a document, wherever they stand, each once, at most [`MAX_MENTIONS`]. Names of fields are
/// no mentions.
pub(crate) fn urls_in(document: &Value) -> Vec<RelayUrl> {
    let (mut found, mut open) = (Vec::new(), vec![document]);
    for _ in 0..MAX_VALUES {
        let Some(value) = open.pop() else { break };
        match value {
            Value::String(text) => {
                if let Ok(url) = RelayUrl::parse(text)
                    && !found.contains(&url)
                {
                    found.push(url);
                }
            }
            // From behind, so that what stands first is taken first.
            Value::Array(values) => open.extend(values.iter().rev()),
            Value::Object(fields) => open.extend(fields.values().rev()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        if found.len() >= MAX_MENTIONS {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn o1_1_urls_are_found_anywhere_in_a_document() {
        let document = json!({
            "name": "wss relay", "url": "wss://a.example", "icon": "https://a.example/i.png",
            "x": [{"mirrors": ["ws://b.example:80", "WSS://A.example/"]}, 5, null], "wss://key.example": true,
        });
        let found: Vec<_> = urls_in(&document).iter().map(RelayUrl::to_string).collect();
        assert_eq!(found.len(), 2);
        assert!(found.contains(&"wss://a.example/".to_owned()));
        assert!(found.contains(&"ws://b.example/".to_owned()));
    }

    #[test]
    fn o1_1_a_document_gives_not_too_many() {
        let urls: Vec<String> = (0..500).map(|n| format!("wss://{n}.example")).collect();
        let found = urls_in(&json!(urls));
        assert_eq!(found.len(), MAX_MENTIONS);
        assert_eq!(found[0].as_str(), "wss://0.example/");
    }

    proptest! {
        #[test]
        fn o1_1_no_document_is_too_strange(text in "\\PC{0,80}") {
            if let Ok(document) = serde_json::from_str::<Value>(&text) {
                prop_assert!(urls_in(&document).len() <= MAX_MENTIONS);
            }
        }
    }
}
