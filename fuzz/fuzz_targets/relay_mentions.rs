//! Whatever an event mentions: a relay's URL that is taken has one spelling, and no name or password in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stentor_event::Event;
use stentor_observatory::untrusted::mentions;
use stentor_observatory::{Network, RelayUrl};

fn check(url: &RelayUrl) {
    assert_eq!(RelayUrl::parse(url.as_str()).as_ref(), Ok(url));
    assert!(
        url.as_str()
            .starts_with(if url.is_tls() { "wss://" } else { "ws://" })
    );
    assert!(url.as_str().len() <= 2_048 && !url.as_str().contains(['?', '#', ' ']));
    let host = url.host();
    assert!(!host.is_empty() && !host.contains(['/', '@']) && !host.ends_with('.'));
    let hidden = [".onion", ".i2p", ".loki"]
        .iter()
        .any(|end| host.ends_with(end));
    assert!(!hidden || url.network() != Network::Clearnet, "{url}");
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for url in [
        text.to_string(),
        format!("wss://{text}"),
        format!("ws://{text}/"),
    ] {
        if let Ok(url) = RelayUrl::parse(&url) {
            check(&url);
        }
    }
    if let Ok(event) = Event::parse(bytes) {
        let found = mentions(&event.view());
        found.iter().for_each(|(url, _)| check(url));
    }
});
