//! G4.3, G5.4: receivers that never answer, never end, or lead inside.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use stentor_gateway::Config;
use stentor_gateway::webhook::config::Webhooks;
use stentor_net::dial::Dialer;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::harness::{Hooks, id, list, notes};
use super::receiver::{Receiver, Reply};
use crate::harness::{note, store};

#[path = "../../../../net/tests/common/dns.rs"]
#[allow(dead_code, reason = "tests of the dialer use the rest")]
mod dns;

both_engines!(
    g4_3_who_never_answers_or_never_ends_is_cut,
    g5_4_an_address_that_is_refused_later_is_given_up,
    g5_4_a_name_that_leads_inside_by_now_is_given_up,
    g4_1_nothing_is_sent_that_cannot_be_signed,
    g4_5_the_page_loads_nothing_from_elsewhere,
);

fn impatient() -> Config {
    Config {
        webhooks: Webhooks {
            timeout_seconds: 1,
            ..Webhooks::default()
        },
        ..Config::default()
    }
}

async fn g4_3_who_never_answers_or_never_ends_is_cut(house: House) {
    let hooks = Hooks::with(&house, store(), impatient()).await;
    let key = hooks.key().await;
    let mut receiver = Receiver::new(|hit| match hit.content().as_str() {
        "endless" => Reply::Endless,
        "odd" => Reply::Status(200, "", "<script>\u{0}\u{1b}[31m</script>".into()),
        _ => Reply::Nothing,
    })
    .await;
    let made = hooks.create(&key, &receiver, notes()).await;
    for (number, text) in ["silent", "endless", "odd"].iter().enumerate() {
        hooks.subject.store(&[&note(text)]).await;
        receiver.next().await;
        hooks.attempts(id(&made), &key, number + 1).await;
    }
    let lines = hooks.attempts(id(&made), &key, 3).await;
    let [odd, endless, silent] = [&lines[0], &lines[1], &lines[2]];
    assert_eq!(
        (&silent["outcome"], &silent["error"]),
        (&json!("failed"), &json!("timeout"))
    );
    assert!(silent.get("status").is_none() && silent["next_ms"].is_u64());
    assert!((1_000..5_000).contains(&silent["latency_ms"].as_u64().unwrap()));
    assert_eq!(endless["outcome"], "taken", "the status was heard");
    assert_eq!(endless["response"].as_str().unwrap().len(), 16 << 10);
    assert_eq!(odd["response"], "<script>\u{0}\u{1b}[31m</script>");
}

async fn g5_4_an_address_that_is_refused_later_is_given_up(house: House) {
    let store = store();
    let mut receiver = Receiver::obliging().await;
    let (key, made) = {
        let mut hooks = Hooks::with(&house, std::sync::Arc::clone(&store), Config::default()).await;
        let key = hooks.key().await;
        let made = hooks.create(&key, &receiver, notes()).await;
        hooks.stop().await;
        (key, made)
    };
    let public = Dialer::new(&stentor_net::dial::Config::default()).unwrap();
    let hooks = Hooks::dialing(&house, store, Config::default(), public).await;
    hooks.subject.store(&[&note("one")]).await;
    let path = format!("/{}", id(&made));
    let shown = hooks
        .until(&path, &key, |webhook| webhook["enabled"] == false)
        .await;
    assert_eq!(shown["disabled_reason"], "refused");
    let page = hooks.get(&format!("{path}/dead-letters"), &key).await;
    assert_eq!(
        list(&page, "dead_letters")[0]["attempts"],
        1,
        "not tried again"
    );
    let lines = hooks.attempts(id(&made), &key, 1).await;
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["error"]),
        (&json!("refused"), &json!("refused"))
    );
    assert!(receiver.is_idle());
}

async fn g5_4_a_name_that_leads_inside_by_now_is_given_up(house: House) {
    let public = "93.184.216.34";
    let asked = AtomicUsize::new(0);
    // Public when it is registered (both kinds of address are asked for), inside afterwards.
    let server = dns::Dns::start(move |_, kind, _| {
        let before = asked.fetch_add(1, Ordering::Relaxed);
        let answer = if before < 2 { public } else { "127.0.0.1" };
        Some(dns::addresses(kind, &[answer]))
    })
    .await;
    let config = stentor_net::dial::Config {
        name_servers: vec![server.address.to_string()],
        ..stentor_net::dial::Config::default()
    };
    let rebound = Dialer::new(&config).unwrap();
    let hooks = Hooks::dialing(&house, store(), Config::default(), rebound).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    let url = format!(
        "http://hook.example.org:{}/hook?a=b",
        receiver.address.port()
    );
    let wish = json!({ "url": url, "types": ["nostr"] }).to_string();
    let (status, made) = hooks.call("POST", "", &key, &wish).await;
    assert_eq!(status, 201, "{made}");
    hooks.subject.store(&[&note("one")]).await;
    let path = format!("/{}/dead-letters", id(&made));
    hooks
        .until(&path, &key, |page| !list(page, "dead_letters").is_empty())
        .await;
    let lines = hooks.attempts(id(&made), &key, 1).await;
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["error"]),
        (&json!("refused"), &json!("refused"))
    );
    assert!(receiver.is_idle());
    let shown = hooks.get(&format!("/{}", id(&made)), &key).await;
    assert_eq!(shown["enabled"], true, "names may lead elsewhere again");
    // Registered when it leads inside already, it is refused.
    let (status, problem) = hooks.call("POST", "", &key, &wish).await;
    assert_eq!(status, 400, "{problem}");
    assert!(
        !problem.to_string().contains("127.0.0.1"),
        "where it leads is not told"
    );
}

async fn g4_1_nothing_is_sent_that_cannot_be_signed(house: House) {
    let store = store();
    let mut receiver = Receiver::obliging().await;
    let (key, made) = {
        let mut hooks = Hooks::with(&house, std::sync::Arc::clone(&store), Config::default()).await;
        let key = hooks.key().await;
        let made = hooks.create(&key, &receiver, notes()).await;
        hooks.stop().await;
        (key, made)
    };
    // The master key is lost, and another one is made.
    std::fs::remove_file(house.folder().join("secrets/master.key")).unwrap();
    let hooks = Hooks::with(&house, store, Config::default()).await;
    hooks.subject.store(&[&note("one")]).await;
    let lines = hooks.attempts(id(&made), &key, 1).await;
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["error"]),
        (&json!("failed"), &json!("secret"))
    );
    assert!(receiver.is_idle());
    // With a new secret it goes on.
    let path = format!("/{}/secret/rotate", id(&made));
    let (_, rotated) = hooks
        .call("POST", &path, &key, r#"{"grace_seconds":0}"#)
        .await;
    let hit = loop {
        // One more attempt may have been begun with the former one.
        hooks.advance(400);
        let soon = tokio::time::timeout(std::time::Duration::from_secs(1), receiver.next());
        if let Ok(hit) = soon.await {
            break hit;
        }
    };
    assert_eq!(hit.signed_by(rotated["secret"].as_str().unwrap()), [true]);
}

async fn g4_5_the_page_loads_nothing_from_elsewhere(house: House) {
    let hooks = Hooks::new(&house).await;
    let page = hooks.subject.get("/webhooks", None).await;
    assert_eq!(page.status, 200);
    let head = &page.head;
    assert!(
        head.contains("content-security-policy: default-src 'none'"),
        "{head}"
    );
    assert!(head.contains("connect-src 'self'") && !head.contains("unsafe"));
    assert!(page.body.contains("<script>") && page.body.len() > 4_000);
    for elsewhere in [
        "http:",
        "https:",
        " src=",
        "@import",
        "url(",
        "innerHTML",
        "/*script*/",
    ] {
        assert!(!page.body.contains(elsewhere), "{elsewhere}");
    }
}
