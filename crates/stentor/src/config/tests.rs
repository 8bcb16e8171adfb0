//! Tests of the configuration.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Value, json};

use super::load::{Loaded, load_with};
use super::schema::{Kind, sections};
use super::{Config, Faults, Sources, render, source};

fn variables(pairs: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect::<Vec<_>>()
        .into_iter()
}

fn flags(pairs: &[(&str, &str)]) -> Vec<(String, String, String)> {
    pairs
        .iter()
        .map(|(key, value)| ("--set".to_owned(), (*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn with_file(text: &str, env: &[(&str, &str)], set: &[(&str, &str)]) -> Result<Loaded, Faults> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stentor.toml");
    std::fs::write(&file, text).unwrap();
    load_with(
        &Sources {
            file: Some(file),
            default_file: None,
            settings: flags(set),
        },
        variables(env),
    )
}

fn faults(text: &str) -> Vec<String> {
    let Err(Faults(faults)) = with_file(text, &[], &[]) else {
        return Vec::new();
    };
    let short = |fault: &super::fault::Fault| {
        let text = fault.to_string();
        text.split_once("stentor.toml")
            .map_or(text.clone(), |(_, rest)| format!("stentor.toml{rest}"))
    };
    faults.iter().map(short).collect()
}

/// The file of `config init` with the keys taken out of their comments.
fn uncommented() -> String {
    let text = render::file();
    let line = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.starts_with(' ') && !key.is_empty() => key.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn p2_the_written_file_holds_every_key_at_its_default() {
    let (values, faults) = source::parse(Path::new("stentor.toml"), &uncommented());
    assert_eq!(faults, []);
    let mut written = values.tree;
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut seen = HashSet::new();
    let all = sections();
    let (lists, tables): (Vec<_>, Vec<_>) = all.iter().partition(|section| section.many);
    for list in lists {
        let tree = Value::Object(written.clone());
        let entry = tree.pointer(&format!("/{}/0", list.path.replace('.', "/")));
        let entry = entry.and_then(Value::as_object).unwrap();
        assert_eq!(entry.len(), list.keys.len(), "{}", list.path);
        for key in &list.keys {
            // A key without a default is shown with an empty value of its type.
            let shown = Some(&entry[key.name()]).filter(|value| **value != "");
            let default = Some(&key.default).filter(|value| !value.is_null() && **value != "");
            assert_eq!(shown, default, "{}", key.path);
            assert!(seen.insert(key.path.clone()));
        }
    }
    for key in tables.iter().flat_map(|section| &section.keys) {
        let pointer = format!("/{}", key.path.replace('.', "/"));
        let (table, name) = pointer.rsplit_once('/').unwrap();
        let table = table
            .split('/')
            .filter(|part| !part.is_empty())
            .fold(&mut written, |table, part| {
                table.get_mut(part).and_then(Value::as_object_mut).unwrap()
            });
        let value = table
            .remove(name)
            .unwrap_or_else(|| panic!("{} is not in the file", key.path));
        // A key without a default is shown with an empty value of its type.
        let default = defaults.pointer(&pointer).cloned().unwrap_or(Value::Null);
        if !default.is_null() {
            assert_eq!(value, default, "{}", key.path);
        }
        assert!(seen.insert(key.path.clone()));
    }
    assert!(seen.len() > 50);
}

#[test]
fn p2_the_file_as_written_changes_nothing() {
    assert_eq!(
        with_file(&render::file(), &[], &[]).unwrap().config,
        Config::default()
    );
}

#[test]
fn p2_every_key_is_documented() {
    for section in sections() {
        assert!(
            section.path.is_empty() || !section.doc.is_empty(),
            "[{}] has no description",
            section.path
        );
        for key in section.keys {
            assert!(!key.doc.is_empty(), "{} has no description", key.path);
            assert_ne!(
                key.kind,
                Kind::Other,
                "{} is of a kind that cannot be described",
                key.path
            );
        }
    }
}

#[test]
fn p2_the_reference_in_the_book_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let book = std::fs::read_to_string(path).unwrap();
    assert!(
        book == render::reference(),
        "run: stentor config reference > docs/configuration.md"
    );
}

#[test]
fn p2_later_sources_win() {
    let text = "[relay.limits]\nfilters = 5\nlimit = 50\nids = 10\n";
    let env = [
        ("STENTOR_RELAY__LIMITS__LIMIT", "60"),
        ("STENTOR_RELAY__LIMITS__IDS", "11"),
    ];
    let config = with_file(text, &env, &[("relay.limits.ids", "12")])
        .unwrap()
        .config;
    let limits = &config.relay.limits;
    assert_eq!((limits.filters, limits.limit, limits.ids), (5, 60, 12));
    assert_eq!(limits.authors, Config::default().relay.limits.authors);
}

#[test]
fn p2_texts_are_read_as_what_the_key_takes() {
    let set = [
        ("relay.info.name", "1234"),
        ("relay.urls", "wss://a.example, wss://b.example"),
        ("relay.privacy.kinds", "[14, 15]"),
        ("server.compression", "false"),
        ("relay.info.description", "a = \"b\" # c"),
        ("relay.limits.event_bytes", "131_072"),
    ];
    let config = with_file("", &[], &set).unwrap().config;
    assert_eq!(config.relay.info.name, "1234");
    assert_eq!(config.relay.urls, ["wss://a.example", "wss://b.example"]);
    assert_eq!(config.relay.privacy.kinds, [14, 15]);
    assert!(!config.server.compression);
    assert_eq!(config.relay.info.description, "a = \"b\" # c");
    assert_eq!(config.relay.limits.event_bytes, 131_072);
}

#[test]
fn p2_each_fault_is_named_with_file_line_and_key() {
    let text = "[relay.limits]\nfilers = 5\nlimit = \"many\"\n\n[server]\ncompression_level = 12\nping = 3\n[log]\nformat = \"xml\"\n[sever]\nlisten = 1\n";
    assert_eq!(
        faults(text),
        [
            "stentor.toml:9: log.format: must be one of auto, human, json",
            "stentor.toml:2: relay.limits.filers: there is no such key; did you mean relay.limits.filters?",
            "stentor.toml:3: relay.limits.limit: must be a whole number, not a text",
            "stentor.toml:6: server.compression_level: must be from 1 to 9",
            "stentor.toml:7: server.ping: there is no such key",
            "stentor.toml:10: sever: there is no such key; did you mean server?",
        ]
    );
}

#[test]
fn p2_faults_that_only_the_whole_shows_have_a_line_too() {
    let found = faults("[server]\nlisten = \"here\"\n\n[relay]\nurls = [\"nonsense\"]\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("stentor.toml:2: server.listen: must be an address and a port"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("stentor.toml:5: relay.urls"),
        "{found:?}"
    );
}

#[test]
fn p2_broken_toml_names_the_line_and_not_its_text() {
    let found = faults("[server]\nlisten = \"127.0.0.1:1\"\ntoken = s3cr3t s3cr3t\n");
    assert!(!found.is_empty());
    assert!(
        found
            .iter()
            .any(|fault| fault.starts_with("stentor.toml:3:")),
        "{found:?}"
    );
    assert!(
        found.iter().all(|fault| !fault.contains("s3cr3t")),
        "{found:?}"
    );
}

#[test]
fn p2_values_are_never_repeated() {
    let text = "[log]\nlevel = [\"s3cr3t\"]\nformat = \"s3cr3t\"\n[relay.info]\nname = 77777777\n";
    let found = faults(text).join("\n");
    assert!(
        !found.contains("s3cr3t") && !found.contains("77777777"),
        "{found}"
    );
}

#[test]
fn p2_environment_and_flags_are_checked_too() {
    let env = [
        ("STENTOR_SERVER__LISTENN", "127.0.0.1:1"),
        ("STENTOR_PORT_7447_TCP", "tcp://10.0.0.1:7447"),
    ];
    let Err(Faults(faults)) = with_file("", &env, &[("relay.limits.limit", "x")]) else {
        panic!("no fault")
    };
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "environment variable STENTOR_SERVER__LISTENN: server.listenn: there is no such key; did you mean server.listen?",
            "--set: relay.limits.limit: must be a whole number, not a text",
        ]
    );
}

#[test]
fn what_is_printed_can_be_read_again() {
    let loaded = with_file(
        "",
        &[],
        &[("relay.info.name", "Ünï \"q\""), ("server.threads", "3")],
    )
    .unwrap();
    let printed = render::values(&loaded);
    assert!(printed.contains("threads = 3 # --set"), "{printed}");
    assert_eq!(with_file(&printed, &[], &[]).unwrap().config, loaded.config);
    assert_eq!(render::json(&loaded.config)["server"]["threads"], json!(3));
}

const TWO_LISTENERS: &str = "[server]\nlisten = \"127.0.0.1:1\"\n\n[[server.listeners]]\nname = \"members\"\nbind = \"unix:/run/m\"\n\n\
     [[server.listeners]]\nname = \"tor\"\nbind = \"[::1]:2\"\nconnections = 5\n";

#[test]
fn r3_4_further_listeners_are_a_list_of_tables() {
    let config = with_file(TWO_LISTENERS, &[], &[]).unwrap().config;
    let names: Vec<_> = config
        .server
        .listeners()
        .into_iter()
        .map(|listener| (listener.name, listener.connections))
        .collect();
    let expected = [("public", 0), ("members", 0), ("tor", 5)];
    assert_eq!(names, expected.map(|(name, cap)| (name.to_owned(), cap)));
}

#[test]
fn p2_a_later_source_replaces_a_list_of_tables() {
    let inline =
        "[{ name = \"a\", bind = \"127.0.0.1:3\" }, { name = \"b\", bind = \"127.0.0.1:4\" }]";
    let names = |env: &[(&str, &str)], set: &[(&str, &str)]| -> Vec<String> {
        let config = with_file(TWO_LISTENERS, env, set).unwrap().config;
        let listeners = config.server.listeners.into_iter();
        listeners.map(|listener| listener.name).collect()
    };
    let variable = [("STENTOR_SERVER__LISTENERS", inline)];
    assert_eq!(names(&variable, &[]), ["a", "b"]);
    assert_eq!(names(&[], &[("server.listeners", inline)]), ["a", "b"]);
    assert!(names(&variable, &[("server.listeners", "[]")]).is_empty());
}

#[test]
fn p2_faults_in_a_list_of_tables_have_line_and_key() {
    let text = "[[server.listeners]]\nname = \"a\"\nbnd = \"127.0.0.1:1\"\nproxy_protocol = \"on\"\n\n\
                [[server.listeners]]\nname = 3\nconnections = -1\ntrusted_proxies = [1]\n";
    assert_eq!(
        faults(text),
        [
            "stentor.toml:3: server.listeners[0].bnd: there is no such key; did you mean server.listeners[0].bind?",
            "stentor.toml:4: server.listeners[0].proxy_protocol: must be one of off, required",
            "stentor.toml:8: server.listeners[1].connections: must be from 0 to 10000000",
            "stentor.toml:7: server.listeners[1].name: must be a text, not a number",
            "stentor.toml:9: server.listeners[1].trusted_proxies: entry 1: must be a text, not a number",
        ]
    );
    let found = faults("[server.listeners]\nname = \"a\"\n");
    let message =
        "server.listeners: must be a list of tables, each under [[server.listeners]], not a table";
    assert_eq!(found, [format!("stentor.toml:1: {message}")]);
    let Err(Faults(found)) = with_file("", &[], &[("server.listeners", "members")]) else {
        panic!("no fault")
    };
    assert!(found[0].to_string().contains("not a text"), "{found:?}");
}

#[test]
fn r3_4_listeners_are_checked() {
    let entry = "[[server.listeners]]\nname = \"a\"\nbind = \"127.0.0.1:1\"\n";
    let one = |change: &str| faults(&format!("{entry}{change}\n")).join("|");
    for (change, fault) in [
        (
            "tls_key = \"/k\"",
            "stentor.toml:1: server.listeners[0].tls_certificate: is missing",
        ),
        (
            "unix_mode = \"rw\"",
            "stentor.toml:4: server.listeners[0].unix_mode: must be permissions",
        ),
        (
            "proxy_protocol = \"required\"",
            "stentor.toml:4: server.listeners[0].proxy_protocol: needs trusted_proxies",
        ),
        (
            "trusted_proxies = [\"unix\",\n\"x\"]",
            "stentor.toml:5: server.listeners[0].trusted_proxies[1]: not an IP address",
        ),
    ] {
        assert!(one(change).starts_with(fault), "{}", one(change));
    }
    assert_eq!(
        one("trusted_proxies = [\"unix\", \"::1\"]\nproxy_protocol = \"required\""),
        ""
    );
    for (text, fault) in [
        (
            entry.replace("\"a\"", "\"public\""),
            "stentor.toml:2: server.listeners[0].name: is taken",
        ),
        (
            entry.replace("\"a\"", "\"ops-2\""),
            "stentor.toml:2: server.listeners[0].name: must not begin with ops",
        ),
        (
            entry.replace("\"a\"", "\"A b\""),
            "stentor.toml:2: server.listeners[0].name: must be at most",
        ),
        (
            entry.replace("127.0.0.1:1", "127.0.0.1"),
            "stentor.toml:3: server.listeners[0].bind: must be an address",
        ),
        (
            entry.replace("127.0.0.1:1", "unix:run/x"),
            "stentor.toml:3: server.listeners[0].bind: the path",
        ),
        (
            entry.replace("127.0.0.1:1", "127.0.0.1:7447"),
            "stentor.toml:3: server.listeners[0].bind: another listener",
        ),
        (
            entry.replace("name = \"a\"\n", ""),
            "stentor.toml:1: server.listeners[0].name: must be given",
        ),
        (
            "[server]\nlisten = \"\"\n".to_owned(),
            "stentor.toml:2: server.listen: is empty",
        ),
        (
            "[server]\nproxy_protocol = \"required\"\n".to_owned(),
            "stentor.toml:2: server.proxy_protocol: needs",
        ),
    ] {
        let found = faults(&text).join("|");
        assert!(found.starts_with(fault), "{text}: {found}");
    }
    assert_eq!(
        faults(&format!("[server]\nlisten = \"\"\n{entry}")),
        Vec::<String>::new()
    );
}

#[test]
fn r3_4_printed_listeners_can_be_read_again() {
    let loaded = with_file(TWO_LISTENERS, &[], &[]).unwrap();
    let printed = render::values(&loaded);
    assert!(printed.contains("stentor.toml:5"), "{printed}");
    assert_eq!(with_file(&printed, &[], &[]).unwrap().config, loaded.config);
}
