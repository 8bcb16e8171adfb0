//! This program as another process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names the folder that the other process works on; also tells it that it is the other one.
const FOLDER: &str = "STENTOR_TEST_FOLDER";

/// This program, writing and indexing in a folder.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child::writes_until_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

#[test]
fn writes_until_killed() {
    if let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) {
        super::crash::write(&folder);
    }
}
