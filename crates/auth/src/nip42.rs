//! The check of an AUTH event.

use stentor_event::{Event, Kind, PublicKey, Timestamp};

use crate::{AuthError, Challenge, Place};

/// How far the `created_at` of an AUTH event may be from now, in seconds (NIP-42: "about ten minutes").
pub const MAX_SKEW_SECONDS: u64 = 600;

/// Checks everything that NIP-42 asks of an AUTH event and returns the key it proves; the signature last, as it costs
/// most.
///
/// # Errors
/// The first thing found wrong.
pub fn check(
    event: &Event,
    challenge: &Challenge,
    place: &Place<'_>,
    now: Timestamp,
) -> Result<PublicKey, AuthError> {
    if event.kind() != Kind::AUTH {
        return Err(AuthError::Kind);
    }
    if !some_tag(event, b"challenge", |value| challenge.is(value)) {
        return Err(AuthError::Challenge);
    }
    if !some_tag(event, b"relay", |value| {
        str::from_utf8(value).is_ok_and(|url| place.is_named_by(url))
    }) {
        return Err(AuthError::Relay);
    }
    if event.created_at().0.abs_diff(now.0) > MAX_SKEW_SECONDS {
        return Err(AuthError::Time);
    }
    event.check_id().map_err(|_| AuthError::Id)?;
    event.verify_signature().map_err(|_| AuthError::Signature)?;
    Ok(event.pubkey())
}

/// Whether the event has a tag of this name whose value passes the test.
fn some_tag(event: &Event, name: &[u8], test: impl Fn(&[u8]) -> bool) -> bool {
    event
        .view()
        .tags()
        .filter(|tag| tag.name().is(name))
        .filter_map(|tag| tag.get(1))
        .any(|value| test(&value.unescape()))
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, SecretKey};

    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000);
    const URL: &str = "wss://relay.example.com";

    fn key() -> SecretKey {
        SecretKey::from_bytes([7; 32]).unwrap()
    }

    /// Checks an AUTH event with these parts, the relay being [`URL`].
    fn answer(
        kind: Kind,
        at: u64,
        challenge: Option<&str>,
        relay: Option<&str>,
        asked: &Challenge,
    ) -> Result<PublicKey, AuthError> {
        let mut builder = EventBuilder::new(kind, Timestamp(at));
        for (name, value) in [("relay", relay), ("challenge", challenge)] {
            if let Some(value) = value {
                builder = builder.tag([name, value]);
            }
        }
        let urls = [URL.to_owned()];
        check(
            &builder.sign(&key()),
            asked,
            &Place {
                public_urls: &urls,
                local: None,
            },
            NOW,
        )
    }

    #[test]
    fn r1_11_a_right_answer_proves_the_key() {
        let asked = Challenge::random().unwrap();
        let text = asked.to_string();
        for at in [NOW.0, NOW.0 - 600, NOW.0 + 600] {
            assert_eq!(
                answer(
                    Kind::AUTH,
                    at,
                    Some(&text),
                    Some("wss://Relay.example.com/"),
                    &asked
                ),
                Ok(key().public_key())
            );
        }
    }

    #[test]
    fn r1_11_each_condition_counts() {
        let asked = Challenge::random().unwrap();
        let text = asked.to_string();
        let other = Challenge::random().unwrap().to_string();
        let wrong =
            |kind, at, challenge, relay| answer(kind, at, challenge, relay, &asked).unwrap_err();
        assert_eq!(
            wrong(Kind::NOTE, NOW.0, Some(&text), Some(URL)),
            AuthError::Kind
        );
        assert_eq!(
            wrong(Kind::AUTH, NOW.0, Some(&other), Some(URL)),
            AuthError::Challenge
        );
        assert_eq!(
            wrong(Kind::AUTH, NOW.0, None, Some(URL)),
            AuthError::Challenge
        );
        assert_eq!(
            wrong(
                Kind::AUTH,
                NOW.0,
                Some(&text),
                Some("wss://evil.example.com")
            ),
            AuthError::Relay
        );
        assert_eq!(
            wrong(Kind::AUTH, NOW.0, Some(&text), None),
            AuthError::Relay
        );
        assert_eq!(
            wrong(Kind::AUTH, NOW.0 - 601, Some(&text), Some(URL)),
            AuthError::Time
        );
        assert_eq!(
            wrong(Kind::AUTH, NOW.0 + 601, Some(&text), Some(URL)),
            AuthError::Time
        );
    }

    #[test]
    fn r1_11_id_and_signature_are_checked() {
        let asked = Challenge::random().unwrap();
        let event = EventBuilder::new(Kind::AUTH, NOW)
            .tag(["relay", URL])
            .tag(["challenge", &asked.to_string()])
            .sign(&key());
        let urls = [URL.to_owned()];
        let place = Place {
            public_urls: &urls,
            local: None,
        };
        let json = String::from_utf8(event.json().to_vec()).unwrap();
        let changed = Event::parse(
            json.replace("\"content\":\"\"", "\"content\":\"x\"")
                .as_bytes(),
        )
        .unwrap();
        assert_eq!(check(&changed, &asked, &place, NOW), Err(AuthError::Id));
        let sig = event.sig().to_string();
        let forged: String = sig.chars().rev().collect();
        let forged = Event::parse(json.replace(&sig, &forged).as_bytes()).unwrap();
        assert_eq!(
            check(&forged, &asked, &place, NOW),
            Err(AuthError::Signature)
        );
    }
}
