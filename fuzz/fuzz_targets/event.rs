//! Whatever is accepted as an event is well-formed JSON, and its canonical form is read back as the same event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stentor_event::{Event, EventView, deletion_targets, embeds_protected, pow, vanish_relays};

/// Reads everything that can be read from a view.
fn exercise(view: &EventView<'_>) {
    let _ = (
        view.id(),
        view.pubkey(),
        view.sig(),
        view.content(),
        view.identifier(),
    );
    let _ = (
        view.expiration(),
        view.is_protected(),
        view.check_id(),
        pow::committed_target(view),
    );
    let _ = (
        embeds_protected(view),
        deletion_targets(view).count(),
        vanish_relays(view).count(),
    );
    let walked = view.tags().filter_map(|tag| tag.single_letter()).count();
    // Only bytes that were parsed are sure to have tags in which both ways of looking agree.
    let _ = walked.abs_diff(view.indexed_tags().count());
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(view) = EventView::from_canonical(bytes) {
        exercise(&view);
    }
    let Ok(event) = Event::parse(bytes) else {
        return;
    };
    let view = event.view();
    exercise(&view);
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok());
    let again = Event::parse(event.json()).unwrap();
    assert_eq!(again.json(), event.json());
    let stored = Event::from_canonical(event.json().clone()).unwrap();
    assert_eq!((stored.id(), stored.pubkey()), (event.id(), event.pubkey()));
    assert_eq!(
        (stored.kind(), stored.created_at()),
        (event.kind(), event.created_at())
    );
    assert_eq!(stored.view().tags_raw(), view.tags_raw());
    assert_eq!(stored.view().content(), view.content());
    let walked: Vec<_> = view.tags().filter_map(|tag| tag.single_letter()).collect();
    let indexed: Vec<_> = view
        .indexed_tags()
        .map(|(letter, value)| (letter, value.unescape()))
        .collect();
    assert_eq!(walked, indexed);
});
