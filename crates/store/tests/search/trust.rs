//! `domain:`, `nsfw:` and `include:spam`.

use std::sync::Arc;

use stentor_event::{EventView, PublicKey};
use stentor_store::search::{Claim, DomainVerifier, SpamMarks, Trust};

use super::house::{House, SetUp};
use crate::common::make::{Alice, Bob, Carol, Dave, anonymous, draft, note};

/// Knows who speaks the truth.
struct Registrar;

type Answer<'a> = std::pin::Pin<Box<dyn Future<Output = Vec<bool>> + Send + 'a>>;

impl DomainVerifier for Registrar {
    fn is_verified(&self, author: &PublicKey, domains: &[String]) -> bool {
        *author == Alice.key() && domains.iter().any(|domain| domain == "example.com")
    }

    fn verify<'a>(&'a self, claims: &'a [Claim]) -> Answer<'a> {
        let holds = |claim: &Claim| claim.author != Bob.key() && claim.domain == "example.com";
        Box::pin(async move { claims.iter().map(holds).collect() })
    }
}

/// Marks one author.
struct Marked(PublicKey);

impl SpamMarks for Marked {
    fn is_spam(&self, event: &EventView<'_>) -> bool {
        event.pubkey() == self.0
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_domain_finds_authors_whose_name_is_verified() {
    let trust = Trust {
        domains: Some(Arc::new(Registrar)),
        spam: None,
    };
    let house = House::with(SetUp {
        trust,
        ..SetUp::default()
    })
    .await;
    let profile = |person: crate::common::make::Person, name: &str| {
        draft(person, 0, 1)
            .content(&format!(r#"{{"nip05":"{name}"}}"#))
            .sign()
    };
    let people = [
        (Alice, "alice@Example.com"),
        (Bob, "bob@example.com"),
        (Carol, "carol@other.example"),
    ];
    for (person, name) in people {
        house
            .keep(&[
                profile(person, name),
                note(person, 10, &format!("word of {name}")),
            ])
            .await;
    }
    house
        .keep(&[note(Dave, 10, "word of nobody example.com")])
        .await;
    assert_eq!(
        house.search("word domain:EXAMPLE.com").await,
        ["word of alice@Example.com"],
        "Bob's claim does not hold"
    );
    assert_eq!(
        house
            .find(&[r#"{"search":"domain:example.com"}"#])
            .await
            .len(),
        2,
        "the profile and the note"
    );
    assert_eq!(
        house.search("word domain:other.example").await,
        [] as [&str; 0]
    );
    assert_eq!(house.search("word domain:example").await, [] as [&str; 0]);
    let by_bob = format!(
        r#"{{"search":"word domain:example.com","authors":["{}"]}}"#,
        Bob.hex()
    );
    assert_eq!(house.find(&[&by_bob]).await, [] as [&str; 0]);
    assert_eq!(
        house
            .count(&[r#"{"search":"word domain:example.com"}"#], &anonymous())
            .await
            .count,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_without_a_verifier_domain_is_passed_over() {
    let house = House::new().await;
    house.keep(&[note(Alice, 10, "word")]).await;
    assert_eq!(house.search("word domain:example.com").await, ["word"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_spam_only_when_asked_for_and_nsfw_unless_not() {
    let trust = Trust {
        domains: None,
        spam: Some(Arc::new(Marked(Bob.key()))),
    };
    let house = House::with(SetUp {
        trust,
        ..SetUp::default()
    })
    .await;
    let warned = draft(Carol, 1, 30)
        .tag("content-warning", "")
        .content("word warned")
        .sign();
    let tagged = draft(Carol, 1, 40)
        .tag("t", "NSFW")
        .content("word tagged")
        .sign();
    house
        .keep(&[
            note(Alice, 10, "word fine"),
            note(Bob, 20, "word spam"),
            warned,
            tagged,
        ])
        .await;
    for (query, found) in [
        ("word", &["word tagged", "word warned", "word fine"][..]),
        (
            "word nsfw:true",
            &["word tagged", "word warned", "word fine"],
        ),
        ("word nsfw:false", &["word fine"]),
        (
            "word include:spam",
            &["word tagged", "word warned", "word spam", "word fine"],
        ),
        ("nsfw:false include:spam", &["word spam", "word fine"]),
    ] {
        assert_eq!(house.search(query).await, found, "{query}");
    }
    let limited = house
        .find(&[r#"{"search":"word nsfw:false","limit":1}"#])
        .await;
    assert_eq!(
        limited,
        ["word fine"],
        "what is left out does not use up the limit"
    );
}
