//! G4.1, G2.3, G5.4: webhooks are made, changed and removed, by those who may, to where they may lead.

use serde_json::json;
use stentor_auth::Scope;
use stentor_gateway::Config;
use stentor_net::dial::Dialer;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::harness::{ALL, Hooks, id, list, notes};
use super::receiver::Receiver;
use crate::harness::{event, note, secret, store};

/// The table that the dialer is tested with: one URL a line.
const HOSTILE: &str = include_str!("../../../../net/tests/hostile.txt");

both_engines!(
    g4_1_webhooks_are_made_listed_changed_and_removed,
    g2_3_nobody_reaches_another_tenants_webhooks,
    g4_1_a_tenant_has_twenty_webhooks,
    g4_2_a_secret_is_shown_once_and_replaced_with_grace,
    g2_3_who_changes_where_to_has_sent_what_they_may_see,
    g2_2_a_webhook_ends_with_the_key_that_made_it,
    g2_2_a_locked_tenants_webhooks_are_sent_nothing,
    g5_4_inside_addresses_are_refused_at_registration,
);

async fn g4_1_webhooks_are_made_listed_changed_and_removed(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, receiver) = (hooks.key().await, Receiver::obliging().await);
    let wish =
        json!({ "description": "mine", "types": [" nostr, job ", ""], "filter": { "kinds": [1] } });
    let made = hooks.create(&key, &receiver, wish).await;
    let path = format!("/{}", id(&made));
    let shown = hooks.get(&path, &key).await;
    assert_eq!(shown["url"], receiver.url());
    assert_eq!(shown["description"], "mine");
    assert_eq!(shown["filter"], json!({ "kinds": [1] }));
    assert_eq!(
        (&shown["enabled"], &shown["rate_per_minute"]),
        (&json!(true), &json!(100))
    );
    assert!(shown.get("secret").is_none(), "shown once");
    let changes = json!({ "description": "changed", "filter": {}, "rate_per_minute": 5 });
    let (status, changed) = hooks.call("PATCH", &path, &key, &changes.to_string()).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["types"], json!(["nostr", "job"]), "left as it was");
    assert!(changed.get("filter").is_none());
    assert_eq!(list(&hooks.get("", &key).await, "webhooks")[0], changed);
    for (method, path, body, status) in [
        ("POST", format!("{path}/disable"), "", 200),
        ("POST", format!("{path}/disable"), "", 409),
        (
            "POST",
            format!("{path}/enable"),
            r#"{"skip_missed":true}"#,
            200,
        ),
        ("POST", format!("{path}/enable"), "", 409),
        ("PATCH", path.clone(), r#"{"rate_per_minute":1000}"#, 400),
        ("PATCH", path.clone(), r#"{"types":["nonsense"]}"#, 400),
        ("PATCH", path.clone(), r#"{"nonsense":1}"#, 400),
        ("PATCH", path.clone(), "{", 400),
        ("DELETE", path.clone(), "", 204),
        ("DELETE", path.clone(), "", 404),
        ("GET", path.clone(), "", 404),
        ("GET", "/nonsense".into(), "", 400),
    ] {
        let answer = hooks.call(method, &path, &key, body).await;
        assert_eq!(answer.0, status, "{method} {path} {body}: {}", answer.1);
    }
    let told = hooks.told(&key).await;
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "webhook.endpoint.created",
            "webhook.endpoint.updated",
            "webhook.endpoint.disabled",
            "webhook.endpoint.updated",
            "webhook.endpoint.deleted"
        ]
    );
    assert_eq!(told[2].1["reason"], "by_hand");
    let audit = hooks.subject.auth.audit();
    audit.flush(crate::harness::clock()).await.unwrap();
    let lines = audit.read(None, None, 100).await.unwrap();
    let noted = |what: &str| lines.iter().any(|line| line.detail.starts_with(what));
    for what in [
        "created webhook",
        "changed webhook",
        "switched webhook",
        "removed webhook",
    ] {
        assert!(noted(what), "{what}: {lines:?}");
    }
}

async fn g2_3_nobody_reaches_another_tenants_webhooks(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, receiver) = (hooks.key().await, Receiver::obliging().await);
    let stranger = hooks.subject.key("other", ALL).await;
    let reader = hooks.subject.key("default", &[Scope::NostrRead]).await;
    let made = hooks.create(&key, &receiver, notes()).await;
    let base = format!("/{}", id(&made));
    let delivery = "00000000-0000-8000-8000-000000000000";
    let since = r#"{"since":"2020-01-01T00:00:00Z"}"#;
    let routes = [
        ("GET", base.clone(), ""),
        ("PATCH", base.clone(), r#"{"description":"x"}"#),
        ("POST", format!("{base}/test"), ""),
        ("POST", format!("{base}/secret/rotate"), ""),
        ("POST", format!("{base}/enable"), ""),
        ("POST", format!("{base}/disable"), ""),
        ("GET", format!("{base}/attempts"), ""),
        ("GET", format!("{base}/dead-letters"), ""),
        ("POST", format!("{base}/dead-letters/{delivery}/replay"), ""),
        ("POST", format!("{base}/replay"), since),
        ("DELETE", base.clone(), ""),
    ];
    for (method, path, body) in &routes {
        let whole = format!("/api/v1/webhooks{path}");
        let nobody = hooks.subject.request(method, &whole, None, body).await;
        assert_eq!(nobody.status, 401, "{method} {path}");
        assert_eq!(
            hooks.call(method, path, &reader, body).await.0,
            403,
            "{method} {path}"
        );
        assert_eq!(
            hooks.call(method, path, &stranger, body).await.0,
            404,
            "{method} {path}"
        );
    }
    assert_eq!(hooks.call("GET", "", &reader, "").await.0, 403);
    assert_eq!(hooks.call("POST", "", &reader, "{}").await.0, 403);
    assert!(list(&hooks.get("", &stranger).await, "webhooks").is_empty());
    assert!(hooks.told(&stranger).await.is_empty());
    assert_eq!(
        hooks.get(&base, &key).await["enabled"],
        true,
        "nothing was changed"
    );
}

async fn g4_1_a_tenant_has_twenty_webhooks(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    for _ in 0..20 {
        hooks.create(&key, &receiver, notes()).await;
    }
    let wish = json!({ "url": receiver.url() }).to_string();
    assert_eq!(hooks.call("POST", "", &key, &wish).await.0, 429);
    let other = hooks.subject.key("other", ALL).await;
    assert_eq!(hooks.call("POST", "", &other, &wish).await.0, 201);
    // All of them are sent to, each under an id of its own.
    hooks.subject.store(&[&note("all")]).await;
    let mut ids = Vec::new();
    for _ in 0..21 {
        let hit = receiver.next().await;
        assert_eq!(hit.content(), "all");
        ids.push(hit.id().to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 21);
}

async fn g4_2_a_secret_is_shown_once_and_replaced_with_grace(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    let made = hooks.create(&key, &receiver, notes()).await;
    let first = made["secret"].as_str().unwrap().to_owned();
    hooks.subject.store(&[&note("1")]).await;
    assert_eq!(receiver.next().await.signed_by(&first), [true]);
    let path = format!("/{}/secret/rotate", id(&made));
    let (status, rotated) = hooks.call("POST", &path, &key, "").await;
    assert_eq!(status, 200, "{rotated}");
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let signed = async |receiver: &mut Receiver, begin: u32| {
        // What was begun before the change is signed as before.
        for number in begin.. {
            hooks.subject.store(&[&note(&number.to_string())]).await;
            let hit = receiver.next().await;
            if hit.signed_by(&first) != [true] {
                return hit;
            }
        }
        unreachable!()
    };
    let both = signed(&mut receiver, 10).await;
    assert_eq!(both.signed_by(&second), [true, false], "the new one first");
    assert_eq!(both.signed_by(&first), [false, true]);
    hooks.advance(86_400);
    hooks.subject.store(&[&note("later")]).await;
    let later = receiver.next().await;
    assert_eq!(later.signed_by(&second), [true], "the grace is over");
    for (body, status) in [
        (r#"{"grace_seconds":604801}"#, 400),
        (r#"{"grace_seconds":0}"#, 200),
    ] {
        assert_eq!(hooks.call("POST", &path, &key, body).await.0, status);
    }
    let pair = hooks
        .create(&key, &receiver, json!({ "scheme": "v1a" }))
        .await;
    assert!(pair["secret"].as_str().unwrap().starts_with("whpk_"));
    // Nothing of it is in the records as it is.
    let rows: Vec<(Vec<u8>,)> = house
        .open()
        .await
        .fetch_all("SELECT secret FROM webhook_endpoints", ())
        .await
        .unwrap();
    let plain = |row: &Vec<u8>| {
        row.windows(5)
            .any(|part| part == b"whsec" || part == b"whsk_")
    };
    assert!(rows.len() == 2 && !rows.iter().any(|(row,)| plain(row)));
}

async fn g2_3_who_changes_where_to_has_sent_what_they_may_see(house: House) {
    let hooks = Hooks::new(&house).await;
    let mut receiver = Receiver::obliging().await;
    let party = secret(2).public_key();
    let subject = &hooks.subject;
    let maker = subject.key_of("default", ALL, Some(party), None).await;
    let colleague = hooks.key().await;
    let made = hooks
        .create(&maker, &receiver, json!({ "types": ["nostr"] }))
        .await;
    let letter = |text: &str| event(1, 4, text, &[["p", &party.to_string()]]);
    subject.store(&[&letter("private"), &note("public")]).await;
    assert_eq!(receiver.contents(2).await, ["private", "public"]);
    let path = format!("/{}", id(&made));
    let mut elsewhere = Receiver::obliging().await;
    let body = json!({ "url": elsewhere.url() }).to_string();
    let (status, changed) = hooks.call("PATCH", &path, &colleague, &body).await;
    assert_eq!(status, 200);
    assert_eq!(changed["owner"], format!("key:{}", maker.id));
    assert_eq!(changed["reads_as"], format!("key:{}", colleague.id));
    // What was begun before the change is sent as before; all that comes elsewhere is by the rights of who said so.
    let public = |content: &str| content.starts_with("public");
    for number in 0.. {
        let (text, private) = (format!("public {number}"), format!("private {number}"));
        subject.store(&[&letter(&private), &note(&text)]).await;
        let has_changed = loop {
            tokio::select! {
                hit = receiver.next() => if hit.content() == text { break false },
                hit = elsewhere.next() => {
                    assert!(public(&hit.content()), "{hit:?}");
                    if hit.content() == text { break true }
                }
            }
        };
        if has_changed {
            break;
        }
    }
    subject.store(&[&letter("last"), &note("public end")]).await;
    loop {
        let content = elsewhere.next().await.content();
        assert!(public(&content), "{content}");
        if content == "public end" {
            break;
        }
    }
    // Who sees no part of what is asked for cannot ask for it.
    let manager = subject.key("default", &[Scope::WebhooksManage]).await;
    let body = json!({ "types": ["nostr"] }).to_string();
    assert_eq!(hooks.call("PATCH", &path, &manager, &body).await.0, 403);
}

async fn g2_2_a_webhook_ends_with_the_key_that_made_it(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    let other = hooks.key().await;
    let made = hooks.create(&key, &receiver, notes()).await;
    let registry = hooks.subject.auth.registry();
    let now = crate::harness::clock();
    registry.revoke(&key.id, None, now).await.unwrap();
    let path = format!("/{}", id(&made));
    let shown = hooks
        .until(&path, &other, |webhook| webhook["enabled"] == false)
        .await;
    assert_eq!(shown["disabled_reason"], "credential");
    hooks.subject.store(&[&note("missed")]).await;
    let told = hooks.told(&other).await;
    assert_eq!(told.last().unwrap().1["reason"], "credential");
    assert!(receiver.is_idle());
    // Not by somebody who may see nothing of it.
    let manager = hooks.subject.key("default", &[Scope::WebhooksManage]).await;
    let enable = format!("{path}/enable");
    assert_eq!(hooks.call("POST", &enable, &manager, "").await.0, 403);
    let described = hooks
        .call("PATCH", &path, &manager, r#"{"description":"x"}"#)
        .await;
    assert_eq!(described.0, 200, "that decides nothing");
    // Somebody whose credential is good takes it over, from where it was.
    let (status, enabled) = hooks
        .call("POST", &format!("{path}/enable"), &other, "")
        .await;
    assert_eq!((status, &enabled["enabled"]), (200, &json!(true)));
    assert_eq!(enabled["reads_as"], format!("key:{}", other.id));
    assert_eq!(receiver.next().await.content(), "missed");
}

async fn g2_2_a_locked_tenants_webhooks_are_sent_nothing(house: House) {
    let hooks = Hooks::new(&house).await;
    let locked = hooks.subject.key("acme", ALL).await;
    let other = hooks.key().await;
    let (mut to_locked, mut to_other) = (Receiver::obliging().await, Receiver::obliging().await);
    let made = hooks.create(&locked, &to_locked, notes()).await;
    hooks.create(&other, &to_other, notes()).await;
    hooks.subject.store(&[&note("before")]).await;
    assert_eq!(to_locked.next().await.content(), "before");
    hooks.attempts(id(&made), &locked, 1).await;
    let registry = hooks.subject.auth.registry();
    let tenant: stentor_auth::Tenant = "acme".parse().unwrap();
    let lock = async |locked| {
        let done = registry.disable_tenant(tenant.clone(), locked, crate::harness::clock());
        done.await.unwrap();
    };
    lock(true).await;
    hooks.subject.store(&[&note("after")]).await;
    assert_eq!(to_other.contents(2).await, ["after", "before"]);
    assert!(to_locked.is_idle());
    lock(false).await;
    assert_eq!(
        to_locked.next().await.content(),
        "after",
        "from where it was"
    );
}

async fn g5_4_inside_addresses_are_refused_at_registration(house: House) {
    let public = Dialer::new(&stentor_net::dial::Config::default()).unwrap();
    let hooks = Hooks::dialing(&house, store(), Config::default(), public).await;
    let key = hooks.key().await;
    let table = HOSTILE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "));
    let more = [
        "ftp://example.com/",
        "ws://example.com/",
        "//example.com",
        "not a url",
        "",
    ];
    let mut tried = 0;
    for line in table.chain(more) {
        let characters = [("\\t", "\t"), ("\\r", "\r"), ("\\n", "\n"), ("\\0", "\0")].iter();
        let url = characters.fold(line.to_owned(), |url, (from, to)| url.replace(from, to));
        let body = json!({ "url": url }).to_string();
        let (status, problem) = hooks.call("POST", "", &key, &body).await;
        assert_eq!(status, 400, "{url}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("url: "), "{detail}");
        tried += 1;
    }
    assert!(tried >= 150, "{tried}");
    // A public one may be named, and cannot be changed into another.
    let body = r#"{"url":"https://93.184.216.34/hook"}"#;
    let (status, made) = hooks.call("POST", "", &key, body).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/{}", id(&made));
    let body = r#"{"url":"http://192.168.0.1/"}"#;
    assert_eq!(hooks.call("PATCH", &path, &key, body).await.0, 400);
}
