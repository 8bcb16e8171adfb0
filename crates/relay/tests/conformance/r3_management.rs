//! R3.2, R3.3: management over HTTP (NIP-86), signed with NIP-98.

use serde_json::{Value, json};
use stentor_event::{Event, Timestamp};
use stentor_relay::access::Actor;
use stentor_relay::config::Admin;

use crate::harness::*;

over_both_engines! {
    r3_2_every_method_of_the_nip_is_there,
    r3_2_banned_keys_are_gone_and_stay_away,
    r3_2_a_ban_removes_what_the_key_wrote_and_nothing_else,
    r3_2_a_ban_reaches_who_has_proven_the_key,
    r3_2_a_key_denied_by_a_reload_is_cut_off,
    r1_13_a_request_to_vanish_is_not_banned,
    r3_2_allowed_keys_make_a_list,
    r3_2_banned_events_are_gone_and_stay_away,
    r3_2_allowed_kinds_make_a_list_and_disallowed_ones_an_entry,
    r3_2_blocked_addresses_are_cut_off,
    r3_2_the_relay_is_renamed,
    r3_2_roles,
    r3_2_wrong_parameters_are_told,
    r3_2_admins_have_rights_by_method_and_others_none,
    r3_2_every_call_is_in_the_audit_log,
    r3_2_refused_calls_are_in_the_audit_log,
    r3_3_each_condition_of_a_token_is_checked,
    r3_3_a_token_is_good_once,
}

/// The admin of these tests.
const ADMIN: u8 = 50;

async fn managed(engine: Engine) -> Node {
    let mut config = without_rates();
    config.access.admins = vec![
        Admin {
            key: public(ADMIN),
            methods: Vec::new(),
        },
        Admin {
            key: public(51),
            methods: vec!["banevent".into(), "listbannedevents".into()],
        },
    ];
    Node::with(engine, config).await
}

async fn r3_2_every_method_of_the_nip_is_there(engine: Engine) {
    let node = managed(engine).await;
    let result = node
        .manage(&key(ADMIN), "supportedmethods", json!([]))
        .await;
    let mut methods: Vec<&str> = result
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    methods.sort_unstable();
    let mut expected = vec![
        "banpubkey",
        "unbanpubkey",
        "listbannedpubkeys",
        "allowpubkey",
        "unallowpubkey",
        "listallowedpubkeys",
        "createrole",
        "editrole",
        "deleterole",
        "assignrole",
        "unassignrole",
        "listeventsneedingmoderation",
        "allowevent",
        "banevent",
        "listbannedevents",
        "changerelayname",
        "changerelaydescription",
        "changerelayicon",
        "allowkind",
        "disallowkind",
        "listallowedkinds",
        "blockip",
        "unblockip",
        "listblockedips",
    ];
    expected.sort_unstable();
    assert_eq!(methods, expected);
    let unknown = node.call(&key(ADMIN), "makecoffee", json!([])).await;
    assert_eq!(unknown.status, 200);
    assert!(
        unknown.body["error"]
            .as_str()
            .unwrap()
            .contains("makecoffee")
    );
}

async fn r3_2_banned_keys_are_gone_and_stay_away(engine: Engine) {
    let node = managed(engine).await;
    let mut client = node.client().await;
    let (theirs, other) = (note(1, 10, "spam"), note(2, 10, "fine"));
    client.store(&theirs).await;
    client.store(&other).await;
    let key_1 = public(1);
    let done = node
        .manage(&key(ADMIN), "banpubkey", json!([key_1, "spam"]))
        .await;
    assert_eq!(done, json!(true));
    let listed = node
        .manage(&key(ADMIN), "listbannedpubkeys", json!([]))
        .await;
    assert_eq!(listed, json!([{ "pubkey": key_1, "reason": "spam" }]));
    assert_eq!(
        client.query(json!({"kinds": [1]})).await.ids(),
        [id(&other)]
    );
    assert_eq!(client.count(&[json!({"kinds": [1]})]).await["count"], 1);
    let (accepted, reason) = client.publish(&note(1, 5, "more")).await;
    assert!(!accepted && reason.starts_with("blocked: "), "{reason}");
    let (accepted, reason) = client.authenticate(&key(1)).await;
    assert!(!accepted && reason.starts_with("restricted: "), "{reason}");
    node.manage(&key(ADMIN), "unbanpubkey", json!([key_1]))
        .await;
    let listed = node
        .manage(&key(ADMIN), "listbannedpubkeys", json!([]))
        .await;
    assert_eq!(listed, json!([]));
    client.store(&note(1, 4, "sorry")).await;
}

async fn r3_2_allowed_keys_make_a_list(engine: Engine) {
    let node = managed(engine).await;
    let mut client = node.client().await;
    node.manage(&key(ADMIN), "allowpubkey", json!([public(1), null]))
        .await;
    let listed = node
        .manage(&key(ADMIN), "listallowedpubkeys", json!([]))
        .await;
    assert_eq!(listed, json!([{ "pubkey": public(1) }]));
    client.store(&note(1, 1, "allowed")).await;
    client.store(&note(ADMIN, 1, "an admin may always")).await;
    let (accepted, reason) = client.publish(&note(2, 1, "not")).await;
    assert!(!accepted && reason.starts_with("restricted: "), "{reason}");
    node.manage(&key(ADMIN), "unallowpubkey", json!([public(1)]))
        .await;
    for author in [1, 2] {
        let (accepted, reason) = client.publish(&note(author, 2, "x")).await;
        assert!(!accepted && reason.starts_with("restricted: "), "{reason}");
    }
    from_the_shell(&node, "unallowpubkey", json!([public(1)])).await;
    client.store(&note(2, 2, "open again")).await;
}

/// Calls a method as the operator.
async fn from_the_shell(node: &Node, method: &str, params: Value) -> Value {
    let (shell, time) = (Actor::shell(), Timestamp(now()));
    let params = params.as_array().unwrap().clone();
    let management = node.relay.management();
    let called = management.call(method, &params, &shell, true, time).await;
    called.unwrap()
}

async fn r3_2_a_ban_removes_what_the_key_wrote_and_nothing_else(engine: Engine) {
    let node = managed(engine).await;
    let mut client = node.client().await;
    let wrap = event(1_059, now() - 9)
        .tag(["p", &public(1)])
        .sign(&key(200));
    let vanish = event(62, now() - 10)
        .tag(["relay", "ALL_RELAYS"])
        .sign(&key(1));
    let profile = event(0, now()).content("{}").sign(&key(1));
    for event in [&wrap, &vanish, &note(1, 5, "spam"), &profile] {
        client.store(event).await;
    }
    node.manage(&key(ADMIN), "banpubkey", json!([public(1)]))
        .await;
    let left = client.query(json!({"authors": [public(1)]})).await;
    assert_eq!(
        left.ids(),
        [id(&vanish)],
        "what it asked for stays in force"
    );
    node.manage(&key(ADMIN), "unbanpubkey", json!([public(1)]))
        .await;
    assert!(client.authenticate(&key(1)).await.0);
    let wraps = client.query(json!({"kinds": [1_059]})).await;
    assert_eq!(wraps.ids(), [id(&wrap)], "it is somebody else's");
    let (accepted, reason) = client.publish(&note(1, 20, "vanished")).await;
    assert!(!accepted && reason.starts_with("blocked: "), "{reason}");
}

async fn r3_2_a_ban_reaches_who_has_proven_the_key(engine: Engine) {
    let node = managed(engine).await;
    let private = [json!({"kinds": [1_059]})];
    let (mut banned, mut other) = (node.client().await, node.client().await);
    for (client, number) in [(&mut banned, 1), (&mut other, 2)] {
        assert!(client.authenticate(&key(number)).await.0);
        client.subscribe("dms", &private).await;
    }
    // One key of several is enough.
    assert!(banned.authenticate(&key(3)).await.0);
    node.manage(&key(ADMIN), "banpubkey", json!([public(1)]))
        .await;
    let (code, reason) = banned.closing().await;
    assert_eq!(code, 1008);
    assert!(reason.contains("banned"), "{reason}");
    let wrap = event(1_059, now()).tag(["p", &public(2)]).sign(&key(200));
    node.client().await.store(&wrap).await;
    assert_eq!(other.live("dms").await["id"], id(&wrap), "others stay");
}

async fn r3_2_a_key_denied_by_a_reload_is_cut_off(engine: Engine) {
    let mut config = without_rates();
    let node = Node::with(engine, config.clone()).await;
    let (mut denied, mut other) = (node.client().await, node.client().await);
    assert!(denied.authenticate(&key(1)).await.0);
    assert!(other.authenticate(&key(2)).await.0);
    config.policy.keys.deny = vec![public(1)];
    node.relay.reconfigure(config).unwrap();
    assert_eq!(denied.closing().await.0, 1008);
    other.store(&note(2, 1, "others stay")).await;
}

async fn r1_13_a_request_to_vanish_is_not_banned(engine: Engine) {
    let node = managed(engine).await;
    let mut client = node.client().await;
    let vanish = |author: u8| {
        event(62, now())
            .tag(["relay", "ALL_RELAYS"])
            .sign(&key(author))
    };
    let (here, coming) = (vanish(1), vanish(2));
    client.store(&here).await;
    let refused = node.call(&key(ADMIN), "banevent", json!([id(&here)])).await;
    assert!(refused.body["error"].as_str().unwrap().contains("NIP-62"));
    let listed = node
        .manage(&key(ADMIN), "listbannedevents", json!([]))
        .await;
    assert_eq!(listed, json!([]));
    node.manage(&key(ADMIN), "banevent", json!([id(&coming)]))
        .await;
    client.store(&coming).await;
    let mut stay = client.query(json!({"kinds": [62]})).await.ids();
    stay.sort_unstable();
    let mut both = [id(&here), id(&coming)];
    both.sort_unstable();
    assert_eq!(stay, both);
}

async fn r3_2_banned_events_are_gone_and_stay_away(engine: Engine) {
    let node = managed(engine).await;
    let mut client = node.client().await;
    let bad = note(1, 10, "bad");
    client.store(&bad).await;
    node.manage(&key(ADMIN), "banevent", json!([id(&bad), "illegal"]))
        .await;
    assert!(
        client
            .query(json!({"ids": [id(&bad)]}))
            .await
            .events
            .is_empty()
    );
    let (accepted, reason) = client.publish(&bad).await;
    assert!(!accepted && reason.starts_with("blocked: "), "{reason}");
    client.store(&note(1, 10, "another")).await;
    let listed = node
        .manage(&key(ADMIN), "listbannedevents", json!([]))
        .await;
    assert_eq!(listed, json!([{ "id": id(&bad), "reason": "illegal" }]));
    node.manage(&key(ADMIN), "allowevent", json!([id(&bad)]))
        .await;
    assert_eq!(
        node.manage(&key(ADMIN), "listbannedevents", json!([]))
            .await,
        json!([])
    );
    client.store(&bad).await;
}

async fn r3_2_allowed_kinds_make_a_list_and_disallowed_ones_an_entry(engine: Engine) {
    let node = managed(engine).await;
    let mut client = node.client().await;
    let of = |kind: u16| event(kind, now()).sign(&key(1));
    node.manage(&key(ADMIN), "disallowkind", json!([7])).await;
    assert!(!client.publish(&of(7)).await.0);
    client.store(&of(1)).await;
    node.manage(&key(ADMIN), "allowkind", json!([1])).await;
    node.manage(&key(ADMIN), "allowkind", json!([7])).await;
    let listed = node
        .manage(&key(ADMIN), "listallowedkinds", json!([]))
        .await;
    assert_eq!(listed, json!([1, 7]));
    client.store(&of(7)).await;
    assert!(!client.publish(&of(1_111)).await.0);
    node.manage(&key(ADMIN), "disallowkind", json!([1])).await;
    node.manage(&key(ADMIN), "disallowkind", json!([7])).await;
    assert_eq!(
        node.manage(&key(ADMIN), "listallowedkinds", json!([]))
            .await,
        json!([])
    );
    assert!(
        !client.publish(&of(1_111)).await.0,
        "taking the last away opens nothing"
    );
}

async fn r3_2_blocked_addresses_are_cut_off(engine: Engine) {
    let node = managed(engine).await;
    let mut client = node.client().await;
    // Who blocks must get through to unblock: the records are changed by the shell's way there.
    let refused = node.call(&key(ADMIN), "blockip", json!(["nowhere"])).await;
    assert!(refused.body["error"].is_string());
    node.manage(&key(ADMIN), "blockip", json!(["127.0.0.0/8", "flood"]))
        .await;
    assert_eq!(client.closing().await.0, 1008);
    assert_eq!(node.try_client().await.err(), Some(403));
    let listed = node.manage(&key(ADMIN), "listblockedips", json!([])).await;
    assert_eq!(listed, json!([{ "ip": "127.0.0.0/8", "reason": "flood" }]));
    node.manage(&key(ADMIN), "unblockip", json!(["127.0.0.0/8"]))
        .await;
    node.client().await;
}

async fn r3_2_the_relay_is_renamed(engine: Engine) {
    let node = managed(engine).await;
    node.manage(&key(ADMIN), "changerelayname", json!(["Agora"]))
        .await;
    node.manage(&key(ADMIN), "changerelaydescription", json!(["A place"]))
        .await;
    node.manage(
        &key(ADMIN),
        "changerelayicon",
        json!(["https://a.example/i.png"]),
    )
    .await;
    let head = "GET / HTTP/1.1\r\naccept: application/nostr+json";
    let answer = node.http(head).await;
    let document: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(document["name"], "Agora");
    assert_eq!(document["description"], "A place");
    assert_eq!(document["icon"], "https://a.example/i.png");
    assert!(
        document["supported_nips"]
            .as_array()
            .unwrap()
            .contains(&json!(86))
    );
}

async fn r3_2_roles(engine: Engine) {
    let node = managed(engine).await;
    let admin = key(ADMIN);
    node.manage(
        &admin,
        "createrole",
        json!(["28b7e50f", "king", "ruler", 37, 1]),
    )
    .await;
    let again = node
        .call(&admin, "createrole", json!(["28b7e50f", "queen"]))
        .await;
    assert!(again.body["error"].as_str().unwrap().contains("28b7e50f"));
    node.manage(
        &admin,
        "editrole",
        json!(["28b7e50f", "queen", "ruler", "40", "2"]),
    )
    .await;
    node.manage(&admin, "assignrole", json!([public(1), "28b7e50f"]))
        .await;
    for wrong in [
        ("assignrole", json!([public(1), "none"])),
        ("editrole", json!(["none", "x"])),
        ("deleterole", json!(["none"])),
        ("createrole", json!(["x", "x", "x", 361])),
    ] {
        let answered = node.call(&admin, wrong.0, wrong.1).await;
        assert!(answered.body["error"].is_string(), "{}", wrong.0);
    }
    node.manage(&admin, "unassignrole", json!([public(1), "28b7e50f"]))
        .await;
    node.manage(&admin, "deleterole", json!(["28b7e50f"])).await;
}

async fn r3_2_wrong_parameters_are_told(engine: Engine) {
    let node = managed(engine).await;
    for (method, params) in [
        ("banpubkey", json!([])),
        ("banpubkey", json!(["abc"])),
        ("banpubkey", json!([7])),
        ("banpubkey", json!([public(1), "x", "y"])),
        ("banevent", json!([null])),
        ("allowkind", json!([70_000])),
        ("allowkind", json!([1.5])),
        ("blockip", json!(["1.2.3.4/99"])),
        ("changerelayname", json!([["x"]])),
        ("listbannedpubkeys", json!(["x"])),
    ] {
        let answered = node.call(&key(ADMIN), method, params.clone()).await;
        assert_eq!(answered.status, 200);
        assert!(answered.body["error"].is_string(), "{method} {params}");
        assert!(answered.body.get("result").is_none());
    }
    for body in [
        "",
        "[]",
        "{}",
        "{\"method\":7}",
        "not json",
        "{\"method\":\"x\",\"params\":{}}",
    ] {
        let token = http_auth(&key(ADMIN), &node.url(), "POST", body, now());
        let answered = node.post(Some(&token), body).await;
        assert_eq!(answered.status, 400, "{body}");
        assert!(answered.body["error"].is_string());
    }
    let large = format!(
        "{{\"method\":\"x\",\"params\":[\"{}\"]}}",
        "y".repeat(70_000)
    );
    let token = http_auth(&key(ADMIN), &node.url(), "POST", &large, now());
    assert_eq!(node.post(Some(&token), &large).await.status, 413);
}

async fn r3_2_admins_have_rights_by_method_and_others_none(engine: Engine) {
    let node = managed(engine).await;
    let banned = json!(["11".repeat(32)]);
    node.manage(&key(51), "banevent", banned.clone()).await;
    node.manage(&key(51), "supportedmethods", json!([])).await;
    assert_eq!(
        node.call(&key(51), "banpubkey", json!([public(1)]))
            .await
            .status,
        403
    );
    let stranger = node.call(&key(9), "banevent", banned.clone()).await;
    assert_eq!(stranger.status, 403);
    assert!(stranger.body["error"].is_string());
    assert_eq!(
        node.call(&key(9), "supportedmethods", json!([]))
            .await
            .status,
        403
    );
    let listed = node
        .manage(&key(ADMIN), "listbannedevents", json!([]))
        .await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let body = json!({"method": "listbannedevents", "params": []}).to_string();
    let nobody = node.post(None, &body).await;
    assert_eq!(nobody.status, 401);
    assert!(
        nobody
            .head
            .to_ascii_lowercase()
            .contains("www-authenticate: nostr")
    );
}

async fn r3_2_every_call_is_in_the_audit_log(engine: Engine) {
    let node = managed(engine).await;
    node.manage(&key(ADMIN), "banevent", json!(["11".repeat(32), "why"]))
        .await;
    node.manage(&key(ADMIN), "listbannedevents", json!([]))
        .await;
    node.call(&key(ADMIN), "banevent", json!(["x"])).await;
    node.call(&key(9), "banevent", json!(["22".repeat(32)]))
        .await;
    let shell = stentor_relay::access::Actor::shell();
    let management = node.relay.management();
    let time = stentor_event::Timestamp(now());
    let lines = management
        .call("readaudit", &[], &shell, true, time)
        .await
        .unwrap();
    let told: Vec<(&str, &str, &str)> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap();
            (text("actor"), text("method"), text("outcome"))
        })
        .collect();
    let (admin, stranger) = (public(ADMIN), public(9));
    assert_eq!(told[0], (stranger.as_str(), "banevent", "forbidden"));
    assert_eq!((told[1].0, told[1].1), (admin.as_str(), "banevent"));
    assert!(told[1].2.contains("parameter 1"));
    assert_eq!(told[2], (admin.as_str(), "listbannedevents", "ok"));
    assert_eq!(told[3], (admin.as_str(), "banevent", "ok"));
    let first = &lines[3];
    assert_eq!(first["params"], json!(["11".repeat(32), "why"]).to_string());
    assert_eq!(first["address"], "127.0.0.1");
    let over_the_network = node.call(&key(ADMIN), "readaudit", json!([])).await;
    assert!(
        over_the_network.body["error"].is_string(),
        "only for the shell"
    );
}

async fn r3_2_refused_calls_are_in_the_audit_log(engine: Engine) {
    let node = managed(engine).await;
    let call = json!({"method": "banevent", "params": ["11".repeat(32)]}).to_string();
    let signed = |number, body: &str, at| http_auth(&key(number), &node.url(), "POST", body, at);
    let lines = || from_the_shell(&node, "readaudit", json!([]));
    assert_eq!(node.post(None, &call).await.status, 401);
    let forged = {
        let text = text(&signed(9, &call, now())).replace("POST", "GET ");
        Event::parse(text.as_bytes()).unwrap()
    };
    assert_eq!(node.post(Some(&forged), &call).await.status, 401);
    let of_kind_1 = note(ADMIN, 1, "public");
    assert_eq!(node.post(Some(&of_kind_1), &call).await.status, 401);
    let told = lines().await;
    assert_eq!(told, json!([]), "nobody in particular has called");
    let old = signed(9, &call, now() - 100);
    assert_eq!(node.post(Some(&old), &call).await.status, 401);
    let good = signed(ADMIN, &call, now());
    for status in [200, 401] {
        assert_eq!(node.post(Some(&good), &call).await.status, status);
    }
    let nonsense = signed(ADMIN, "nonsense", now());
    assert_eq!(node.post(Some(&nonsense), "nonsense").await.status, 400);
    let told = lines().await;
    let line = |place: usize| {
        let text = |name: &str| told[place][name].as_str().unwrap().to_owned();
        assert_eq!(text("address"), "127.0.0.1");
        (text("actor"), text("method"), text("outcome"))
    };
    let (actor, method, outcome) = line(0);
    assert_eq!((actor, method), (public(ADMIN), String::new()));
    assert!(outcome.starts_with("no call: "), "{outcome}");
    let (actor, method, outcome) = line(1);
    assert_eq!((actor, method), (public(ADMIN), "banevent".into()));
    assert!(outcome.contains("has been used"), "{outcome}");
    assert_eq!(line(2).2, "ok");
    let (actor, method, outcome) = line(3);
    assert_eq!((actor, method), (public(9), "banevent".into()));
    assert!(outcome.contains("created_at"), "{outcome}");
    assert!(told.get(5).is_none(), "{told}");
    assert_eq!(told[4]["method"], "readaudit");
}

async fn r3_3_each_condition_of_a_token_is_checked(engine: Engine) {
    let node = managed(engine).await;
    let (admin, url) = (key(ADMIN), node.url());
    let body = json!({"method": "listbannedevents", "params": []}).to_string();
    let other_body = "{}";
    let port = node.address.port();
    for (why, token) in [
        ("method", http_auth(&admin, &url, "GET", &body, now())),
        (
            "url",
            http_auth(&admin, "ws://elsewhere.example.com", "POST", &body, now()),
        ),
        (
            "path",
            http_auth(&admin, &format!("{url}/admin"), "POST", &body, now()),
        ),
        ("body", http_auth(&admin, &url, "POST", other_body, now())),
        ("old", http_auth(&admin, &url, "POST", &body, now() - 70)),
        ("early", http_auth(&admin, &url, "POST", &body, now() + 70)),
        (
            "payload",
            event(27_235, now())
                .tag(["u", &url])
                .tag(["method", "POST"])
                .sign(&admin),
        ),
        ("kind", {
            let auth = event(22_242, now())
                .tag(["u", &url])
                .tag(["method", "POST"]);
            auth.sign(&admin)
        }),
    ] {
        let answered = node.post(Some(&token), &body).await;
        assert_eq!(answered.status, 401, "{why}: {answered:?}");
    }
    for good in [
        url.clone(),
        format!("http://127.0.0.1:{port}/"),
        format!("ws://localhost:{port}"),
    ] {
        let token = http_auth(&admin, &good, "POST", &body, now());
        assert_eq!(node.post(Some(&token), &body).await.status, 200, "{good}");
    }
}

async fn r3_3_a_token_is_good_once(engine: Engine) {
    let node = managed(engine).await;
    let body = json!({"method": "listbannedevents", "params": []}).to_string();
    let token = http_auth(&key(ADMIN), &node.url(), "POST", &body, now() - 1);
    assert_eq!(node.post(Some(&token), &body).await.status, 200);
    for _ in 0..2 {
        assert_eq!(node.post(Some(&token), &body).await.status, 401);
    }
}
