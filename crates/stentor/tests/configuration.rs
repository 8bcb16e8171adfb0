//! The configuration by the command line (P2), and the commands that need no store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::{run_json, run_text, stentor};

#[test]
fn p2_a_written_file_passes_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = run_text(folder.path(), &["config", "init"]);
    assert_eq!(code, 0);
    let file = folder.path().join("stentor.toml");
    assert!(out.contains("stentor.toml written"), "{out}");
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("#listen = \"127.0.0.1:7447\"")
    );
    let (code, out, err) = run_text(folder.path(), &["config", "check"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("ok, 0 keys differ"), "{out}");
    // It does not write over what is there.
    let (code, _, err) = run_text(folder.path(), &["config", "init"]);
    assert_eq!(code, 1);
    assert!(err.contains("cannot write"), "{err}");
    assert_eq!(run_text(folder.path(), &["config", "init", "--force"]).0, 0);
}

#[test]
fn p2_check_names_file_line_and_key_and_no_value() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.toml");
    std::fs::write(
        &file,
        "[relay]\nulrs = [\"s3cr3t\"]\n\n[server]\nthreads = \"s3cr3t\"\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let (code, out, err) = run_text(folder.path(), &["config", "check", "--config", path]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains(&format!(
            "{path}:2: relay.ulrs: there is no such key; did you mean relay.urls?"
        )),
        "{err}"
    );
    assert!(
        err.contains(&format!(
            "{path}:5: server.threads: must be a whole number, not a text"
        )),
        "{err}"
    );
    assert!(!err.contains("s3cr3t"), "{err}");
    let output = stentor(&["config", "check", "--json", "--config", path])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["faults"][0]["line"], 2);
    assert_eq!(report["faults"][1]["key"], "server.threads");
}

#[test]
fn p2_environment_and_flags_override_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("stentor.toml"),
        "[relay.info]\nname = \"file\"\n[server]\nthreads = 2\n",
    )
    .unwrap();
    let show = |env: Option<&str>, set: &[&str]| {
        let mut command = stentor(&["config", "print", "--json", "--data"]);
        command.arg(folder.path()).args(set);
        if let Some(value) = env {
            command.env("STENTOR_RELAY__INFO__NAME", value);
        }
        let output = command.output().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        value["relay"]["info"]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(show(None, &[]), "file");
    assert_eq!(show(Some("environment"), &[]), "environment");
    assert_eq!(
        show(Some("environment"), &["--set", "relay.info.name=flag"]),
        "flag"
    );
}

#[test]
fn p2_a_node_does_not_start_on_a_faulty_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = run_text(folder.path(), &["serve", "--set", "relay.limits.limti=5"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains(
            "--set: relay.limits.limti: there is no such key; did you mean relay.limits.limit?"
        ),
        "{err}"
    );
    assert!(!folder.path().join("relay").exists());
}

#[test]
fn keys_are_made_in_all_spellings() {
    let folder = tempfile::tempdir().unwrap();
    let pair = run_json(folder.path(), &["keys", "generate", "--json"]);
    let secret = pair["secret_key"].as_str().unwrap();
    let key = stentor_event::SecretKey::from_hex(secret.as_bytes()).unwrap();
    assert_eq!(pair["public_key"], key.public_key().to_string());
    assert!(pair["nsec"].as_str().unwrap().starts_with("nsec1"));
    assert!(pair["npub"].as_str().unwrap().starts_with("npub1"));
    assert_ne!(
        run_json(folder.path(), &["keys", "generate", "--json"]),
        pair
    );
}

#[test]
fn completions_and_manual_are_there() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, _) = run_text(folder.path(), &["completions", shell]);
        assert_eq!(code, 0);
        assert!(out.contains("stentor") && out.contains("import"), "{shell}");
    }
    let (code, out, _) = run_text(folder.path(), &["man"]);
    assert_eq!(code, 0);
    assert!(out.contains(".TH stentor"), "{out}");
    let pages = folder.path().join("man");
    assert_eq!(
        run_text(folder.path(), &["man", "--output", pages.to_str().unwrap()]).0,
        0
    );
    assert!(pages.join("stentor-import.1").exists());
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_text(folder.path(), &["serv"]).0, 2);
    assert_eq!(
        run_text(folder.path(), &["config", "print", "--set", "novalue"]).0,
        2
    );
    assert_eq!(run_text(folder.path(), &["export"]).0, 1);
    let (_, _, err) = run_text(folder.path(), &["db", "stats"]);
    assert!(err.contains("there is no store in"), "{err}");
    assert!(!folder.path().join("relay").exists());
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = stentor(&["config", "reference"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
