//! Whatever a relay or a web server says of relays: what is kept of it can be stored, is bounded, and is said again as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stentor_event::Event;
use stentor_observatory::RelayUrl;
use stentor_observatory::untrusted::{information, listed, said};

/// Expressions as operators write them.
const PATHS: [&str; 4] = ["$[*]", "$.relays[*].url", "$..url", "$[?@.ok==true]"];

fn check(urls: &[RelayUrl]) {
    for url in urls {
        assert_eq!(RelayUrl::parse(url.as_str()).as_ref(), Ok(url));
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Some(known) = information(bytes) {
        check(&known.mentions);
        // What is kept is read back as the same.
        let again = information(known.document.as_bytes()).expect("a document");
        assert_eq!(again.hash, known.hash);
        assert_eq!(again.mentions, known.mentions);
        // What is published of it is an event that everybody can read.
        let event = Event::parse(known.published.json()).expect("an event");
        assert_eq!(event.id(), known.published.id());
        assert_eq!(event.verify_signature(), Ok(()));
        assert!(known.published.json().len() < 256 * 1024);
        for text in known.shown {
            assert!(!text.is_empty() && !text.contains(char::is_control));
            assert!(text.chars().count() <= 300);
        }
    }
    for path in PATHS {
        check(&listed(bytes, path));
    }
    let words = String::from_utf8_lossy(bytes);
    for kept in said(&words) {
        assert!(!kept.contains(char::is_control), "{kept:?}");
        assert!(kept.chars().count() <= 200);
    }
});
