//! G5.4: a table of hostile URLs, each refused to a stranger before any packet is sent.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // outside of test functions, too

mod common;

use common::config;
use common::dns::Dns;
use stentor_net::dial::{DialError, Dialer, Family, Trust};

/// One URL a line; lines that begin with `# ` say what follows. `\t`, `\r`, `\n` and `\0` stand for these characters.
const TABLE: &str = include_str!("hostile.txt");

fn hostile() -> Vec<String> {
    TABLE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .map(|line| {
            [("\\t", "\t"), ("\\r", "\r"), ("\\n", "\n"), ("\\0", "\0")]
                .iter()
                .fold(line.to_owned(), |line, (from, to)| line.replace(from, to))
        })
        .collect()
}

#[tokio::test]
async fn g5_4_every_hostile_url_is_refused_before_a_packet_is_sent() {
    let dns = Dns::with(&["93.184.216.34"]).await;
    let dialer = Dialer::new(&config(dns.address)).unwrap();
    let table = hostile();
    let mut distinct = table.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), table.len(), "a URL is twice in the table");
    assert!(table.len() >= 150, "{}", table.len());
    for url in table {
        let relay = url
            .replacen("https:", "wss:", 1)
            .replacen("http:", "ws:", 1);
        for (url, family) in [(url, Family::Web), (relay, Family::Relay)] {
            let vetted = dialer.vet(&url, family, Trust::Stranger).await;
            assert!(
                matches!(vetted, Err(DialError::Refused(_))),
                "{url:?} for {family:?}: {vetted:?}"
            );
        }
    }
    assert_eq!(dns.queries(), []);
}

/// The table would prove nothing if everything were refused.
#[tokio::test]
async fn g5_4_harmless_urls_are_not_refused() {
    let dns = Dns::with(&["93.184.216.34"]).await;
    let dialer = Dialer::new(&config(dns.address)).unwrap();
    for url in [
        "https://example.org",
        "http://example.org:8080/path?query=1#fragment",
        "https://xn--bcher-kva.example.org/",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        "https://example.org/127.0.0.1/@localhost",
        "https://localhost.example.org/",
        "https://127.0.0.1.example.org/",
    ] {
        dialer.vet(url, Family::Web, Trust::Stranger).await.unwrap();
    }
    assert!(!dns.queries().is_empty());
}
