//! Documents, addressed by what is in them (O2.4).
//!
//! The address is the SHA-256 of the canonical JSON (RFC 8785): keys in order, one spelling of every text and number. So the order of
//! keys does not matter, and as JSON has its own delimiters and escapes, no two documents can be mistaken for each other.

use serde_json::Value;
use sha2::{Digest, Sha256};
use stentor_sql::{Database, Error, Transaction};

use crate::clock::stored;

/// How often the last use of a document is noted, in milliseconds. Far below the shortest time that checks are kept.
const NOTED_MS: u64 = 6 * 3_600_000;

/// The kind of documents that relays give of themselves (NIP-11).
pub(crate) const NIP11: &str = "nip11";

/// A document and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    /// The address.
    pub hash: [u8; 32],
    /// The canonical JSON.
    pub body: String,
}

impl Document {
    /// The document of a value. `None` if it has no canonical form, which what was read from JSON always has.
    pub fn of(value: &Value) -> Option<Self> {
        let body = serde_json_canonicalizer::to_string(value).ok()?;
        Some(Self {
            hash: Sha256::digest(&body).into(),
            body,
        })
    }
}

/// Keeps a document, or notes that it is in use.
pub(super) fn keep(
    tx: &mut Transaction<'_>,
    kind: &'static str,
    document: &Document,
    now_ms: u64,
) -> Result<(), Error> {
    let known: Option<(i64,)> = tx.fetch_optional(
        "SELECT last_ms FROM observatory_documents WHERE hash = ?",
        (document.hash,),
    )?;
    match known {
        None => {
            tx.execute(
                "INSERT INTO observatory_documents (hash, kind, body, first_ms, last_ms) VALUES (?, ?, ?, ?, ?)",
                (
                    document.hash,
                    kind,
                    document.body.as_str(),
                    stored(now_ms),
                    stored(now_ms),
                ),
            )?;
        }
        Some((last_ms,)) if last_ms < stored(now_ms.saturating_sub(NOTED_MS)) => {
            tx.execute(
                "UPDATE observatory_documents SET last_ms = ? WHERE hash = ?",
                (stored(now_ms), document.hash),
            )?;
        }
        Some(_) => {}
    }
    Ok(())
}

/// The document at an address.
///
/// # Errors
/// Those of the records.
pub(crate) async fn document(records: &Database, hash: [u8; 32]) -> Result<Option<Value>, Error> {
    let row: Option<(String,)> = records
        .fetch_optional(
            "SELECT body FROM observatory_documents WHERE hash = ?",
            (hash,),
        )
        .await?;
    Ok(row.and_then(|(body,)| serde_json::from_str(&body).ok()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(text: &str) -> Document {
        Document::of(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn o2_4_the_order_of_keys_and_the_spelling_do_not_matter() {
        let one = of(r#"{"b":1.0,"a":"\u00e9","c":[1e2,null]}"#);
        let other = of("{ \"c\" : [100, null],\n\"a\":\"é\",\"b\":1}");
        assert_eq!(one, other);
        assert_eq!(one.body, r#"{"a":"é","b":1,"c":[100,null]}"#);
    }

    #[test]
    fn o2_4_no_delimiter_collides() {
        let documents = [
            json!({"name": "a", "software": "b"}),
            json!({"name": "a\",\"software\":\"b"}),
            json!({"name": "a,b"}),
            json!({"name": "a\u{0}b"}),
            json!({"name": "a|b"}),
            json!(["a", "b"]),
            json!(["a,b"]),
            json!(["a\",\"b"]),
            json!([["a"], "b"]),
        ];
        let hashes: std::collections::BTreeSet<_> = documents
            .iter()
            .map(|value| Document::of(value).unwrap().hash)
            .collect();
        assert_eq!(hashes.len(), documents.len());
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn o2_4_what_differs_has_another_address(one in values(), other in values()) {
            let (a, b) = (Document::of(&one).unwrap(), Document::of(&other).unwrap());
            prop_assert_eq!(one == other, a.hash == b.hash);
            prop_assert_eq!(serde_json::from_str::<Value>(&a.body).unwrap(), one);
        }
    }
}
