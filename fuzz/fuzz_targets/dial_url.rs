//! Whatever a stranger's URL looks like, what is admitted is canonical, public and nobody's user name.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stentor_net::dial::address::is_public;
use stentor_net::dial::{Family, Host, Rules, Target, Trust, name, port};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for url in [
        text.to_string(),
        format!("http://{text}/"),
        format!("ws://{text}"),
    ] {
        for family in [Family::Web, Family::Relay] {
            let parse = |url: &str| Target::parse(url, family, Trust::Stranger, &Rules::default());
            let Ok(target) = parse(&url) else { continue };
            assert!(!port::is_denied(target.port()));
            match target.host() {
                Host::Address(address) => assert!(is_public(*address), "{url}"),
                Host::Name(host) => {
                    assert!(!name::is_inside(host) && !host.ends_with('.'), "{url}");
                    assert!(host.parse::<std::net::IpAddr>().is_err(), "{url}");
                }
            }
            let authority = target.url().split('/').nth(2).unwrap_or_default();
            assert!(!authority.contains('@'), "{url}");
            assert_eq!(parse(target.url()).as_ref(), Ok(&target), "{url}");
            assert!(Target::parse(&url, family, Trust::Operator, &Rules::default()).is_ok());
        }
    }
});
