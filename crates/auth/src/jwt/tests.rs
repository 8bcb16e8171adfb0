//! Tokens that are right, and all the ways in which they can be wrong.

use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use ring::{hmac, rsa};
use serde_json::{Value, json};
use stentor_event::Timestamp;

use super::key::KeySet;
use super::verify::{Peek, Rules, Verified};
use super::*;
use crate::SecretError;
use crate::failure::Category;
use crate::random;

const NOW: Timestamp = Timestamp(1_700_000_000);

/// A private key of each kind.
enum Pair {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl Pair {
    fn ed() -> Self {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap())
    }

    fn ec() -> Self {
        let (way, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let der = EcdsaKeyPair::generate_pkcs8(way, &random).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(way, der.as_ref(), &random).unwrap())
    }

    fn rsa() -> Self {
        use base64::Engine;
        let text = include_str!("../../tests/gate/rsa-test-key.txt").replace('\n', "");
        let der = base64::prelude::BASE64_STANDARD.decode(text).unwrap();
        Self::Rsa(RsaKeyPair::from_pkcs8(&der).unwrap())
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Ec(pair) => pair
                .sign(&SystemRandom::new(), message)
                .unwrap()
                .as_ref()
                .to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .unwrap();
                signature
            }
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Ed(pair) => {
                let x = random::text(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x})
            }
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (random::text(&point[1..33]), random::text(&point[33..]));
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y, "use": "sig"})
            }
            Self::Rsa(pair) => {
                let parts: rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                let (n, e) = (random::text(&parts.n), random::text(&parts.e));
                json!({"kty": "RSA", "kid": kid, "n": n, "e": e, "alg": "RS256"})
            }
        }
    }

    fn token(&self, head: &Value, claims: &Value) -> String {
        let message = message(head, claims);
        let signature = self.signature(message.as_bytes());
        format!("{message}.{}", random::text(&signature))
    }
}

fn message(head: &Value, claims: &Value) -> String {
    let part = |value: &Value| random::text(value.to_string().as_bytes());
    format!("{}.{}", part(head), part(claims))
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn rules() -> Rules {
    Rules {
        issuer: "https://id.example".into(),
        audience: "us".into(),
        max_seconds: 0,
        typ: None,
    }
}

/// Claims that are right, with some of them replaced; `null` removes.
fn claims(other: Value) -> Value {
    let mut claims = json!({
        "iss": "https://id.example", "aud": "us", "sub": "alice", "jti": "1",
        "iat": NOW.0, "exp": NOW.0 + 600,
    });
    let map = claims.as_object_mut().unwrap();
    for (name, value) in other.as_object().unwrap() {
        match value {
            Value::Null => map.remove(name),
            value => map.insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn verify_by(token: &str, keys: &KeySet, rules: &Rules) -> Result<Verified, Category> {
    let peek = Peek::at(token)?;
    let key = keys.find(peek.kid()).ok_or(Category::UnknownKey)?;
    peek.verify(key, rules, NOW)
}

fn verify(token: &str, keys: &KeySet) -> Result<Verified, Category> {
    verify_by(token, keys, &rules())
}

#[test]
fn g2_1_each_kind_of_key_verifies_its_own_tokens() {
    let pairs = [
        (Pair::ed(), "EdDSA"),
        (Pair::ec(), "ES256"),
        (Pair::rsa(), "RS256"),
    ];
    let jwks: Vec<_> = pairs.iter().map(|(pair, alg)| pair.jwk(alg)).collect();
    let keys = set(&jwks);
    for (pair, alg) in &pairs {
        let token = pair.token(
            &json!({"alg": alg, "kid": alg, "typ": "JWT"}),
            &claims(json!({})),
        );
        let verified = verify(&token, &keys).unwrap();
        assert_eq!(
            (verified.subject.as_str(), verified.id.as_str()),
            ("alice", "1")
        );
        assert_eq!(verified.expires_at, Timestamp(NOW.0 + 600));
        // A bit of the signature.
        let last = token.len() - 10;
        let changed = if token.as_bytes()[last] == b'A' {
            "B"
        } else {
            "A"
        };
        let forged = format!("{}{changed}{}", &token[..last], &token[last + 1..]);
        assert_eq!(verify(&forged, &keys), Err(Category::Forged), "{alg}");
        // Other claims below the same signature.
        let (_, signature) = token.rsplit_once('.').unwrap();
        let other = message(
            &json!({"alg": alg, "kid": alg}),
            &claims(json!({"sub": "eve"})),
        );
        assert_eq!(
            verify(&format!("{other}.{signature}"), &keys),
            Err(Category::Forged),
            "{alg}"
        );
    }
}

#[test]
fn g2_1_the_key_decides_the_algorithm() {
    let (ed, rsa, ec) = (Pair::ed(), Pair::rsa(), Pair::ec());
    let keys = set(&[ed.jwk("ed"), rsa.jwk("rsa"), ec.jwk("ec")]);
    let right = claims(json!({}));
    // An RS256 header with an Ed25519 key, and every other pair of two kinds.
    for (alg, kid) in [
        ("RS256", "ed"),
        ("ES256", "ed"),
        ("EdDSA", "rsa"),
        ("ES256", "rsa"),
        ("RS256", "ec"),
    ] {
        for signer in [&ed, &rsa, &ec] {
            let token = signer.token(&json!({"alg": alg, "kid": kid}), &right);
            assert_eq!(
                verify(&token, &keys),
                Err(Category::Algorithm),
                "{alg} {kid}"
            );
        }
    }
    // The right algorithm for the key, signed by another.
    let token = ed.token(&json!({"alg": "ES256", "kid": "ec"}), &right);
    assert_eq!(verify(&token, &keys), Err(Category::Forged));
    // Algorithms of the same family.
    for alg in ["RS512", "PS256", "RS384"] {
        let token = rsa.token(&json!({"alg": alg, "kid": "rsa"}), &right);
        assert_eq!(verify(&token, &keys), Err(Category::Algorithm), "{alg}");
    }
}

#[test]
fn g2_1_no_token_without_a_signature() {
    let ed = Pair::ed();
    let keys = set(&[ed.jwk("ed")]);
    for alg in ["none", "None", "nOnE", ""] {
        let unsigned = message(&json!({"alg": alg, "kid": "ed"}), &claims(json!({})));
        assert_eq!(
            verify(&format!("{unsigned}."), &keys),
            Err(Category::Algorithm),
            "{alg}"
        );
    }
    let unsigned = message(&json!({"alg": "EdDSA", "kid": "ed"}), &claims(json!({})));
    assert_eq!(
        verify(&format!("{unsigned}."), &keys),
        Err(Category::Forged)
    );
}

#[test]
fn g2_1_a_public_key_is_no_shared_secret() {
    let rsa = Pair::rsa();
    let jwk = rsa.jwk("rsa");
    let keys = set(std::slice::from_ref(&jwk));
    let Pair::Rsa(pair) = &rsa else {
        unreachable!()
    };
    let secrets = [
        pair.public().as_ref().to_vec(),
        jwk.to_string().into_bytes(),
    ];
    let unsigned = message(&json!({"alg": "HS256", "kid": "rsa"}), &claims(json!({})));
    for secret in secrets {
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            unsigned.as_bytes(),
        );
        let token = format!("{unsigned}.{}", random::text(tag.as_ref()));
        assert_eq!(verify(&token, &keys), Err(Category::Algorithm));
    }
    // A shared secret among the keys of an issuer is no key at all.
    assert_eq!(
        set(&[json!({"kty": "oct", "kid": "x", "k": "AAAA"})]).len(),
        0
    );
}

#[test]
fn g2_1_a_key_in_the_header_is_not_looked_at() {
    let (ours, theirs) = (Pair::ed(), Pair::ed());
    let keys = set(&[ours.jwk("a")]);
    let head =
        json!({"alg": "EdDSA", "kid": "a", "jwk": theirs.jwk("a"), "jku": "https://evil.example"});
    assert_eq!(
        verify(&theirs.token(&head, &claims(json!({}))), &keys),
        Err(Category::Forged)
    );
}

#[test]
fn g2_1_a_key_is_named_unless_there_is_one() {
    let (one, two) = (Pair::ed(), Pair::ed());
    let right = claims(json!({}));
    let unnamed = one.token(&json!({"alg": "EdDSA"}), &right);
    assert!(verify(&unnamed, &set(&[one.jwk("1")])).is_ok());
    assert_eq!(
        verify(&unnamed, &set(&[one.jwk("1"), two.jwk("2")])),
        Err(Category::UnknownKey)
    );
    let unknown = one.token(&json!({"alg": "EdDSA", "kid": "3"}), &right);
    assert_eq!(
        verify(&unknown, &set(&[one.jwk("1")])),
        Err(Category::UnknownKey)
    );
}

#[test]
fn g2_1_each_claim_counts() {
    let ed = Pair::ed();
    let keys = set(&[ed.jwk("ed")]);
    let outcome = |other: Value| {
        let token = ed.token(&json!({"alg": "EdDSA", "kid": "ed"}), &claims(other));
        verify(&token, &keys).map(|verified| verified.expires_at.0)
    };
    assert_eq!(outcome(json!({"aud": ["x", "us"]})), Ok(NOW.0 + 600));
    for aud in [json!("them"), json!(["them"]), json!([]), Value::Null] {
        assert_eq!(
            outcome(json!({"aud": aud})),
            Err(Category::Audience),
            "{aud}"
        );
    }
    assert_eq!(
        outcome(json!({"iss": "https://id.example/"})),
        Err(Category::Issuer)
    );
    for sub in [Value::Null, json!(""), json!("x".repeat(256))] {
        assert_eq!(outcome(json!({"sub": sub})), Err(Category::Claims), "{sub}");
    }
    for exp in [Value::Null, json!("1800000000"), json!(-1), json!(1e300)] {
        assert_eq!(outcome(json!({"exp": exp})), Err(Category::Claims), "{exp}");
    }
    assert!(outcome(json!({"exp": [NOW.0 + 600]})).is_err());
    assert_eq!(outcome(json!({"exp": NOW.0 as f64 + 1.9})), Ok(NOW.0 + 1));
    assert_eq!(
        outcome(json!({"exp": NOW.0 - 59})),
        Ok(NOW.0 + 1),
        "clocks differ"
    );
    assert_eq!(outcome(json!({"exp": NOW.0 - 60})), Err(Category::Expired));
    assert_eq!(outcome(json!({"exp": u64::MAX})), Ok(Timestamp::MAX.0));
    for begin in ["nbf", "iat"] {
        assert!(outcome(json!({begin: NOW.0 + 60})).is_ok());
        assert_eq!(outcome(json!({begin: NOW.0 + 61})), Err(Category::NotYet));
        assert_eq!(outcome(json!({begin: "x"})), Err(Category::Claims));
    }
}

#[test]
fn g2_1_a_token_can_be_too_old_for_its_issuer() {
    let ed = Pair::ed();
    let (keys, mut rules) = (set(&[ed.jwk("ed")]), rules());
    rules.max_seconds = 100;
    let outcome = |iat: Value| {
        let token = ed.token(&json!({"alg": "EdDSA"}), &claims(json!({"iat": iat})));
        verify_by(&token, &keys, &rules).map(|verified| verified.expires_at.0)
    };
    assert_eq!(outcome(json!(NOW.0)), Ok(NOW.0 + 100));
    assert_eq!(outcome(json!(NOW.0 - 160)), Err(Category::Expired));
    assert_eq!(outcome(Value::Null), Err(Category::Claims));
}

#[test]
fn g2_1_types_and_what_is_critical() {
    let ed = Pair::ed();
    let (keys, mut rules) = (set(&[ed.jwk("ed")]), rules());
    rules.typ = Some("at+jwt");
    let outcome = |head: Value, rules: &Rules| {
        verify_by(&ed.token(&head, &claims(json!({}))), &keys, rules).map(drop)
    };
    assert_eq!(
        outcome(json!({"alg": "EdDSA", "typ": "AT+JWT"}), &rules),
        Ok(())
    );
    for head in [
        json!({"alg": "EdDSA", "typ": "JWT"}),
        json!({"alg": "EdDSA"}),
    ] {
        assert_eq!(outcome(head, &rules), Err(Category::Malformed));
    }
    rules.typ = None;
    let critical = json!({"alg": "EdDSA", "crit": ["exp"], "exp": 1});
    assert_eq!(outcome(critical, &rules), Err(Category::Malformed));
}

#[test]
fn g2_1_without_an_id_a_token_is_its_hash() {
    let ed = Pair::ed();
    let keys = set(&[ed.jwk("ed")]);
    let token = ed.token(&json!({"alg": "EdDSA"}), &claims(json!({"jti": null})));
    assert_eq!(verify(&token, &keys).unwrap().id.len(), 64);
}

#[test]
fn g2_1_keys_for_something_else_are_left_out() {
    let ed = Pair::ed();
    let with = |name: &str, value: Value| {
        let mut jwk = ed.jwk("ed");
        jwk.as_object_mut().unwrap().insert(name.to_owned(), value);
        jwk
    };
    let others = [
        with("use", json!("enc")),
        with("alg", json!("ES256")),
        with("key_ops", json!(["sign"])),
        with("crv", json!("X25519")),
        with("x", json!("!")),
        json!({"kty": "RSA"}),
        json!(1),
    ];
    assert_eq!(set(&others).len(), 0);
    assert_eq!(
        set(&[
            with("key_ops", json!(["verify"])),
            with("alg", json!("Ed25519"))
        ])
        .len(),
        2
    );
    let many: Vec<_> = (0..100).map(|number| ed.jwk(&number.to_string())).collect();
    assert_eq!(set(&many).len(), 64);
    for document in [&b""[..], b"[]", b"{}", br#"{"keys":1}"#] {
        assert!(KeySet::parse(document).is_none());
    }
}

#[test]
fn g2_1_a_signing_key_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("secrets");
    assert!(signing_key::SigningKey::read(&folder).unwrap().is_none());
    let made = signing_key::SigningKey::replace(&folder, NOW).unwrap();
    let read = signing_key::SigningKey::read(&folder).unwrap().unwrap();
    assert_eq!(
        (made.kid, made.public, made.created_at),
        (read.kid, read.public, NOW)
    );
    let file = folder.join("token.key");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&folder)), (0o600, 0o700));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        signing_key::SigningKey::read(&folder),
        Err(SecretError::Open { mode: 0o640, .. })
    ));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, "x").unwrap();
    assert!(matches!(
        signing_key::SigningKey::read(&folder),
        Err(SecretError::Damaged { .. })
    ));
}

proptest! {
    #[test]
    fn g2_1_any_text_is_refused(text in "([A-Za-z0-9_-]{0,20}\\.){0,3}\\PC{0,20}") {
        has_form(&text);
        prop_assert!(verify(&text, &KeySet::default()).is_err());
    }

    #[test]
    fn g2_1_any_header_and_claims_are_judged(head in any::<String>(), claims in any::<String>()) {
        let token = format!("{}.{}.AA", random::text(head.as_bytes()), random::text(claims.as_bytes()));
        prop_assert!(verify(&token, &KeySet::default()).is_err());
    }

    #[test]
    fn g2_1_any_document_is_a_set_or_none(document in any::<Vec<u8>>()) {
        let _ = KeySet::parse(&document);
    }
}
