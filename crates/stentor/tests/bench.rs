//! `stentor bench`: the simulated network as a command.

mod common;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use common::{run_text, stentor};

#[test]
fn o5_4_the_simulated_network_runs_until_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let (urls, authority) = (folder.path().join("urls"), folder.path().join("ca.pem"));
    let mut command = stentor(&["bench", "network", "--seed", "3", "--events", "200"]);
    command.arg("--urls").arg(&urls);
    command.arg("--authority").arg(&authority);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut printed = Vec::new();
    for line in lines.map_while(Result::ok) {
        if line.starts_with("ready: ") {
            break;
        }
        printed.push(line);
    }
    assert!(printed.len() >= 36);
    let written = std::fs::read_to_string(&urls).unwrap();
    assert_eq!(written.lines().collect::<Vec<_>>(), printed);
    let pem = std::fs::read_to_string(&authority).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
    let first = printed[0].trim_start_matches("ws://").trim_end_matches('/');
    TcpStream::connect(first).unwrap();
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(TcpStream::connect(first).is_err());
}

#[test]
fn o5_4_what_makes_no_network_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [
        &["--relays", "0"][..],
        &["--relays", "5", "--cast"],
        &["--listen-from", "0"],
    ] {
        let arguments = [&["bench", "network"][..], wrong].concat();
        assert_eq!(run_text(folder.path(), &arguments).0, 2, "{wrong:?}");
    }
}
