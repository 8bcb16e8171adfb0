//! Names that lead inside, or to networks of their own, whatever a name server says (G5.2).

/// A network whose names no DNS may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// `.onion` (RFC 7686).
    Tor,
    /// `.i2p`.
    I2p,
    /// `.loki`.
    Lokinet,
}

impl Network {
    /// The network that a name belongs to. The name is in lower case and without a dot at its end.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name.rsplit('.').next()? {
            "onion" => Some(Self::Tor),
            "i2p" => Some(Self::I2p),
            "loki" => Some(Self::Lokinet),
            _ => None,
        }
    }

    /// The key of its proxy in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tor => "onion",
            Self::I2p => "i2p",
            Self::Lokinet => "loki",
        }
    }
}

/// Names and everything below them: special-use names (RFC 6761, RFC 6762, RFC 8375, RFC 9476 and IANA's registry), the private
/// `internal` of ICANN, and what private networks are commonly called.
const INSIDE: [&str; 21] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "in-addr.arpa",
    "ip6.arpa",
    "svc",
    "test",
    "invalid",
    "example",
    "alt",
    // The metadata services of clouds that have public-looking names.
    "metadata.goog",
    "metadata.azure.com",
    "metadata.tencentyun.com",
    "metadata.platformequinix.com",
];

/// Whether a stranger may not have us look the name up. Also true for names of one label: these are completed inside. The name is in
/// lower case and without a dot at its end.
#[must_use]
pub fn is_inside(name: &str) -> bool {
    !name.contains('.')
        || INSIDE.iter().any(|inside| {
            name.strip_suffix(inside)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g5_2_names_that_lead_inside() {
        for name in [
            "localhost",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "nas.home.arpa",
            "kubernetes.default.svc",
            "intranet",
            "metadata.goog",
            "x.metadata.goog",
        ] {
            assert!(is_inside(name), "{name}");
        }
        for name in [
            "example.com",
            "notlocal.com",
            "mylocalhost.org",
            "local.example.org",
            "internal.com",
            "home.arpa.org",
        ] {
            assert!(!is_inside(name), "{name}");
        }
    }

    #[test]
    fn g5_3_networks_by_their_names() {
        assert_eq!(Network::of("abc.onion"), Some(Network::Tor));
        assert_eq!(Network::of("a.b.i2p"), Some(Network::I2p));
        assert_eq!(Network::of("a.loki"), Some(Network::Lokinet));
        assert_eq!(Network::of("onion.example.com"), None);
    }
}
