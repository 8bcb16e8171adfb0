//! Tests of the PROXY protocol's header.

use proptest::prelude::*;

use super::*;

fn v2(version_and_command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let mut header = v2::SIGNATURE.to_vec();
    header.extend_from_slice(&[version_and_command, family]);
    header.extend_from_slice(&u16::try_from(block.len()).unwrap().to_be_bytes());
    header.extend_from_slice(block);
    header
}

/// Reads as from a stream of these bytes; whom they name, and how many were taken.
fn taken(stream: &[u8]) -> Result<(Named, usize), HeaderError> {
    let mut seen = 0;
    loop {
        match parse(&stream[..seen])? {
            Parsed::Whole(named) => return Ok((named, seen)),
            Parsed::Needs(more) => {
                assert!(more > 0);
                seen += more;
                if seen > stream.len() {
                    return Err(HeaderError::Missing);
                }
            }
        }
    }
}

/// Whom a header names, with a request behind it of which nothing may be taken.
fn named(header: &[u8]) -> Result<Named, HeaderError> {
    let stream = [header, b"GET / HTTP/1.1\r\n\r\n"].concat();
    let (named, seen) = taken(&stream)?;
    assert_eq!(seen, header.len());
    Ok(named)
}

fn client(text: &str) -> Result<Named, HeaderError> {
    Ok(Named::Client(text.parse().unwrap()))
}

#[test]
fn r8_4_version_1() {
    let line = |text: &str| named(format!("PROXY {text}\r\n").as_bytes());
    assert_eq!(
        line("TCP4 198.51.100.7 192.0.2.1 4711 443"),
        client("198.51.100.7:4711")
    );
    assert_eq!(line("TCP4 1.1.1.1 2.2.2.2 0 0"), client("1.1.1.1:0"));
    assert_eq!(
        line("TCP6 2001:db8::1 2001:db8::2 4711 443"),
        client("[2001:db8::1]:4711")
    );
    assert_eq!(
        line("TCP6 ::ffff:198.51.100.7 :: 1 2"),
        client("198.51.100.7:1")
    );
    let long = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    assert_eq!(
        line(&format!("UNKNOWN {long} {long} 65535 65535")),
        Ok(Named::Nobody)
    );
    assert_eq!(line("UNKNOWN"), Ok(Named::Nobody));
}

#[test]
fn r8_4_version_1_is_read_strictly() {
    for wrong in [
        "TCP4 198.51.100.7 192.0.2.1 4711",
        "TCP4 198.51.100.7 192.0.2.1 4711 443 1",
        "TCP4 198.51.100.7  192.0.2.1 4711 443",
        "TCP4 198.51.100.7 192.0.2.1 +711 443",
        "TCP4 198.51.100.7 192.0.2.1 4711 65536",
        "TCP4 198.51.100.007 192.0.2.1 4711 443",
        "TCP4 2001:db8::1 2001:db8::2 4711 443",
        "TCP6 198.51.100.7 192.0.2.1 4711 443",
    ] {
        let header = format!("PROXY {wrong}\r\n");
        assert_eq!(
            taken(header.as_bytes()),
            Err(HeaderError::Malformed),
            "{wrong}"
        );
    }
    assert_eq!(
        taken(b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n"),
        Err(HeaderError::Unknown)
    );
    assert_eq!(
        taken(b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \n"),
        Err(HeaderError::Malformed)
    );
    let endless = format!("PROXY UNKNOWN {}\r\n", "x".repeat(200));
    assert_eq!(taken(endless.as_bytes()), Err(HeaderError::TooLong));
    assert_eq!(parse(&endless.as_bytes()[..107]), Err(HeaderError::TooLong));
    assert!(parse(&endless.as_bytes()[..106]).is_ok());
}

#[test]
fn r8_4_version_2() {
    let v4 = [198, 51, 100, 7, 192, 0, 2, 1, 0x12, 0x67, 0x01, 0xbb];
    assert_eq!(named(&v2(0x21, 0x11, &v4)), client("198.51.100.7:4711"));
    let mut v6 = [0; 36];
    v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    v6[15] = 1;
    v6[32..34].copy_from_slice(&[0x12, 0x67]);
    assert_eq!(named(&v2(0x21, 0x21, &v6)), client("[2001:db8::1]:4711"));
    let with_fields = [&v4[..], &[0x01, 0, 2, b'h', b'2'], &[0x04; 300]].concat();
    assert_eq!(
        named(&v2(0x21, 0x11, &with_fields)),
        client("198.51.100.7:4711")
    );
    assert_eq!(named(&v2(0x20, 0x00, &[])), Ok(Named::Nobody));
    assert_eq!(named(&v2(0x20, 0x11, &v4)), Ok(Named::Nobody), "LOCAL");
    assert_eq!(
        named(&v2(0x21, 0x00, &[7; 40])),
        Ok(Named::Nobody),
        "UNSPEC"
    );
    assert_eq!(
        named(&v2(0x21, 0x31, &[b'/'; 216])),
        Ok(Named::Nobody),
        "Unix"
    );
}

#[test]
fn r8_4_version_2_is_read_strictly() {
    let v4 = [198, 51, 100, 7, 192, 0, 2, 1, 0x12, 0x67, 0x01];
    assert_eq!(
        taken(&v2(0x21, 0x11, &v4)),
        Err(HeaderError::Malformed),
        "short"
    );
    assert_eq!(
        taken(&v2(0x21, 0x21, &[0; 35])),
        Err(HeaderError::Malformed),
        "short"
    );
    assert_eq!(
        taken(&v2(0x11, 0x11, &[0; 12])),
        Err(HeaderError::Unknown),
        "version"
    );
    assert_eq!(
        taken(&v2(0x22, 0x11, &[0; 12])),
        Err(HeaderError::Unknown),
        "command"
    );
    assert_eq!(
        taken(&v2(0x21, 0x12, &[0; 12])),
        Err(HeaderError::Unknown),
        "UDP"
    );
    assert_eq!(
        taken(&v2(0x21, 0x41, &[0; 12])),
        Err(HeaderError::Unknown),
        "family"
    );
    let huge = [v2::SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat();
    assert_eq!(parse(&huge), Err(HeaderError::TooLong));
    assert!(named(&v2(0x21, 0x11, &[0; v2::MOST])).is_ok());
}

#[test]
fn r8_4_what_is_no_header_is_known_at_once() {
    for wrong in [
        &b"G"[..],
        b"GET / HTTP/1.1",
        b"\x16\x03\x01",
        b"proxy TCP4",
        b"\r\n\r\n\r",
    ] {
        assert_eq!(parse(wrong), Err(HeaderError::Missing));
    }
    assert_eq!(parse(b""), Ok(Parsed::Needs(SHORTEST)));
}

proptest! {
    #[test]
    fn r8_4_no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0..3) {
        let bytes = match version {
            1 => [v1::SIGNATURE, &bytes].concat(),
            2 => [v2::SIGNATURE, &bytes].concat(),
            _ => bytes,
        };
        let _ = taken(&bytes);
    }

    #[test]
    fn r8_4_written_headers_are_read(source: SocketAddr, destination: std::net::IpAddr, port: u16, fields in proptest::collection::vec(any::<u8>(), 0..100)) {
        let (v4, to) = match (source.ip(), destination) {
            (std::net::IpAddr::V4(_), std::net::IpAddr::V6(_)) => (true, [192, 0, 2, 1].into()),
            (std::net::IpAddr::V6(_), std::net::IpAddr::V4(_)) => (false, [1u16; 8].into()),
            (from, to) => (from.is_ipv4(), to),
        };
        let expected = SocketAddr::new(source.ip().to_canonical(), source.port());
        let family = if v4 { "TCP4" } else { "TCP6" };
        let line = format!("PROXY {family} {} {to} {} {port}\r\n", source.ip(), source.port());
        prop_assert_eq!(named(line.as_bytes()), Ok(Named::Client(expected)));
        let octets = |address: std::net::IpAddr| match address {
            std::net::IpAddr::V4(v4) => v4.octets().to_vec(),
            std::net::IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        let block = [octets(source.ip()), octets(to), source.port().to_be_bytes().to_vec(), port.to_be_bytes().to_vec(), fields].concat();
        let header = v2(0x21, if v4 { 0x11 } else { 0x21 }, &block);
        prop_assert_eq!(named(&header), Ok(Named::Client(expected)));
    }
}
