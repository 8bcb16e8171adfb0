//! Whatever is accepted as a filter is well-formed JSON, and is written and read back as the same filter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stentor_event::{Filter, FilterLimits, hll};

fuzz_target!(|bytes: &[u8]| {
    let Ok(filter) = Filter::parse(bytes) else {
        return;
    };
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok());
    let again = Filter::parse(filter.to_json().as_bytes()).unwrap();
    assert_eq!(again, filter);
    assert!(hll::offset(&filter).is_none_or(|offset| (8..24).contains(&offset)));
    let sorted = |list: &[stentor_event::EventId]| list.is_sorted();
    assert!(filter.ids.as_deref().is_none_or(sorted));
    assert!(filter.tags.iter().all(|tag| tag.values.is_sorted()));
    let _ = (
        filter.matches_nothing(),
        Filter::parse_within(bytes, &FilterLimits::default()),
    );
});
