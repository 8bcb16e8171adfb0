//! G1.3: what has been promised about the types of events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use serde_json::{Map, Value, json};
use stentor_bus::EventType;

#[test]
fn g1_3_examples_have_the_form_that_is_promised() {
    for one in EventType::ALL {
        let validator = jsonschema::validator_for(&one.schema()).unwrap();
        let example = one.example();
        let faults: Vec<String> = validator
            .iter_errors(&example)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{}: {faults:?}", one.name());
        // And the form says something.
        assert!(!validator.is_valid(&json!({})), "{}", one.name());
    }
}

/// When this fails: a form that readers can go on with may be written down anew (`STENTOR_PROMISE=1`); for one that they cannot go on
/// with, the version in the catalogue has to be another.
#[test]
fn g1_3_no_form_changes_without_its_version() {
    let promised = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogue.json");
    let now: Map<String, Value> = EventType::ALL
        .iter()
        .map(|one| {
            let about = json!({
                "version": one.version(),
                "source": one.log().source(),
                "family": one.family().word(),
                "data": one.schema(),
            });
            (one.name().to_owned(), about)
        })
        .collect();
    if std::env::var_os("STENTOR_PROMISE").is_some() {
        let text = serde_json::to_string_pretty(&now).unwrap();
        std::fs::write(&promised, text + "\n").unwrap();
    }
    let before = std::fs::read_to_string(&promised).unwrap();
    let before: Map<String, Value> = serde_json::from_str(&before).unwrap();
    assert_eq!(now, before);
}
