//! Which addresses are public (G5.2): a pure function over the special-purpose registries of IANA.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for, as far as that speaks against dialing it for a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Globally reachable unicast, as far as the registries know.
    Public,
    /// `0.0.0.0/8` (RFC 791, RFC 1122) and `::` (RFC 4291): on many systems another name for this machine.
    ThisNetwork,
    /// `127.0.0.0/8` (RFC 1122), `::1` (RFC 4291).
    Loopback,
    /// RFC 1918.
    Private,
    /// `100.64.0.0/10` (RFC 6598).
    CarrierGradeNat,
    /// `169.254.0.0/16` (RFC 3927), `fe80::/10` (RFC 4291). Most clouds have their metadata service here.
    LinkLocal,
    /// `fc00::/7` (RFC 4193).
    UniqueLocal,
    /// `fec0::/10` (RFC 3879).
    SiteLocal,
    /// `224.0.0.0/4` (RFC 5771), `ff00::/8` (RFC 4291).
    Multicast,
    /// `255.255.255.255` (RFC 919).
    Broadcast,
    /// RFC 5737, RFC 3849, RFC 9637.
    Documentation,
    /// `198.18.0.0/15` (RFC 2544), `2001:2::/48` (RFC 5180).
    Benchmarking,
    /// `192.0.0.0/24` (RFC 6890) and `2001::/23` (RFC 2928): protocols of their own.
    ProtocolAssignment,
    /// `2001::/32` (RFC 4380): has an IPv4 address inside.
    Teredo,
    /// `2002::/16` (RFC 3056), which has an IPv4 address inside, and its relays, `192.88.99.0/24` (RFC 7526).
    SixToFour,
    /// `64:ff9b::/96` (RFC 6052) and `64:ff9b:1::/48` (RFC 8215): have an IPv4 address inside.
    Nat64,
    /// `::/96` (RFC 4291), `::ffff:0:0:0/96` (RFC 2765) and interface identifiers of ISATAP (RFC 5214): have an IPv4 address
    /// inside.
    EmbeddedIpv4,
    /// `100::/64` (RFC 6666) and `100:0:0:1::/64` (RFC 9780).
    Discard,
    /// `5f00::/16` (RFC 9602).
    SegmentRouting,
    /// `168.63.129.16`: registered as public, but inside a cloud its platform answers there.
    CloudPlatform,
    /// `240.0.0.0/4` (RFC 1112), `3ffe::/16` (RFC 3701), and all of IPv6 outside `2000::/3`, the only global unicast space that IANA
    /// gives out.
    Reserved,
}

impl Class {
    /// A word for it, for messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::ThisNetwork => "this network",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::CarrierGradeNat => "carrier-grade NAT",
            Self::LinkLocal => "link-local",
            Self::UniqueLocal => "unique local",
            Self::SiteLocal => "site-local",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::ProtocolAssignment => "protocol assignment",
            Self::Teredo => "Teredo",
            Self::SixToFour => "6to4",
            Self::Nat64 => "NAT64",
            Self::EmbeddedIpv4 => "embedded IPv4",
            Self::Discard => "discard",
            Self::SegmentRouting => "segment routing",
            Self::CloudPlatform => "cloud platform",
            Self::Reserved => "reserved",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The class of an address. An IPv4 address mapped into IPv6 is that IPv4 address.
#[must_use]
pub fn class(address: IpAddr) -> Class {
    match address.to_canonical() {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

/// Whether a stranger may have us dial the address.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    class(address) == Class::Public
}

/// Ranges of IPv4; the first that has the address counts.
#[rustfmt::skip]
const V4: [([u8; 4], u32, Class); 17] = [
    ([0, 0, 0, 0], 8, Class::ThisNetwork),
    ([10, 0, 0, 0], 8, Class::Private),
    ([100, 64, 0, 0], 10, Class::CarrierGradeNat),
    ([127, 0, 0, 0], 8, Class::Loopback),
    ([168, 63, 129, 16], 32, Class::CloudPlatform),
    ([169, 254, 0, 0], 16, Class::LinkLocal),
    ([172, 16, 0, 0], 12, Class::Private),
    ([192, 0, 0, 0], 24, Class::ProtocolAssignment),
    ([192, 0, 2, 0], 24, Class::Documentation),
    ([192, 88, 99, 0], 24, Class::SixToFour),
    ([192, 168, 0, 0], 16, Class::Private),
    ([198, 18, 0, 0], 15, Class::Benchmarking),
    ([198, 51, 100, 0], 24, Class::Documentation),
    ([203, 0, 113, 0], 24, Class::Documentation),
    ([224, 0, 0, 0], 4, Class::Multicast),
    ([255, 255, 255, 255], 32, Class::Broadcast),
    ([240, 0, 0, 0], 4, Class::Reserved),
];

/// Ranges of IPv6; the first that has the address counts.
#[rustfmt::skip]
const V6: [([u16; 8], u32, Class); 20] = [
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, Class::ThisNetwork),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Class::Loopback),
    ([0, 0, 0, 0, 0, 0, 0, 0], 96, Class::EmbeddedIpv4),
    ([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, Class::EmbeddedIpv4),
    ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, Class::Nat64),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, Class::Nat64),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, Class::Discard),
    ([0x100, 0, 0, 1, 0, 0, 0, 0], 64, Class::Discard),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, Class::Teredo),
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, Class::Benchmarking),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Class::ProtocolAssignment),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Class::Documentation),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, Class::SixToFour),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Class::Documentation),
    ([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, Class::Reserved),
    ([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, Class::SegmentRouting),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Class::UniqueLocal),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, Class::LinkLocal),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Class::SiteLocal),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Class::Multicast),
];

fn class_v4(address: Ipv4Addr) -> Class {
    V4.iter()
        .find(|(network, prefix, _)| {
            let network = Ipv4Addr::from(*network).to_bits();
            (address.to_bits() ^ network) >> (32 - prefix) == 0
        })
        .map_or(Class::Public, |(_, _, class)| *class)
}

fn class_v6(address: Ipv6Addr) -> Class {
    let known = V6.iter().find(|(network, prefix, _)| {
        let network = Ipv6Addr::from(*network).to_bits();
        (address.to_bits() ^ network) >> (128 - prefix) == 0
    });
    let [first, .., isatap_high, isatap_low, _, _] = address.segments();
    match known {
        Some((_, _, class)) => *class,
        None if first >> 13 != 0b001 => Class::Reserved,
        None if isatap_high & !0x0200 == 0 && isatap_low == 0x5efe => Class::EmbeddedIpv4,
        None => Class::Public,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::Cidr;

    /// What G5.2 refuses, written down once more and checked by other code.
    const REFUSED: &[&str] = &[
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/3",
        "4000::/2",
        "8000::/1",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3ffe::/16",
        "3fff::/20",
    ];

    fn refused(address: IpAddr) -> bool {
        let listed = REFUSED
            .iter()
            .any(|range| range.parse::<Cidr>().unwrap().contains(address));
        let isatap = match address.to_canonical() {
            IpAddr::V6(v6) => {
                let text = v6.octets();
                matches!(text[8..12], [0 | 2, 0, 0x5e, 0xfe])
            }
            IpAddr::V4(_) => false,
        };
        listed || isatap
    }

    /// Addresses near the borders of the ranges as well as anywhere.
    fn addresses() -> impl Strategy<Value = IpAddr> {
        let border_v4 = (prop::sample::select(V4.to_vec()), -2_i64..3, any::<bool>()).prop_map(
            |((network, prefix, _), off, end)| {
                let size = if end { 1_i64 << (32 - prefix) } else { 0 };
                let at = i64::from(Ipv4Addr::from(network).to_bits()) + size + off;
                Ipv4Addr::from_bits(at.rem_euclid(1 << 32) as u32).into()
            },
        );
        let border_v6 = (prop::sample::select(V6.to_vec()), -2_i128..3, any::<bool>()).prop_map(
            |((network, prefix, _), off, end)| {
                let size = if end { 1_u128 << (128 - prefix) } else { 0 };
                let at = Ipv6Addr::from(network).to_bits().wrapping_add(size);
                Ipv6Addr::from_bits(at.wrapping_add_signed(off)).into()
            },
        );
        prop_oneof![
            any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).into()),
            any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).into()),
            any::<u128>()
                .prop_map(|bits| Ipv6Addr::from_bits((bits >> 3) | (1_u128 << 125)).into()),
            any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).to_ipv6_mapped().into()),
            (any::<u64>(), any::<u32>(), any::<bool>()).prop_map(|(prefix, v4, global)| {
                let prefix = (prefix >> 3) | (1 << 61);
                let interface = 0x0000_5efe_0000_0000 | (u64::from(global) << 57) | u64::from(v4);
                Ipv6Addr::from_bits((u128::from(prefix) << 64) | u128::from(interface)).into()
            }),
            border_v4,
            border_v6,
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn g5_2_public_is_what_no_range_has(address in addresses()) {
            prop_assert_eq!(is_public(address), !refused(address), "{}", address);
        }

        #[test]
        fn g5_1_a_mapped_address_is_the_address_itself(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(class(v4.into()), class(v4.to_ipv6_mapped().into()));
        }
    }

    #[test]
    fn g5_2_each_class_by_example() {
        for (address, expected) in [
            ("1.1.1.1", Class::Public),
            ("2606:4700:4700::1111", Class::Public),
            ("2a00:1450:4001::5efe", Class::Public),
            ("0.1.2.3", Class::ThisNetwork),
            ("::", Class::ThisNetwork),
            ("127.255.255.254", Class::Loopback),
            ("::1", Class::Loopback),
            ("::ffff:127.0.0.1", Class::Loopback),
            ("172.31.255.255", Class::Private),
            ("172.32.0.0", Class::Public),
            ("100.100.100.200", Class::CarrierGradeNat),
            ("100.128.0.0", Class::Public),
            ("169.254.169.254", Class::LinkLocal),
            ("fe80::1", Class::LinkLocal),
            ("fd00:ec2::254", Class::UniqueLocal),
            ("fec0::1", Class::SiteLocal),
            ("239.255.255.250", Class::Multicast),
            ("ff02::1", Class::Multicast),
            ("255.255.255.255", Class::Broadcast),
            ("255.255.255.254", Class::Reserved),
            ("203.0.113.9", Class::Documentation),
            ("2001:db8::1", Class::Documentation),
            ("3fff:fff::1", Class::Documentation),
            ("3fff:1000::1", Class::Public),
            ("198.19.255.255", Class::Benchmarking),
            ("2001:2::1", Class::Benchmarking),
            ("192.0.0.192", Class::ProtocolAssignment),
            ("2001:20::1", Class::ProtocolAssignment),
            ("2001:0:7f00:1::", Class::Teredo),
            ("2002:7f00:1::", Class::SixToFour),
            ("192.88.99.1", Class::SixToFour),
            ("64:ff9b::127.0.0.1", Class::Nat64),
            ("64:ff9b:1::a00:1", Class::Nat64),
            ("::127.0.0.1", Class::EmbeddedIpv4),
            ("::ffff:0:127.0.0.1", Class::EmbeddedIpv4),
            ("2600::5efe:127.0.0.1", Class::EmbeddedIpv4),
            ("2600::200:5efe:127.0.0.1", Class::EmbeddedIpv4),
            ("100::1", Class::Discard),
            ("100:0:0:1::1", Class::Discard),
            ("5f00::1", Class::SegmentRouting),
            ("168.63.129.16", Class::CloudPlatform),
            ("4000::1", Class::Reserved),
            ("3ffe::1", Class::Reserved),
        ] {
            assert_eq!(class(address.parse().unwrap()), expected, "{address}");
        }
    }
}
