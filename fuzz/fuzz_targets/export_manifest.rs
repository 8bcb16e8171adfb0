//! Whatever lies beside an export as its manifest: what is taken for one names files of exports only, and says the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stentor_observatory::untrusted::manifest;

fuzz_target!(|bytes: &[u8]| {
    let Some((written, paths)) = manifest(bytes) else {
        return;
    };
    for path in &paths {
        let ours = ["events/", "provenance/", "relays.", "coverage."];
        assert!(ours.iter().any(|begin| path.starts_with(begin)), "{path}");
        assert!(path.ends_with(".parquet") || path.ends_with(".jsonl.zst"));
        assert!(!path.contains("..") && !path.contains(['\\', '\0']));
    }
    let again = manifest(&written);
    assert_eq!(again, Some((written, paths)));
});
