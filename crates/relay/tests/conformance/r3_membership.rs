//! R3.1: membership (NIP-43), and R3.4: who may read and write.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stentor_event::{Event, PublicKey, SecretKey, Timestamp};
use stentor_relay::access::{Actor, Change};
use stentor_relay::config::{Admin, Config, Who};

use crate::harness::*;

over_both_engines! {
    r3_1_joining_with_an_invite,
    r3_1_what_is_no_invite_is_told,
    r3_1_a_request_needs_auth_and_protection,
    r3_1_requests_are_neither_stored_nor_passed_on,
    r3_1_leaving,
    r3_1_leaving_needs_auth_protection_and_the_time,
    r3_1_leaving_is_not_for_who_is_on_the_allow_list,
    r3_1_an_invite_has_no_negative_limits,
    r3_1_of_two_requests_for_invites_under_one_name_the_second_counts,
    r3_1_an_invite_beside_a_search,
    r3_1_all_comings_are_told_and_who_drops_out_of_the_list_has_not_gone,
    r3_1_a_banned_member_is_none,
    r3_1_invites_for_admins_and_roles,
    r3_1_invites_are_bounded_by_key,
    r3_1_the_relay_publishes_its_members,
    r3_1_who_does_not_profess_membership_is_not_named,
    r3_1_without_membership_requests_are_refused,
    r3_4_members_read_and_write,
    r3_4_reading_after_auth_only,
    r1_13_vanishing_passes_membership,
}

const ADMIN: u8 = 50;
/// The relay's own key in these tests.
const OWN: u8 = 99;

fn members(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = without_rates();
    config.membership.enabled = true;
    config.access.admins = vec![Admin {
        key: public(ADMIN),
        methods: Vec::new(),
    }];
    change(&mut config);
    config
}

fn join(author: &SecretKey, claim: &str) -> Event {
    event(28_934, now())
        .tag(["-"])
        .tag(["claim", claim])
        .sign(author)
}

fn leave(author: &SecretKey) -> Event {
    event(28_936, now()).tag(["-"]).sign(author)
}

/// A client that has proven a key.
async fn as_key(node: &Node, number: u8) -> Client {
    let mut client = node.client().await;
    assert!(client.authenticate(&key(number)).await.0);
    client
}

/// An invite, asked for over the wire.
async fn invite(node: &Node, by: u8) -> String {
    let mut client = as_key(node, by).await;
    let answer = client
        .subscribe("invite", &[json!({"kinds": [28_935]})])
        .await;
    let event = &answer.events[0];
    assert_eq!(event["pubkey"], public(OWN));
    assert!(event["tags"].as_array().unwrap().contains(&json!(["-"])));
    let tags = event["tags"].as_array().unwrap();
    let claim = tags.iter().find(|tag| tag[0] == "claim").unwrap();
    claim[1].as_str().unwrap().to_owned()
}

/// What the relay says about its members, once it says this.
async fn published(node: &Node, kind: u16, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut reader = as_key(node, ADMIN).await;
    let filter = json!({"kinds": [kind], "authors": [public(OWN)]});
    let answer = reader.subscribe("own", std::slice::from_ref(&filter)).await;
    let mut events = answer.events;
    while !wanted(&events) {
        reader.live("own").await;
        events = reader.query(filter.clone()).await.events;
    }
    events
}

fn tags_of<'a>(event: &'a Value, name: &str) -> Vec<&'a Value> {
    let tags = event["tags"].as_array().unwrap();
    tags.iter().filter(|tag| tag[0] == name).collect()
}

async fn r3_1_joining_with_an_invite(engine: Engine) {
    let node = Node::with(engine, members(|config| config.access.write = Who::Members)).await;
    let claim = invite(&node, ADMIN).await;
    let mut client = as_key(&node, 1).await;
    assert!(!client.publish(&note(1, 1, "not yet")).await.0);
    let (accepted, reason) = client.publish(&join(&key(1), &claim)).await;
    assert!(accepted && reason.starts_with("info: "), "{reason}");
    client.store(&note(1, 1, "a member")).await;
    let (accepted, reason) = client.publish(&join(&key(1), &claim)).await;
    assert!(accepted && reason.starts_with("duplicate: "), "{reason}");
    let mut other = as_key(&node, 2).await;
    let (accepted, reason) = other.publish(&join(&key(2), &claim)).await;
    assert!(!accepted && reason.contains("used up"), "{reason}");
}

async fn r3_1_what_is_no_invite_is_told(engine: Engine) {
    let node = Node::with(engine, members(|_| {})).await;
    let mut client = as_key(&node, 1).await;
    let (accepted, reason) = client.publish(&join(&key(1), "nonsense")).await;
    assert!(!accepted && reason.starts_with("restricted: "), "{reason}");
    let empty = event(28_934, now()).tag(["-"]).sign(&key(1));
    let (accepted, reason) = client.publish(&empty).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    // One that has ended, made as of an hour ago.
    let claim = node.relay.access().invite(
        stentor_relay::access::NewInvite {
            seconds: Some(60),
            ..Default::default()
        },
        now() - 3_600,
    );
    let (accepted, reason) = client.publish(&join(&key(1), &claim.await.unwrap())).await;
    assert!(!accepted && reason.contains("expired"), "{reason}");
}

async fn r3_1_a_request_needs_auth_and_protection(engine: Engine) {
    let node = Node::with(engine, members(|_| {})).await;
    let claim = invite(&node, ADMIN).await;
    let mut nobody = node.client().await;
    let (accepted, reason) = nobody.publish(&join(&key(1), &claim)).await;
    assert!(
        !accepted && reason.starts_with("auth-required: "),
        "{reason}"
    );
    let mut client = as_key(&node, 1).await;
    let bare = event(28_934, now()).tag(["claim", &claim]).sign(&key(1));
    let (accepted, reason) = client.publish(&bare).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    for at in [now() - 700, now() + 700] {
        let off = event(28_934, at).tag(["-"]).tag(["claim", &claim]);
        let (accepted, reason) = client.publish(&off.sign(&key(1))).await;
        assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    }
    let mut forged: Value = serde_json::from_str(&text(&join(&key(1), &claim))).unwrap();
    forged["sig"] = json!("0".repeat(128));
    let (accepted, reason) = client.publish_text(&forged.to_string()).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    assert!(client.publish(&join(&key(1), &claim)).await.0);
}

async fn r3_1_requests_are_neither_stored_nor_passed_on(engine: Engine) {
    let node = Node::with(engine, members(|_| {})).await;
    let claim = invite(&node, ADMIN).await;
    let mut spy = as_key(&node, 2).await;
    spy.subscribe("spy", &[json!({"kinds": [28_934, 28_936]})])
        .await;
    let mut client = as_key(&node, 1).await;
    assert!(client.publish(&join(&key(1), &claim)).await.0);
    assert!(client.publish(&leave(&key(1))).await.0);
    assert!(spy.silent("spy").await);
}

async fn r3_1_leaving(engine: Engine) {
    let node = Node::with(engine, members(|config| config.access.read = Who::Members)).await;
    let claim = invite(&node, ADMIN).await;
    let mut client = as_key(&node, 1).await;
    assert!(client.publish(&join(&key(1), &claim)).await.0);
    client.subscribe("open", &[json!({"kinds": [1]})]).await;
    let mut other = as_key(&node, 1).await;
    let (accepted, reason) = other.publish(&leave(&key(1))).await;
    assert!(accepted && reason.starts_with("info: "), "{reason}");
    assert_eq!(
        client.closing().await.0,
        1008,
        "who reads is read to no more"
    );
    let mut again = as_key(&node, 1).await;
    let (accepted, reason) = again.publish(&leave(&key(1))).await;
    assert!(accepted && reason.starts_with("duplicate: "), "{reason}");
}

async fn r3_1_leaving_needs_auth_protection_and_the_time(engine: Engine) {
    let node = Node::with(engine, members(|_| {})).await;
    let claim = invite(&node, ADMIN).await;
    let mut client = as_key(&node, 1).await;
    assert!(client.publish(&join(&key(1), &claim)).await.0);
    let mut nobody = node.client().await;
    let mut other = as_key(&node, 2).await;
    for stranger in [&mut nobody, &mut other] {
        let (accepted, reason) = stranger.publish(&leave(&key(1))).await;
        assert!(
            !accepted && reason.starts_with("auth-required: "),
            "{reason}"
        );
    }
    let off = |at| event(28_936, at).tag(["-"]).sign(&key(1));
    let bare = event(28_936, now()).sign(&key(1));
    for wrong in [bare, off(now() - 700), off(now() + 700)] {
        let (accepted, reason) = client.publish(&wrong).await;
        assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    }
    let member = public_key(1);
    let is_member = || node.relay.access().lists().members.contains_key(&member);
    assert!(is_member());
    let (accepted, reason) = client.publish(&off(now() - 500)).await;
    assert!(accepted && reason.starts_with("info: "), "{reason}");
    assert!(!is_member());
}

async fn r3_1_leaving_is_not_for_who_is_on_the_allow_list(engine: Engine) {
    let node = Node::with(engine, members(|_| {})).await;
    let admin = key(ADMIN);
    node.manage(&admin, "allowpubkey", json!([public(1)])).await;
    let mut client = as_key(&node, 1).await;
    let (accepted, reason) = client.publish(&leave(&key(1))).await;
    assert!(!accepted && reason.starts_with("restricted: "), "{reason}");
    assert!(reason.contains("list"), "{reason}");
    let claim = invite(&node, ADMIN).await;
    assert!(client.publish(&join(&key(1), &claim)).await.0);
    let (accepted, reason) = client.publish(&leave(&key(1))).await;
    assert!(accepted && reason.contains("list"), "{reason}");
    client.store(&note(1, 1, "still here")).await;
}

async fn r3_1_an_invite_has_no_negative_limits(engine: Engine) {
    let node = Node::with(engine, members(|_| {})).await;
    let (shell, time) = (Actor::shell(), Timestamp(now()));
    let management = node.relay.management();
    for params in [[json!(-1), json!(1)], [json!("1"), json!("-5")]] {
        let called = management.call("createinvite", &params, &shell, true, time);
        let error = called.await.unwrap_err().to_string();
        assert!(error.contains("less than 0"), "{error}");
    }
    assert!(node.relay.access().invites().await.unwrap().is_empty());
}

async fn r3_1_of_two_requests_for_invites_under_one_name_the_second_counts(engine: Engine) {
    let node = Node::with(engine, members(|_| {})).await;
    let mut admin = as_key(&node, ADMIN).await;
    let (seven, one) = (event(7, now()).sign(&key(1)), note(1, 1, "x"));
    admin.store(&seven).await;
    admin.store(&one).await;
    let ask = |kind: u16| {
        let filters = [json!({"kinds": [28_935]}), json!({"kinds": [kind]})];
        request("REQ", "invite", &filters)
    };
    admin.send_all([ask(7), ask(1)]).await;
    let of_sub = |message: &Value| message[1] == "invite";
    let mut kinds = Vec::new();
    loop {
        let message = admin.find(of_sub).await;
        match message[0].as_str().unwrap() {
            "EVENT" => kinds.push(message[2]["kind"].as_u64().unwrap()),
            "EOSE" => break,
            other => panic!("{other}: {message}"),
        }
    }
    assert_eq!(kinds, [28_935, 1], "by the filters of the second");
    let (seven, one) = (event(7, now() + 1).sign(&key(1)), note(1, 0, "y"));
    admin.store(&seven).await;
    admin.store(&one).await;
    assert_eq!(admin.live("invite").await["id"], id(&one));
}

async fn r3_1_an_invite_beside_a_search(engine: Engine) {
    let relay = Searching::trusting(engine, members(|_| {})).await;
    let mut admin = as_key(&relay.node, ADMIN).await;
    let (found, other) = (note(1, 2, "purple"), note(1, 1, "green"));
    admin.store(&found).await;
    admin.store(&other).await;
    let filters = [
        json!({"kinds": [28_935]}),
        json!({"kinds": [1], "search": "purple"}),
    ];
    let answer = admin.subscribe("invite", &filters).await;
    assert_eq!(answer.events[0]["kind"], 28_935);
    assert_eq!(answer.ids()[1..], [id(&found)]);
    admin.store(&note(1, 0, "blue")).await;
    let live = note(1, 0, "purple again");
    admin.store(&live).await;
    assert_eq!(admin.live("invite").await["id"], id(&live));
}

async fn r3_1_all_comings_are_told_and_who_drops_out_of_the_list_has_not_gone(engine: Engine) {
    let node = Node::with(
        engine,
        members(|config| config.membership.published_members = 2),
    )
    .await;
    // In the order of their keys, in which the list is cut.
    let mut keys: Vec<_> = (1..=6).map(public_key).collect();
    keys.sort_unstable();
    let add = async |key| {
        let change = Change::AddMember(key);
        let access = node.relay.access();
        access.apply(change, &Actor::shell(), now()).await.unwrap();
    };
    for key in &keys[1..] {
        add(*key).await;
    }
    let came = published(&node, 8_000, |events| events.len() == 5).await;
    let told: BTreeSet<String> = came
        .iter()
        .map(|event| tags_of(event, "p")[0][1].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told.len(), 5, "also of those whom the list does not name");
    let list_of = |events: &[Value]| -> Vec<String> {
        let list = events.first().map(|list| tags_of(list, "member"));
        let members = list.unwrap_or_default().into_iter();
        members
            .map(|tag| tag[1].as_str().unwrap().to_owned())
            .collect()
    };
    let names = |wanted: [PublicKey; 2]| {
        let wanted = wanted.map(|key| key.to_string());
        move |events: &[Value]| list_of(events) == wanted
    };
    published(&node, 13_534, names([keys[1], keys[2]])).await;
    add(keys[0]).await;
    published(&node, 13_534, names([keys[0], keys[1]])).await;
    published(&node, 8_000, |events| events.len() == 6).await;
    let mut reader = node.client().await;
    let went = reader.query(json!({"kinds": [8_001]})).await;
    assert!(went.events.is_empty(), "{went:?}");
}

async fn r3_1_a_banned_member_is_none(engine: Engine) {
    let config = members(|config| {
        config.access.write = Who::Members;
        config.membership.invite_roles = vec!["host".into()];
    });
    let node = Node::with(engine, config).await;
    let admin = key(ADMIN);
    node.manage(&admin, "createrole", json!(["host"])).await;
    for number in [1, 2] {
        node.manage(&admin, "assignrole", json!([public(number), "host"]))
            .await;
    }
    published(&node, 8_000, |events| events.len() == 2).await;
    node.manage(&admin, "banpubkey", json!([public(1)])).await;
    let only = |events: &[Value]| {
        let named = events.first().map(|list| tags_of(list, "member"));
        named.is_some_and(|named| named.len() == 1 && named[0][1] == public(2))
    };
    published(&node, 13_534, only).await;
    let went = published(&node, 8_001, |events| !events.is_empty()).await;
    assert_eq!(tags_of(&went[0], "p")[0][1], public(1));
    // What is for members counts no banned one: a gift wrap to it is not taken.
    let mut client = node.client().await;
    let wrap = |to: u8| event(1_059, now()).tag(["p", &public(to)]).sign(&key(200));
    client.store(&wrap(2)).await;
    assert!(!client.publish(&wrap(1)).await.0);
}

async fn r3_1_invites_for_admins_and_roles(engine: Engine) {
    let config = members(|config| config.membership.invite_roles = vec!["host".into()]);
    let node = Node::with(engine, config).await;
    let asked = [json!({"kinds": [28_935]})];
    let mut nobody = node.client().await;
    assert!(
        nobody
            .refused("REQ", &asked)
            .await
            .starts_with("auth-required: ")
    );
    let mut member = as_key(&node, 1).await;
    assert!(
        member
            .refused("REQ", &asked)
            .await
            .starts_with("restricted: ")
    );
    let admin = key(ADMIN);
    node.manage(&admin, "createrole", json!(["host"])).await;
    node.manage(&admin, "assignrole", json!([public(1), "host"]))
        .await;
    let (first, second) = (invite(&node, 1).await, invite(&node, 1).await);
    assert_ne!(first, second, "a fresh one each time");
}

async fn r3_1_invites_are_bounded_by_key(engine: Engine) {
    let node = Node::with(
        engine,
        members(|config| config.membership.invites_per_key = 2),
    )
    .await;
    let first = invite(&node, ADMIN).await;
    invite(&node, ADMIN).await;
    let mut admin = as_key(&node, ADMIN).await;
    let asked = [json!({"kinds": [28_935]})];
    assert!(
        admin
            .refused("REQ", &asked)
            .await
            .starts_with("rate-limited: ")
    );
    let mut client = as_key(&node, 1).await;
    assert!(client.publish(&join(&key(1), &first)).await.0);
    invite(&node, ADMIN).await;
}

async fn r3_1_the_relay_publishes_its_members(engine: Engine) {
    let node = Node::with(engine, members(|_| {})).await;
    let claim = invite(&node, ADMIN).await;
    let mut client = as_key(&node, 1).await;
    assert!(client.publish(&join(&key(1), &claim)).await.0);
    let named = |events: &[Value]| {
        let list = events.first();
        list.is_some_and(|list| {
            tags_of(list, "member")
                .iter()
                .any(|tag| tag[1] == public(1))
        })
    };
    let lists = published(&node, 13_534, named).await;
    assert_eq!(lists.len(), 1, "replaceable");
    assert!(!tags_of(&lists[0], "-").is_empty());
    let came = published(&node, 8_000, |events| !events.is_empty()).await;
    assert_eq!(tags_of(&came[0], "p")[0][1], public(1));
    assert!(!tags_of(&came[0], "-").is_empty());
    let admin = key(ADMIN);
    node.manage(&admin, "createrole", json!(["r", "king", "ruler", 37, 1]))
        .await;
    node.manage(&admin, "assignrole", json!([public(1), "r"]))
        .await;
    let with_role = |events: &[Value]| {
        let member = json!(["member", public(1), "r"]);
        events
            .first()
            .is_some_and(|list| tags_of(list, "member").contains(&&member))
    };
    published(&node, 13_534, with_role).await;
    let roles = published(&node, 33_534, |events| !events.is_empty()).await;
    assert!(!tags_of(&roles[0], "-").is_empty());
    for (name, value) in [
        ("d", "r"),
        ("label", "king"),
        ("description", "ruler"),
        ("color", "37"),
        ("order", "1"),
    ] {
        assert_eq!(tags_of(&roles[0], name)[0][1], value, "{name}");
    }
    assert!(client.publish(&leave(&key(1))).await.0);
    let gone = published(&node, 8_001, |events| !events.is_empty()).await;
    assert_eq!(tags_of(&gone[0], "p")[0][1], public(1));
    assert!(!tags_of(&gone[0], "-").is_empty());
    node.manage(&admin, "deleterole", json!(["r"])).await;
    published(&node, 5, |events| !events.is_empty()).await;
    published(&node, 33_534, <[Value]>::is_empty).await;
}

async fn r3_1_who_does_not_profess_membership_is_not_named(engine: Engine) {
    let url = "wss://relay.example.com";
    let node = Node::with(engine, members(|config| config.urls = vec![url.into()])).await;
    let mut client = node.client().await;
    let list = |author: u8, relay: &str| {
        event(10_010, now())
            .tag(["relay", relay])
            .sign(&key(author))
    };
    client.store(&list(1, "wss://elsewhere.example.com")).await;
    client.store(&list(2, "wss://Relay.example.com/")).await;
    let shell = stentor_relay::access::Actor::shell();
    for author in [1, 2, 3] {
        let change = stentor_relay::access::Change::AddMember(public_key(author));
        node.relay
            .access()
            .apply(change, &shell, now())
            .await
            .unwrap();
    }
    let filter = json!({"kinds": [13_534]});
    client.subscribe("own", std::slice::from_ref(&filter)).await;
    let both = [public(2), public(3)];
    loop {
        let answer = client.query(filter.clone()).await;
        let named: Vec<String> = answer
            .events
            .first()
            .map(|list| tags_of(list, "member"))
            .unwrap_or_default()
            .iter()
            .map(|tag| tag[1].as_str().unwrap().to_owned())
            .collect();
        assert!(!named.contains(&public(1)));
        if both.iter().all(|key| named.contains(key)) {
            break;
        }
        client.live("own").await;
    }
}

async fn r3_1_without_membership_requests_are_refused(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = as_key(&node, 1).await;
    for request in [join(&key(1), "x"), leave(&key(1))] {
        let (accepted, reason) = client.publish(&request).await;
        assert!(!accepted && reason.starts_with("restricted: "), "{reason}");
    }
    let asked = [json!({"kinds": [28_935]})];
    assert!(
        client
            .refused("REQ", &asked)
            .await
            .starts_with("unsupported: ")
    );
}

async fn r3_4_members_read_and_write(engine: Engine) {
    let config = members(|config| {
        config.access.read = Who::Members;
        config.access.write = Who::Members;
    });
    let node = Node::with(engine, config).await;
    let asked = [json!({"kinds": [1]})];
    let mut client = node.client().await;
    for verb in ["REQ", "COUNT"] {
        assert!(
            client
                .refused(verb, &asked)
                .await
                .starts_with("auth-required: ")
        );
    }
    assert!(client.authenticate(&key(1)).await.0);
    for verb in ["REQ", "COUNT"] {
        assert!(
            client
                .refused(verb, &asked)
                .await
                .starts_with("restricted: ")
        );
    }
    assert!(
        client
            .publish(&note(1, 1, "x"))
            .await
            .1
            .starts_with("restricted: ")
    );
    let claim = invite(&node, ADMIN).await;
    assert!(client.publish(&join(&key(1), &claim)).await.0);
    client.store(&note(1, 1, "x")).await;
    assert_eq!(client.subscribe("now", &asked).await.events.len(), 1);
}

async fn r3_4_reading_after_auth_only(engine: Engine) {
    let mut config = without_rates();
    config.access.read = Who::Authenticated;
    let node = Node::with(engine, config.clone()).await;
    let mut client = node.client().await;
    client.store(&note(1, 1, "anybody writes")).await;
    let asked = [json!({"kinds": [1]})];
    assert!(
        client
            .refused("REQ", &asked)
            .await
            .starts_with("auth-required: ")
    );
    assert!(client.authenticate(&key(7)).await.0);
    assert_eq!(client.subscribe("now", &asked).await.events.len(), 1);
    // What becomes narrower with a reload concerns who is connected.
    let mut open = config.clone();
    open.policy.auth.clear();
    node.relay.reconfigure(open).unwrap();
    let mut early = node.client().await;
    assert_eq!(early.subscribe("now", &asked).await.events.len(), 1);
    node.relay.reconfigure(config.clone()).unwrap();
    assert_eq!(early.closing().await.0, 1008, "by a rule of the policy");
    let mut nobody = node.client().await;
    config.access.read = Who::Members;
    node.relay.reconfigure(config).unwrap();
    assert_eq!(client.closing().await.0, 1008);
    assert_eq!(nobody.closing().await.0, 1008);
}

async fn r1_13_vanishing_passes_membership(engine: Engine) {
    let node = Node::with(engine, members(|config| config.access.write = Who::Members)).await;
    let mut client = node.client().await;
    let vanish = event(62, now()).tag(["relay", "ALL_RELAYS"]).sign(&key(1));
    client.store(&vanish).await;
}
