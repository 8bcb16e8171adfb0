//! G5.1: whatever a name server says, and whenever it changes its mind, nothing inside is connected to.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // outside of test functions, too

mod common;

use common::dns::{A, AAAA, Dns, Record, addresses};
use common::{Trap, config, loopback_dialer};
use stentor_net::dial::{DialError, Dialer, Failure, Family, Refusal, Trust};

/// An address that is public, and never connected to in these tests.
const PUBLIC: &str = "93.184.216.34";

/// Dials a stranger's name that has the trap's port. Whatever the name server answers, the trap stays untouched.
async fn dial(dns: &Dns, trap: &Trap) -> Result<(), DialError> {
    let dialer = Dialer::new(&config(dns.address)).unwrap();
    let url = format!("ws://host.example.org:{}/", trap.address.port());
    let target = dialer.admit(&url, Family::Relay, Trust::Stranger).unwrap();
    let dialed = dialer.dial(&target).await.map(drop);
    assert_eq!(trap.visits().await, 0);
    dialed
}

fn leads_inside(dialed: &Result<(), DialError>) -> bool {
    matches!(dialed, Err(DialError::Refused(Refusal::LeadsInside(_))))
}

#[tokio::test]
async fn g5_1_a_name_that_becomes_loopback_after_it_was_vetted_is_refused() {
    let dns = Dns::start(|_, kind, before| {
        let answer = if before == 0 { PUBLIC } else { "127.0.0.1" };
        Some(addresses(kind, &[answer]))
    })
    .await;
    let trap = Trap::set().await;
    let dialer = Dialer::new(&config(dns.address)).unwrap();
    let url = format!("http://host.example.org:{}/", trap.address.port());
    let target = dialer
        .vet(&url, Family::Web, Trust::Stranger)
        .await
        .unwrap();
    let dialed = dialer.dial(&target).await.map(drop);
    assert!(leads_inside(&dialed), "{dialed:?}");
    assert_eq!(trap.visits().await, 0);
}

#[tokio::test]
async fn g5_1_a_connection_looks_its_name_up_once() {
    let dns = Dns::with(&["127.0.0.1"]).await;
    let trap = Trap::set().await;
    let dialer = loopback_dialer(dns.address);
    let url = format!("ws://host.example.org:{}/", trap.address.port());
    let target = dialer.admit(&url, Family::Relay, Trust::Stranger).unwrap();
    let stream = dialer.dial(&target).await.unwrap();
    assert_eq!(stream.remote(), Some(trap.address));
    let mut queries = dns.queries();
    queries.sort_unstable();
    let name = "host.example.org".to_owned();
    assert_eq!(queries, [(name.clone(), A), (name, AAAA)]);
    assert_eq!(trap.visits().await, 1);
}

#[tokio::test]
async fn g5_1_one_inside_address_among_public_ones_refuses_all() {
    let lists: [&'static [&'static str]; 9] = [
        &[PUBLIC, "127.0.0.1"],
        &["127.0.0.1", PUBLIC],
        &[PUBLIC, "::1"],
        &["2606:4700::1111", "10.0.0.1"],
        &[PUBLIC, "::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["0.0.0.0"],
        &["169.254.169.254"],
        &[
            "1.1.1.1",
            "1.1.1.2",
            "1.1.1.3",
            "1.1.1.4",
            "1.1.1.5",
            "1.1.1.6",
            "1.1.1.7",
            "1.1.1.8",
            "1.1.1.9",
            "1.1.1.10",
            "1.1.1.11",
            "1.1.1.12",
            "1.1.1.13",
            "1.1.1.14",
            "1.1.1.15",
            "1.1.1.16",
            "1.1.1.17",
            "1.1.1.18",
            "192.168.0.1",
        ],
    ];
    let trap = Trap::set().await;
    for list in lists {
        let dialed = dial(&Dns::with(list).await, &trap).await;
        assert!(leads_inside(&dialed), "{list:?}: {dialed:?}");
    }
}

#[tokio::test]
async fn g5_1_a_cname_to_inside_is_refused() {
    let trap = Trap::set().await;
    let with_address = Dns::start(|_, kind, _| {
        let inside = Record::A([10, 0, 0, 1].into());
        let cname = Record::Cname("db.internal");
        Some(if kind == A {
            vec![cname, inside]
        } else {
            vec![cname]
        })
    })
    .await;
    let dialed = dial(&with_address, &trap).await;
    assert!(leads_inside(&dialed), "{dialed:?}");
    let to_be_followed = Dns::start(|name, kind, _| {
        Some(match name {
            "host.example.org" => vec![Record::Cname("next.example.org")],
            _ => addresses(kind, &["127.0.0.1"]),
        })
    })
    .await;
    let dialed = dial(&to_be_followed, &trap).await;
    assert!(leads_inside(&dialed), "{dialed:?}");
}

#[tokio::test]
async fn g5_1_an_error_does_not_tell_where_a_name_leads() {
    let trap = Trap::set().await;
    let error = dial(&Dns::with(&["10.11.12.13"]).await, &trap)
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("10.11"), "{error}");
    assert!(error.is_permanent());
}

#[tokio::test]
async fn g5_3_a_name_server_without_an_answer_is_not_waited_for() {
    let trap = Trap::set().await;
    let no_address = dial(&Dns::with(&[]).await, &trap).await;
    assert!(matches!(
        no_address,
        Err(DialError::Failed(Failure::Lookup(_)))
    ));
    let endless = Dns::start(|_, _, _| Some(vec![Record::Cname("host.example.org")])).await;
    assert!(matches!(
        dial(&endless, &trap).await,
        Err(DialError::Failed(_))
    ));

    let silent = Dns::start(|_, _, _| None).await;
    let dialer = Dialer::new(&stentor_net::dial::Config {
        lookup_seconds: 1,
        connect_seconds: 60,
        ..config(silent.address)
    })
    .unwrap();
    let target = dialer
        .admit("ws://host.example.org", Family::Relay, Trust::Stranger)
        .unwrap();
    let dialed = dialer.dial(&target).await.map(drop);
    assert!(matches!(dialed, Err(DialError::Failed(_))), "{dialed:?}");
}

/// Some name servers never answer questions for IPv6.
#[tokio::test]
async fn g5_1_silence_about_one_kind_of_address_does_not_hide_the_other() {
    let dns = Dns::start(|_, kind, _| (kind == A).then(|| addresses(kind, &["127.0.0.1"]))).await;
    let trap = Trap::set().await;
    let dialer = Dialer::new(&stentor_net::dial::Config {
        allow: vec!["127.0.0.1".into()],
        lookup_seconds: 3,
        ..config(dns.address)
    })
    .unwrap();
    let url = format!("ws://host.example.org:{}/", trap.address.port());
    let target = dialer.admit(&url, Family::Relay, Trust::Stranger).unwrap();
    dialer.dial(&target).await.unwrap();
    assert_eq!(trap.visits().await, 1);
}

#[tokio::test]
async fn g5_an_operators_name_may_lead_inside() {
    let dns = Dns::with(&["127.0.0.1"]).await;
    let trap = Trap::set().await;
    let dialer = Dialer::new(&config(dns.address)).unwrap();
    let url = format!("ws://relay.internal:{}/", trap.address.port());
    let target = dialer.admit(&url, Family::Relay, Trust::Operator).unwrap();
    dialer.dial(&target).await.unwrap();
    assert_eq!(trap.visits().await, 1);
}
