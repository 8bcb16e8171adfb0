//! R4.2 and R6: addresses (NIP-05) for which web servers vouch, or do not.

use serde_json::{Value, json};
use stentor_event::Event;

use crate::harness::*;

over_both_engines! {
    r4_2_a_domain_vouches_for_an_author,
    r4_2_a_slow_domain_holds_up_its_own_authors_only,
    r6_domain_finds_authors_for_whom_it_vouches,
}

const GOOD: &str = "good.example.com";
const MOVED: &str = "moved.example.com";
const SLOW: &str = "slow.example.com";
const BROKEN: &str = "broken.example.com";
const DOWN: &str = "down.example.com";

/// What a domain says of names: whose they are.
fn names(names: &[(&str, u8)]) -> String {
    let names = names.iter();
    let names: serde_json::Map<String, Value> = names
        .map(|(name, author)| ((*name).to_owned(), public(*author).into()))
        .collect();
    json!({ "names": names }).to_string()
}

async fn web() -> Web {
    let to_good = "location: https://good.example.com/.well-known/nostr.json?name=three\r\n";
    let good = names(&[("one", 1), ("three", 3)]);
    Web::start(vec![
        (GOOD, Does::Answers(200, "", good)),
        (MOVED, Does::Answers(302, to_good, names(&[("three", 3)]))),
        (SLOW, Does::Waits(names(&[("four", 4)]))),
        (BROKEN, Does::Answers(503, "", names(&[("five", 5)]))),
        (DOWN, Does::Nothing),
    ])
    .await
}

fn profile(author: u8, ago: u64, address: &str) -> Event {
    let content = json!({"name": "somebody", "nip05": address}).to_string();
    event(0, now() - ago).content(content).sign(&key(author))
}

async fn node(engine: Engine, web: &Web) -> Node {
    let mut config = without_rates();
    config.policy.nip05.domains = [GOOD, MOVED, SLOW, BROKEN, DOWN].map(str::to_owned).into();
    Node::with_dialer(engine, config, web.dialer()).await
}

async fn r4_2_a_domain_vouches_for_an_author(engine: Engine) {
    let web = web().await;
    let node = node(engine, &web).await;
    let mut client = node.client().await;
    client
        .store(&profile(1, 50, &format!("One@{}", GOOD.to_uppercase())))
        .await;
    for ago in 0..3 {
        client
            .store(&note(1, ago, &format!("verified {ago}")))
            .await;
    }
    let once = ["/.well-known/nostr.json?name=one"];
    assert_eq!(web.asked(GOOD), once, "what is known is not asked again");
    for (author, address, reason) in [
        (2, "one@good.example.com", "restricted: good.example.com "),
        (
            3,
            "three@moved.example.com",
            "restricted: moved.example.com ",
        ),
        (5, "five@broken.example.com", "error: broken.example.com "),
        (6, "six@down.example.com", "error: down.example.com "),
        (7, "seven@other.example.com", "restricted: "),
    ] {
        client.store(&profile(author, 50, address)).await;
        let (accepted, said) = client.publish(&note(author, 5, address)).await;
        assert!(!accepted && said.starts_with(reason), "{address}: {said}");
    }
    let asked = web.asked(GOOD);
    assert_eq!(asked.len(), 2, "a redirect is not followed: {asked:?}");
    assert_eq!(web.asked(MOVED).len(), 1);
    // What one domain has said is nothing against what another says.
    client
        .store(&profile(3, 40, "three@good.example.com"))
        .await;
    client.store(&note(3, 4, "at a domain that vouches")).await;
    client.store(&note(1, 9, "still verified")).await;
}

async fn r4_2_a_slow_domain_holds_up_its_own_authors_only(engine: Engine) {
    let web = web().await;
    let node = node(engine, &web).await;
    let (mut slow, mut good) = (node.client().await, node.client().await);
    slow.store(&profile(4, 50, "four@slow.example.com")).await;
    good.store(&profile(1, 50, "one@good.example.com")).await;
    let waiting: Vec<Event> = (0..3)
        .map(|ago| note(4, ago, &format!("in time {ago}")))
        .collect();
    let sent = waiting.iter().map(|event| {
        json!([
            "EVENT",
            serde_json::from_str::<Value>(&text(event)).unwrap()
        ])
        .to_string()
    });
    slow.send_all(sent).await;
    good.store(&note(1, 5, "of another")).await;
    good.settle().await;
    web.open();
    for _ in &waiting {
        let answer = slow.find(|message| message[0] == "OK").await;
        assert_eq!(answer[2], true, "{answer}");
    }
    assert_eq!(web.asked(SLOW).len(), 1, "once for all who wait");
}

async fn r6_domain_finds_authors_for_whom_it_vouches(engine: Engine) {
    let web = web().await;
    let config = Searching::patient(without_rates());
    let node = Node::with_dialer(engine, config.clone(), web.dialer()).await;
    let trust = node.relay.search_trust();
    let relay = Searching::over(node, &config, trust);
    let mut client = relay.node.client().await;
    for (author, address) in [
        (1, "one@good.example.com"),
        (2, "one@good.example.com"),
        (3, "three@moved.example.com"),
        (4, "four@slow.example.com"),
        (5, "five@broken.example.com"),
    ] {
        client.store(&profile(author, 50, address)).await;
        client.store(&note(author, 5, "a word")).await;
    }
    // However slow the machine is, what a search did not wait for is there for a later one.
    until_found(&mut client, GOOD, 1).await;
    for (domain, found) in [
        (GOOD, vec![public(1)]),
        (MOVED, vec![]),
        (SLOW, vec![]),
        (BROKEN, vec![]),
    ] {
        assert_eq!(authors(&mut client, domain).await, found, "{domain}");
    }
    assert_eq!(web.asked(GOOD).len(), 2, "about each claim once");
    assert_eq!((web.asked(MOVED).len(), web.asked(SLOW).len()), (1, 1));
    web.open();
    until_found(&mut client, SLOW, 4).await;
    assert_eq!(web.asked(SLOW).len(), 1);
}

/// Whose notes a search finds that asks for this domain.
async fn authors(client: &mut Client, domain: &str) -> Vec<String> {
    let search = format!("word domain:{domain}");
    let answer = client.query(json!({"search": search, "kinds": [1]})).await;
    let events = answer.events.iter();
    let author = |event: &Value| event["pubkey"].as_str().unwrap().to_owned();
    events.map(author).collect()
}

async fn until_found(client: &mut Client, domain: &str, author: u8) {
    for _ in 0..10 {
        if authors(client, domain).await == [public(author)] {
            return;
        }
    }
    panic!("{author} is not found at {domain}");
}
