//! `stentor admin` (R3): the relay is managed from the shell, with and without a running node, and what is decided there
//! holds for imports and survives a backup.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::path::Path;

use common::events::{lines, note, text};
use common::node::Node;
use common::{exported_ids, run_json, run_text};
use serde_json::{Value, json};

fn admin(data: &Path, args: &[&str]) -> Value {
    run_json(data, &[&["admin", "--json"], args].concat())
}

fn import(data: &Path, folder: &Path, events: &[stentor_event::Event]) -> Value {
    let file = folder.join("events.jsonl");
    std::fs::write(&file, lines(events)).unwrap();
    run_json(data, &["import", "--json", file.to_str().unwrap()])
}

/// A data folder with a store in it, as a first start makes one.
fn prepare(data: &Path) {
    run_json(data, &["import", "--json"]);
}

fn id(event: &stentor_event::Event) -> String {
    event.id().to_string()
}

#[test]
fn r3_2_the_same_with_and_without_a_node() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    prepare(&data);
    let key = note(1, 1).pubkey().to_string();
    assert_eq!(admin(&data, &["banpubkey", &key, "spam"]), json!(true));
    let node = Node::start(&data, &[]);
    let banned = json!([{ "pubkey": key, "reason": "spam" }]);
    assert_eq!(admin(&data, &["listbannedpubkeys"]), banned);
    assert_eq!(admin(&data, &["unbanpubkey", &key]), json!(true));
    assert_eq!(admin(&data, &["allowkind", "7"]), json!(true));
    assert_eq!(node.stop().0, 0);
    assert_eq!(admin(&data, &["listbannedpubkeys"]), json!([]));
    assert_eq!(
        admin(&data, &["listkinds"]),
        json!({ "allowed": [7], "denied": [] })
    );
    assert_eq!(admin(&data, &["forgetkind", "7"]), json!(true));
    assert_eq!(admin(&data, &["listallowedkinds"]), json!([]));
    let audit = admin(&data, &["readaudit"]);
    let methods: Vec<&str> = audit
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["method"] != "readaudit")
        .map(|line| {
            assert_eq!(
                (line["actor"].as_str(), line["outcome"].as_str()),
                (Some("shell"), Some("ok"))
            );
            line["method"].as_str().unwrap()
        })
        .collect();
    assert_eq!(
        methods,
        [
            "listallowedkinds",
            "forgetkind",
            "listkinds",
            "listbannedpubkeys",
            "allowkind",
            "unbanpubkey",
            "listbannedpubkeys",
            "banpubkey"
        ]
    );
}

#[test]
fn r3_2_a_folder_without_a_relay_does_not_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("mistyped");
    let key = note(1, 1).pubkey().to_string();
    let (code, _, err) = run_text(&data, &["admin", "banpubkey", &key]);
    assert_eq!(code, 1);
    assert!(
        err.contains(&data.display().to_string()) && err.contains("STENTOR_DATA"),
        "{err}"
    );
    assert!(!data.exists());
}

/// Several megabytes of answer, through the node.
#[test]
fn r3_2_long_lists_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    admin(folder.path(), &["listbannedpubkeys"]);
    let records = stentor_sql::DatabaseConfig {
        path: folder.path().join("records.sqlite"),
        ..Default::default()
    };
    let fill = async {
        let records = stentor_sql::Database::open(&records).await?;
        let filled = records.write(|tx| {
            tx.execute(
                "INSERT INTO relay_banned_keys
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                 SELECT CAST(printf('%032d', i) AS BLOB), 'flood', 1 FROM n",
                (),
            )
        });
        filled.await?;
        records.close().await;
        Ok::<_, stentor_sql::Error>(())
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill).unwrap();
    let node = Node::start(folder.path(), &[]);
    let listed = admin(folder.path(), &["listbannedpubkeys"]);
    assert_eq!(listed.as_array().unwrap().len(), 100_000);
    drop(node);
}

#[test]
fn r3_2_mistakes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    prepare(&data);
    let (code, _, err) = run_text(&data, &["admin", "banpubkey", "nobody"]);
    assert_eq!(code, 1);
    assert!(err.contains("parameter 1"), "{err}");
    let (code, _, err) = run_text(&data, &["admin", "makecoffee"]);
    assert_eq!(code, 2);
    assert!(err.contains("makecoffee"), "{err}");
    let (code, out, _) = run_text(&data, &["admin", "blockip", "192.0.2.0/24", "flood"]);
    assert_eq!((code, out.as_str()), (0, "done\n"));
    let (_, out, _) = run_text(&data, &["admin", "listblockedips"]);
    assert_eq!(out, "192.0.2.0/24  reason=flood\n");
}

#[test]
fn r3_1_invites_from_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    prepare(&data);
    admin(&data, &["createrole", "host", "Host"]);
    let claim = admin(&data, &["createinvite", "24", "3", "host"]);
    let claim = claim.as_str().unwrap();
    let listed = admin(&data, &["listinvites"]);
    let invite = &listed[0];
    assert_eq!(
        (&invite["claim"], &invite["most"], &invite["role"]),
        (&json!(claim), &json!(3), &json!("host"))
    );
    let lasts = invite["expires_at"].as_i64().unwrap() - invite["created_at"].as_i64().unwrap();
    assert_eq!(lasts, 24 * 3_600);
    assert_eq!(admin(&data, &["revokeinvite", claim]), json!(true));
    assert_eq!(admin(&data, &["listinvites"]), json!([]));
    let (code, _, err) = run_text(&data, &["admin", "revokeinvite", claim]);
    assert!(code == 1 && err.contains("no such invite"), "{err}");
}

#[test]
fn r5_4_imports_know_what_is_banned() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    prepare(&data);
    let (bad, good) = (note(1, 1), note(2, 2));
    let unwanted = note(2, 3);
    admin(&data, &["banpubkey", &bad.pubkey().to_string()]);
    admin(&data, &["banevent", &id(&unwanted)]);
    let events = [bad, good.clone(), unwanted];
    let offline = import(&data, folder.path(), &events);
    assert_eq!(offline["accepted"], 1);
    assert_eq!(offline["invalid"]["banned by the operator"], 2);
    let node = Node::start(&data, &[]);
    let online = import(&data, folder.path(), &events);
    assert_eq!(online["invalid"]["banned by the operator"], 2);
    assert_eq!(exported_ids(&data), [id(&good)]);
    assert_eq!(node.stop().0, 0);
}

#[test]
fn r3_2_a_ban_removes_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (bad, good) = (note(1, 1), note(2, 2));
    import(&data, folder.path(), &[bad.clone(), good.clone()]);
    assert_eq!(exported_ids(&data).len(), 2);
    admin(&data, &["banpubkey", &bad.pubkey().to_string(), ""]);
    assert_eq!(exported_ids(&data), [id(&good)]);
    assert!(!text(&good).is_empty());
}

#[test]
fn r5_5_a_backup_holds_the_records_too() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    let good = note(2, 2);
    import(&data, folder.path(), std::slice::from_ref(&good));
    let key = note(1, 1).pubkey().to_string();
    admin(&data, &["banpubkey", &key]);
    let node = Node::start(&data, &[]);
    admin(&data, &["addmember", &good.pubkey().to_string()]);
    let taken = run_json(
        &data,
        &["backup", "create", "--json", copy.to_str().unwrap()],
    );
    assert_eq!(taken["records"], true);
    // What comes after is not in it.
    admin(&data, &["unbanpubkey", &key]);
    assert_eq!(node.stop().0, 0);
    let restored = Node::start(&copy, &[]);
    assert_eq!(
        admin(&copy, &["listbannedpubkeys"]),
        json!([{ "pubkey": key }])
    );
    let members = admin(&copy, &["listmembers"]);
    assert_eq!(members[0]["pubkey"], good.pubkey().to_string());
    assert_eq!(restored.stop().0, 0);
    assert_eq!(exported_ids(&copy), [id(&good)]);
}

/// A crash between a ban and its effect, or a backup of that moment.
#[test]
fn r4_4_a_ban_whose_effect_was_cut_off_takes_effect_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (data, other) = (folder.path().join("data"), folder.path().join("other"));
    let (bad, unwanted, good) = (note(1, 1), note(2, 3), note(2, 2));
    // The lists of one folder and the events of another make what a crash leaves.
    prepare(&other);
    admin(&other, &["banpubkey", &bad.pubkey().to_string()]);
    admin(&other, &["banevent", &id(&unwanted)]);
    import(&data, folder.path(), &[bad, unwanted, good.clone()]);
    for name in ["records.sqlite", "records.sqlite-wal", "records.sqlite-shm"] {
        let _ = std::fs::remove_file(data.join(name));
        let _ = std::fs::copy(other.join(name), data.join(name));
    }
    let node = Node::start(&data, &[]);
    assert_eq!(exported_ids(&data), [id(&good)]);
    assert_eq!(node.stop().0, 0);
}

#[test]
fn r5_5_damage_to_a_backup_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    import(&data, folder.path(), &[note(1, 1)]);
    admin(&data, &["banpubkey", &note(2, 2).pubkey().to_string()]);
    let place = copy.to_str().unwrap();
    run_json(&data, &["backup", "create", "--json", place]);
    let whole = run_json(&data, &["backup", "verify", "--json", place]);
    assert_eq!(whole["faults"], json!([]));
    let records = copy.join("records.sqlite");
    let mut bytes = std::fs::read(&records).unwrap();
    // Inside the second page: the header stays what it was.
    for byte in &mut bytes[4_096..4_196] {
        *byte ^= 0xff;
    }
    std::fs::write(&records, bytes).unwrap();
    let (code, out, err) = run_text(&data, &["backup", "verify", place]);
    assert_eq!(code, 1);
    assert!(
        out.contains("records.sqlite: its content has changed"),
        "{out}"
    );
    assert!(err.contains("1 files are not as they were"), "{err}");
    let (code, out, err) = run_text(&copy, &["db", "verify"]);
    assert_eq!(code, 1, "{out}");
    assert!(err.contains("records"), "{err}");
}

#[test]
fn p1_the_records_are_migrated_before_a_node_starts_and_beside_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (code, out, err) = run_text(&data, &["db", "migrate"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "the records are up to date\n"),
        "{err}"
    );
    assert!(data.join("records.sqlite").exists());
    let node = Node::start(&data, &[]);
    let (code, _, err) = run_text(&data, &["db", "migrate"]);
    assert_eq!(code, 0, "{err}");
    let key = note(1, 1).pubkey().to_string();
    assert_eq!(admin(&data, &["banpubkey", &key]), json!(true));
    assert_eq!(node.stop().0, 0);
}
