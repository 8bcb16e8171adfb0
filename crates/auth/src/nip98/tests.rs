//! Tokens and the requests they come with.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use proptest::prelude::*;
use stentor_event::{EventBuilder, SecretKey};

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000);
const URL: &str = "https://relay.example.com/";
const BODY: &[u8] = br#"{"method":"supportedmethods","params":[]}"#;

fn key() -> SecretKey {
    SecretKey::from_bytes([7; 32]).unwrap()
}

fn hash(body: &[u8]) -> String {
    hexadecimal::encode(&<[u8; 32]>::from(Sha256::digest(body)))
}

/// A token with these tags.
fn token(kind: Kind, at: u64, tags: &[[&str; 2]]) -> Event {
    let builder = EventBuilder::new(kind, Timestamp(at));
    tags.iter()
        .fold(builder, |builder, tag| builder.tag(*tag))
        .sign(&key())
}

/// A token that is right for [`judge`].
fn right() -> Event {
    let hash = hash(BODY);
    let tags = [["u", URL], ["method", "POST"], ["payload", &hash]];
    token(Kind::HTTP_AUTH, NOW.0, &tags)
}

fn header(event: &[u8]) -> Vec<u8> {
    format!("Nostr {}", BASE64_STANDARD.encode(event)).into_bytes()
}

/// Judges a header that comes with a call of NIP-86.
fn judge_header(header: &[u8], payload: Payload) -> Result<Token, HttpAuthError> {
    let urls = ["wss://relay.example.com".to_owned()];
    let request = Request {
        method: "POST",
        target: Target::Relay,
        place: Place {
            public_urls: &urls,
            local: None,
        },
        body: BODY,
        payload,
    };
    check(header, &request, NOW)
}

fn judge(event: &Event) -> Result<Token, HttpAuthError> {
    judge_header(&header(event.json()), Payload::Required)
}

#[test]
fn r3_3_a_right_token_proves_the_key() {
    let event = right();
    let token = judge(&event).unwrap();
    assert_eq!((token.id(), token.key()), (event.id(), key().public_key()));
    assert_eq!(token.expires_at(), Timestamp(NOW.0 + 60));
}

/// The header of the example in NIP-98 is read and fits its request. The example was edited after it was signed, so that its id
/// is not its hash: that is found out when all else is right.
#[test]
fn r3_3_the_example_of_the_nip() {
    let example = include_bytes!("example.txt");
    let place = Place {
        public_urls: &["wss://api.snort.social".to_owned()],
        local: None,
    };
    let asked = |method, path| Request {
        method,
        target: Target::Resource(path),
        place,
        body: b"",
        payload: Payload::Optional,
    };
    let right = asked("GET", "/api/v1/n5sp/list");
    let made = Timestamp(1_682_327_852);
    let wrong = |request: Request<'_>, now| check(example, &request, Timestamp(now)).unwrap_err();
    assert_eq!(wrong(right, made.0), HttpAuthError::Id);
    assert_eq!(wrong(right, made.0 + 61), HttpAuthError::Time);
    assert_eq!(wrong(right, made.0 - 61), HttpAuthError::Time);
    assert_eq!(
        wrong(asked("POST", "/api/v1/n5sp/list"), made.0),
        HttpAuthError::Method
    );
    assert_eq!(
        wrong(asked("GET", "/api/v1/n5sp/list?all"), made.0),
        HttpAuthError::Url
    );
}

#[test]
fn r3_3_headers_as_clients_write_them() {
    let json = right().json().to_vec();
    let (padded, bare) = (
        BASE64_STANDARD.encode(&json),
        BASE64_STANDARD_NO_PAD.encode(&json),
    );
    for header in [
        format!("Nostr {padded}"),
        format!("Nostr {bare}"),
        format!("nostr  {padded} "),
        format!("NOSTR \t{bare}"),
    ] {
        let judged = judge_header(header.as_bytes(), Payload::Required);
        assert!(judged.is_ok(), "{header}");
    }
}

#[test]
fn r3_2_the_signer_of_a_refused_token_is_known_if_there_is_one() {
    let old = token(Kind::HTTP_AUTH, 1, &[["u", "wss://elsewhere.example.com"]]);
    let signed = |event: &Event| signer(&header(event.json()));
    assert!(judge(&old).is_err());
    assert_eq!(signed(&old), Some(key().public_key()));
    let note = token(Kind(1), NOW.0, &[]);
    assert_eq!(signed(&note), None, "what is public proves nothing");
    let json = String::from_utf8(old.json().to_vec()).unwrap();
    let forged = json.replace("elsewhere", "somewhere");
    assert_eq!(signer(&header(forged.as_bytes())), None);
    let unsigned = json.replace(&json[json.len() - 40..json.len() - 2], &"0".repeat(38));
    assert_eq!(signer(&header(unsigned.as_bytes())), None);
    assert_eq!(signer(b"Nostr e30="), None);
}

#[test]
fn r3_3_headers_that_are_none() {
    let json = right().json().to_vec();
    let token = BASE64_STANDARD.encode(&json);
    for wrong in [
        String::new(),
        "Nostr".into(),
        "Nostr ".into(),
        token.clone(),
        format!("Nostr{token}"),
        format!("Bearer {token}"),
        format!("Nostr {token} {token}"),
        format!("Nostr {}", token.replace('e', "-")),
        format!("Nostr {}", "A".repeat(MAX_HEADER_BYTES)),
        "Nöstr e30=".into(),
    ] {
        let error = judge_header(wrong.as_bytes(), Payload::Required).unwrap_err();
        assert_eq!(error, HttpAuthError::Header, "{wrong}");
    }
    for no_event in ["", "{}", "null", "[]", "{\"id\":1}"] {
        let error = judge_header(&header(no_event.as_bytes()), Payload::Required).unwrap_err();
        let wanted = if no_event.is_empty() {
            HttpAuthError::Header
        } else {
            HttpAuthError::Event
        };
        assert_eq!(error, wanted, "{no_event}");
    }
}

#[test]
fn r3_3_each_condition_counts() {
    let hash = hash(BODY);
    let (u, method, payload) = (["u", URL], ["method", "POST"], ["payload", hash.as_str()]);
    let wrong = |kind, at, tags: &[[&str; 2]]| judge(&token(kind, at, tags)).unwrap_err();
    let all = [u, method, payload];
    assert_eq!(wrong(Kind::AUTH, NOW.0, &all), HttpAuthError::Kind);
    for at in [NOW.0 - 61, NOW.0 + 61, 0, u64::MAX >> 1] {
        assert_eq!(wrong(Kind::HTTP_AUTH, at, &all), HttpAuthError::Time);
    }
    for at in [NOW.0 - 60, NOW.0 + 60] {
        assert!(judge(&token(Kind::HTTP_AUTH, at, &all)).is_ok());
    }
    let tagged = |tags: &[[&str; 2]]| wrong(Kind::HTTP_AUTH, NOW.0, tags);
    assert_eq!(tagged(&[method, payload]), HttpAuthError::Url);
    assert_eq!(
        tagged(&[["u", "https://evil.example"], method, payload]),
        HttpAuthError::Url
    );
    assert_eq!(tagged(&[u, payload]), HttpAuthError::Method);
    assert_eq!(
        tagged(&[u, ["method", "GET"], payload]),
        HttpAuthError::Method
    );
    assert_eq!(tagged(&[u, method]), HttpAuthError::NoPayload);
    for other in ["", "00", &hash.to_uppercase(), &self::hash(b"another body")] {
        assert_eq!(
            tagged(&[u, method, ["payload", other]]),
            HttpAuthError::Payload
        );
    }
    for twice in [u, method, payload] {
        assert_eq!(tagged(&[u, method, payload, twice]), HttpAuthError::Tags);
    }
}

#[test]
fn r3_3_a_payload_that_is_optional_is_checked_when_it_is_there() {
    let judged = |tags: &[[&str; 2]]| {
        let event = token(Kind::HTTP_AUTH, NOW.0, tags);
        judge_header(&header(event.json()), Payload::Optional)
    };
    let tags = [["u", URL], ["method", "post"]];
    assert!(judged(&tags).is_ok());
    let other = hash(b"another body");
    let tags = [["u", URL], ["method", "POST"], ["payload", &other]];
    assert_eq!(judged(&tags), Err(HttpAuthError::Payload));
}

#[test]
fn r3_3_id_and_signature_are_checked() {
    let event = right();
    let json = String::from_utf8(event.json().to_vec()).unwrap();
    let changed = json.replace("\"content\":\"\"", "\"content\":\"x\"");
    let judged = |json: &str| judge_header(&header(json.as_bytes()), Payload::Required);
    assert_eq!(judged(&changed), Err(HttpAuthError::Id));
    let sig = event.sig().to_string();
    let reversed: String = sig.chars().rev().collect();
    assert_eq!(
        judged(&json.replace(&sig, &reversed)),
        Err(HttpAuthError::Signature)
    );
}

#[test]
fn r3_3_refusals_say_whose_fault_they_are() {
    assert_eq!(HttpAuthError::Used.blame(), Blame::Client);
    assert_eq!(HttpAuthError::Signature.blame(), Blame::Client);
    assert_eq!(HttpAuthError::Full.blame(), Blame::Server);
    assert_eq!(HttpAuthError::Unavailable.blame(), Blame::Server);
}

proptest! {
    /// Whatever stands in the header, it is refused in order.
    #[test]
    fn r3_3_no_header_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(judge_header(&bytes, Payload::Required).is_err());
        let mut named = b"Nostr ".to_vec();
        named.extend(&bytes);
        prop_assert!(judge_header(&named, Payload::Required).is_err());
        prop_assert!(judge_header(&header(&bytes), Payload::Required).is_err());
    }

    /// A right token of which one byte was changed is not right.
    #[test]
    fn r3_3_no_byte_of_a_token_can_be_changed(at in any::<prop::sample::Index>(), byte in 0_u8..128) {
        let mut json = right().json().to_vec();
        let at = at.index(json.len());
        let was = json[at];
        json[at] = byte;
        let judged = judge_header(&header(&json), Payload::Required);
        prop_assert_eq!(judged.is_ok(), byte == was);
    }

    /// Whatever the URL, nothing breaks, and only the relay's own passes.
    #[test]
    fn r3_3_no_url_is_a_panic(url in ".{0,60}", scheme in "(https?|wss?)://") {
        for url in [url.clone(), format!("{scheme}{url}")] {
            let hash = hash(BODY);
            let tags = [["u", &url], ["method", "POST"], ["payload", &hash]];
            let judged = judge(&token(Kind::HTTP_AUTH, NOW.0, &tags));
            prop_assert_eq!(judged, Err(HttpAuthError::Url));
        }
    }
}
