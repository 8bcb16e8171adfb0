//! This program as another process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names the folder that the other process works on; also tells it that it is the other one.
const FOLDER: &str = "STENTOR_TEST_FOLDER";

/// This program, running one of the tests below on a folder.
pub fn command(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("child::{test}"), "--nocapture"])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// What the other process said until its end.
pub fn run(test: &str, folder: &Path) -> String {
    let output = command(test, folder).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

#[test]
fn tries_to_open() {
    if let Some(folder) = folder() {
        super::locking::try_to_open(&folder);
    }
}

#[test]
fn writes_until_killed() {
    if let Some(folder) = folder() {
        super::killing::write(&folder);
    }
}
