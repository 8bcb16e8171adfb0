use std::net::IpAddr;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn proxies(header: ForwardHeader) -> TrustedProxies {
    TrustedProxies {
        networks: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        unix: false,
        header,
    }
}

fn client(header: ForwardHeader, peer: &str, values: &[&str]) -> String {
    proxies(header)
        .client(ip(peer), values.iter().copied())
        .to_string()
}

#[test]
fn r8_4_an_untrusted_peer_is_the_client() {
    assert_eq!(
        client(ForwardHeader::XForwardedFor, "192.0.2.1", &["198.51.100.1"]),
        "192.0.2.1"
    );
    let nobody = TrustedProxies::default();
    assert_eq!(
        nobody.client(ip("10.0.0.1"), ["198.51.100.1"]),
        ip("10.0.0.1")
    );
}

#[test]
fn r8_4_x_forwarded_for_is_read_from_the_right() {
    let read = |values: &[&str]| client(ForwardHeader::XForwardedFor, "10.0.0.1", values);
    assert_eq!(read(&["1.1.1.1, 198.51.100.7"]), "198.51.100.7");
    assert_eq!(read(&["1.1.1.1, 198.51.100.7, 10.2.3.4"]), "198.51.100.7");
    assert_eq!(
        read(&["1.1.1.1", "198.51.100.7", "10.2.3.4,10.2.3.5"]),
        "198.51.100.7"
    );
    assert_eq!(read(&["2001:db8::1"]), "2001:db8::1");
    assert_eq!(read(&["[2001:db8::1]:4711"]), "2001:db8::1");
    assert_eq!(read(&["198.51.100.7:4711"]), "198.51.100.7");
    assert_eq!(read(&["::ffff:198.51.100.7"]), "198.51.100.7");
    assert_eq!(read(&[]), "10.0.0.1");
}

#[test]
fn r8_4_an_unreadable_entry_ends_the_search() {
    let read = |values: &[&str]| client(ForwardHeader::XForwardedFor, "10.0.0.1", values);
    assert_eq!(read(&["198.51.100.7, unknown"]), "10.0.0.1");
    assert_eq!(read(&["198.51.100.7, x, 10.9.9.9"]), "10.9.9.9");
    assert_eq!(read(&["198.51.100.7,"]), "10.0.0.1");
    let many = "10.0.0.2,".repeat(1000) + "10.0.0.2";
    assert_eq!(read(&[&format!("198.51.100.7,{many}")]), "10.0.0.2");
}

#[test]
fn r8_4_behind_a_proxy_without_an_address_the_header_counts_too() {
    let unix = TrustedProxies {
        unix: true,
        ..proxies(ForwardHeader::XForwardedFor)
    };
    let behind = |values: &[&str]| {
        unix.client_behind(ip("127.0.0.1"), values.iter().copied())
            .to_string()
    };
    assert_eq!(behind(&["1.1.1.1, 198.51.100.7"]), "198.51.100.7");
    assert_eq!(behind(&["198.51.100.7, fd00::1"]), "198.51.100.7");
    assert_eq!(behind(&[]), "127.0.0.1");
    assert!(
        !unix.trusts(ip("127.0.0.1")),
        "the address alone is no proof"
    );
}

#[test]
fn r8_4_forwarded() {
    let read = |values: &[&str]| client(ForwardHeader::Forwarded, "fd00::1", values);
    assert_eq!(
        read(&[r#"for="[2001:db8:cafe::17]:4711""#]),
        "2001:db8:cafe::17"
    );
    assert_eq!(
        read(&["For=198.51.100.17;by=203.0.113.60;proto=http"]),
        "198.51.100.17"
    );
    assert_eq!(
        read(&["for=1.1.1.1, proto=https;for=198.51.100.17, for=10.1.1.1"]),
        "198.51.100.17"
    );
    assert_eq!(read(&[r#"for="198.51.100.17:_port""#]), "198.51.100.17");
    assert_eq!(read(&["for=_hidden"]), "fd00::1");
    assert_eq!(read(&["for=unknown, for=10.1.1.1"]), "10.1.1.1");
    assert_eq!(read(&["for=1.1.1.1;for=2.2.2.2"]), "fd00::1");
    // The other header is the client's claim.
    assert_eq!(
        client(ForwardHeader::Forwarded, "10.0.0.1", &["198.51.100.1"]),
        "10.0.0.1"
    );
}

#[test]
fn r4_5_scope_of_an_address() {
    let scope = |text: &str| IpScope::from(ip(text));
    assert_eq!(scope("2001:db8:1:2:3:4:5:6"), scope("2001:db8:1:2::9"));
    assert_ne!(scope("2001:db8:1:2::9"), scope("2001:db8:1:3::9"));
    assert_eq!(scope("::ffff:192.0.2.1"), scope("192.0.2.1"));
    assert_ne!(scope("192.0.2.1"), scope("192.0.2.2"));
    assert_eq!(scope("2001:db8:1:2::9").to_string(), "2001:db8:1:2::/64");
}

#[test]
fn ranges() {
    let cidr = |text: &str| text.parse::<Cidr>().unwrap();
    assert!(cidr("192.0.2.0/24").contains(ip("192.0.2.255")));
    assert!(!cidr("192.0.2.0/24").contains(ip("192.0.3.0")));
    assert!(cidr("0.0.0.0/0").contains(ip("255.255.255.255")));
    assert!(!cidr("0.0.0.0/0").contains(ip("::1")));
    assert!(cidr("::/0").contains(ip("2001:db8::1")));
    assert!(cidr("::ffff:192.0.2.0/120").contains(ip("192.0.2.9")));
    assert!(cidr("192.0.2.0/24").contains(ip("::ffff:192.0.2.9")));
    assert_eq!(cidr("192.0.2.77/24").to_string(), "192.0.2.0/24");
    assert_eq!(cidr("::1").to_string(), "::1/128");
    for wrong in [
        "",
        "192.0.2.0/33",
        "::/129",
        "192.0.2.0/+8",
        "192.0.2.0/",
        "x/8",
        "1.2.3/8",
    ] {
        assert!(wrong.parse::<Cidr>().is_err(), "{wrong}");
    }
}
