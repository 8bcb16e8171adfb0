//! Relays behind a proxy: what is the proxy's and what is theirs.

use std::sync::Arc;

use stentor_net::dial::{Config, Dialer, Socks};
use stentor_sql::testing::House;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::findings::{Untold, Verdict};
use super::server::{nobody, raw};
use super::{ground, reason, visit};
use crate::ground::Ground;

/// A ground on which this URL is that of the proxy to onion services.
async fn behind(proxy: &str) -> (House, Arc<Ground>) {
    let (house, mut ground) = ground().await;
    let address = proxy.trim_start_matches("ws://").trim_end_matches('/');
    let dialer = Dialer::new(&Config {
        socks: Socks {
            onion: Some(address.to_owned()),
            ..Socks::default()
        },
        ..Config::default()
    });
    Arc::get_mut(&mut ground).unwrap().dialer = dialer.unwrap();
    (house, ground)
}

#[tokio::test]
async fn o2_3_while_our_own_proxy_is_away_nothing_is_said_of_relays() {
    let hangs_up = raw(|_, _| async {}).await;
    for proxy in [nobody().await, hangs_up.url.clone()] {
        let (_house, ground) = behind(&proxy).await;
        let found = visit(&ground, "ws://abcdefgh.onion/").await;
        assert_eq!(found.verdict, Verdict::Untold(Untold::OwnNetwork));
        assert!(!found.is_unreached() && found.reached.is_none());
    }
}

#[tokio::test]
async fn o2_3_a_relay_that_the_proxy_finds_no_way_to_is_offline() {
    let proxy = raw(|mut stream, _| async move {
        let mut hello = [0; 3];
        let _ = stream.read_exact(&mut hello).await;
        let _ = stream.write_all(&[5, 0]).await;
        let mut request = [0; 256];
        let _ = stream.read(&mut request).await;
        // The host cannot be reached (RFC 1928, section 6).
        let _ = stream.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]).await;
    });
    let (_house, ground) = behind(&proxy.await.url).await;
    let found = visit(&ground, "ws://abcdefgh.onion/").await;
    assert_eq!(reason(&found), "tcp");
    assert!(found.is_unreached());
}
