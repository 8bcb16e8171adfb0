//! What the black-box tests share: running the real binary, making events, talking to the relay.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

pub mod client;
pub mod collector;
pub mod events;
pub mod node;
pub mod observatory;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The binary, with a clean environment.
pub fn stentor(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stentor"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STENTOR_") {
            command.env_remove(name);
        }
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs the binary on a data folder to its end.
pub fn run(data: &Path, args: &[&str]) -> Output {
    stentor(args).arg("--data").arg(data).output().unwrap()
}

/// Runs the binary; its exit code, standard output and standard error.
pub fn run_text(data: &Path, args: &[&str]) -> (i32, String, String) {
    let output = run(data, args);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Runs the binary, which must succeed; what it printed as JSON.
pub fn run_json(data: &Path, args: &[&str]) -> Value {
    let (code, out, err) = run_text(data, args);
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
}

/// The ids of everything in the store.
pub fn exported_ids(data: &Path) -> Vec<String> {
    let (code, out, err) = run_text(data, &["export"]);
    assert_eq!(code, 0, "{err}");
    let id = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    out.lines().map(id).collect()
}
