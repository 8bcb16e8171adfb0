//! This program as another process.

use std::process::{Command, Stdio};

use stentor_sql::{DatabaseConfig, DatabaseUrl};

/// Names the file that the other process works on, or the socket's folder and database; also tells it that it is the other.
const FILE: &str = "STENTOR_TEST_FILE";
const URL: &str = "STENTOR_TEST_URL";

/// This program, running one of the tests below.
pub fn command(test: &str, file: &std::path::Path, url: Option<&str>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("child::{test}"), "--nocapture"])
        .env(FILE, file)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    if let Some(url) = url {
        command.env(URL, url);
    }
    command
}

fn config() -> Option<DatabaseConfig> {
    Some(DatabaseConfig {
        path: std::env::var_os(FILE)?.into(),
        url: std::env::var(URL).ok().map(DatabaseUrl::new),
        ..DatabaseConfig::default()
    })
}

/// Does nothing when it is run with the others.
#[test]
fn writes_until_killed() {
    if let Some(config) = config() {
        super::killing::write(config);
    }
}
