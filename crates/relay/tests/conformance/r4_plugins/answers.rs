//! What plugins are asked, and what becomes of their answers.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_the_white_list_of_strfrys_documentation() {
    let wanted = public(1);
    let shell = program("whitelist.sh");
    for (command, refused) in [
        (
            vec!["python3".into(), program("whitelist.py"), wanted.clone()],
            "blocked: not on the white-list",
        ),
        (
            vec!["/bin/sh".into(), shell.clone(), wanted.clone()],
            "blocked: not on the list",
        ),
        (
            vec![
                "bash".into(),
                "-c".into(),
                format!("exec sh {shell} {wanted} 2>&1"),
            ],
            "blocked: not on the list",
        ),
    ] {
        let own = Plugin {
            command,
            ..plugin("list", [])
        };
        let node = node([own]).await;
        let mut client = node.client().await;
        let (ours, other) = (note(1, 0, "in \\ \" \u{1F600}\n"), note(2, 0, "out"));
        client.store(&ours).await;
        assert_eq!(client.publish(&other).await, (false, refused.into()));
        assert_eq!(client.query(json!({})).await.ids(), [id(&ours)]);
        assert!(client.publish(&ours).await.1.starts_with("duplicate: "));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_what_a_plugin_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let node = node([Plugin {
        directory: folder.path().to_str().unwrap().into(),
        environment: [("MOOD".to_owned(), "good".to_owned())].into(),
        ..python("moody.py")
    }])
    .await;
    let mut client = node.client().await;
    let begun = now();
    let first = told(&mut client, 1).await;
    assert_eq!(first["type"], "new");
    assert_eq!(
        (&first["sourceType"], &first["sourceInfo"]),
        (&json!("IP4"), &json!("127.0.0.1"))
    );
    assert!((begun..=now()).contains(&first["receivedAt"].as_u64().unwrap()));
    assert_eq!(first.get("authed"), None);
    assert_eq!(first["mood"], "good");
    let own = folder.path().canonicalize().unwrap();
    assert_eq!(first["folder"], own.to_str().unwrap());
    assert!(client.authenticate(&key(5)).await.0);
    let second = told(&mut client, 1).await;
    assert_eq!(second["authed"], public(5));
    assert_eq!(second["pid"], first["pid"], "one process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_answers_in_any_order_reach_whom_they_are_for() {
    let node = node([python("held.py")]).await;
    let mut client = node.client().await;
    let events: Vec<Event> = (0..30)
        .map(|number: u64| {
            let word = if number.is_multiple_of(2) {
                "accept"
            } else {
                "reject"
            };
            let content = format!("{word} {number}");
            event(7, now()).content(content).sign(&key(1))
        })
        .collect();
    for event in &events {
        send(&mut client, event).await;
    }
    for (number, event) in events.iter().enumerate() {
        let expected = match number % 2 {
            0 => (true, String::new()),
            _ => (false, format!("blocked: reject {number} nobody")),
        };
        assert_eq!(release(&mut client, event).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_the_same_event_from_two_clients_at_once() {
    let node = node([python("held.py")]).await;
    let (mut first, mut second) = (node.client().await, node.client().await);
    assert!(first.authenticate(&key(1)).await.0);
    assert!(second.authenticate(&key(2)).await.0);
    let held = event(7, now()).content("reject").sign(&key(3));
    send(&mut first, &held).await;
    send(&mut second, &held).await;
    let refusal = |number: u8| (false, format!("blocked: reject {}", public(number)));
    assert_eq!(release(&mut first, &held).await, refusal(1));
    assert_eq!(release(&mut second, &held).await, refusal(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_a_slow_plugin_delays_only_its_own_events() {
    let silent = Plugin {
        kinds: [20].into(),
        ..plugin("silent", ["sh", "-c", SILENT])
    };
    let node = node([silent, python("held.py")]).await;
    let (mut client, mut other) = (node.client().await, node.client().await);
    let unanswered = event(20, now()).sign(&key(1));
    let held = event(7, now()).sign(&key(1));
    send(&mut client, &unanswered).await;
    send(&mut client, &held).await;
    for number in 0..20 {
        client.store(&numbered(1, "same connection", number)).await;
        other.store(&numbered(2, "another", number)).await;
    }
    assert_eq!(client.query(json!({"kinds": [1]})).await.events.len(), 40);
    for event in [&unanswered, &held] {
        assert!(client.silent(&id(event)).await, "{event:?}");
    }
    assert_eq!(release(&mut client, &held).await, (true, String::new()));
    assert!(client.silent(&id(&unanswered)).await);
}

over_both_engines! { r4_3_shadowed_events_are_seen_by_nobody }

async fn r4_3_shadowed_events_are_seen_by_nobody(engine: Engine) {
    let node = Node::with(engine, config([python("moody.py")])).await;
    let (mut reader, mut writer) = (node.client().await, node.client().await);
    reader.subscribe("live", &[json!({})]).await;
    let (hidden, seen) = (note(1, 0, "shadow"), note(1, 0, "good"));
    assert_eq!(writer.publish(&hidden).await, (true, String::new()));
    writer.store(&seen).await;
    assert_eq!(reader.live("live").await["id"], id(&seen));
    assert!(reader.silent("live").await);
    assert_eq!(writer.query(json!({})).await.ids(), [id(&seen)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_several_plugins_are_asked_in_order() {
    let first = plugin("first", ["sh", &program("whitelist.sh"), &public(1)]);
    let node = node([first, python("moody.py")]).await;
    let mut client = node.client().await;
    let refused = client.publish(&note(2, 0, "tell")).await;
    assert_eq!(refused, (false, "blocked: not on the list".into()));
    assert_eq!(
        told(&mut client, 1).await["seen"],
        1,
        "only what the first took"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_events_from_elsewhere_are_asked_about_where_that_is_wanted() {
    let own = Plugin {
        source_types: vec![SourceType::Sync, SourceType::Import, SourceType::Stored],
        // One place: further events wait for their turn.
        waiting: 1,
        ..python("moody.py")
    };
    let node = node([own]).await;
    let event = note(1, 0, "tell");
    let ask = |source: Source| node.relay.ask_plugins(&event, source);
    for (source, kind, info) in [
        (
            Source::Sync("wss://a.example".into()),
            "Sync",
            "wss://a.example",
        ),
        (
            Source::Import("notes.jsonl".into()),
            "Import",
            "notes.jsonl",
        ),
        (Source::Stored, "Stored", ""),
    ] {
        let Ruling::Refused(reason) = ask(source).await else {
            panic!("{kind}");
        };
        let told: Value = serde_json::from_str(reason.strip_prefix("blocked: ").unwrap()).unwrap();
        assert_eq!(
            (&told["sourceType"], &told["sourceInfo"]),
            (&json!(kind), &json!(info))
        );
    }
    let stream = Source::Stream("wss://a.example".into());
    assert_eq!(ask(stream).await, Ruling::Accepted, "not asked about");
    node.client().await.store(&event).await;
    let hidden = note(1, 0, "shadow");
    let shadowed = node.relay.ask_plugins(&hidden, Source::Stored).await;
    assert_eq!(shadowed, Ruling::Shadowed);
    let many: Vec<Event> = (0..50).map(|number| numbered(1, "good", number)).collect();
    let rulings = many
        .iter()
        .map(|event| node.relay.ask_plugins(event, Source::Stored));
    let rulings = futures_util::future::join_all(rulings).await;
    assert!(rulings.iter().all(|ruling| *ruling == Ruling::Accepted));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_the_example_of_the_handbook() {
    let handbook = include_str!("../../../../../docs/operators/plugins.md");
    let (_, script) = handbook.split_once("```python\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let author = script.split('"').nth(1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authors.py");
    std::fs::write(&path, script.replace(author, &public(1))).unwrap();
    let node = node([plugin("authors", ["python3", path.to_str().unwrap()])]).await;
    let mut client = node.client().await;
    client.store(&note(1, 0, "hello")).await;
    let refusal = "restricted: ask us for an account".to_owned();
    assert_eq!(client.publish(&note(2, 0, "hello")).await, (false, refusal));
}
