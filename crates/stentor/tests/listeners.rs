//! Several listeners of one node: TLS and its certificates, Unix sockets, proxies, what a reload changes (R3.4, R8.4).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::client::Client;
use common::events::{event, key, note, now, text};
use common::node::{Node, get, wait_for};
use common::{run_text, stentor};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use stentor_event::Event;
use tungstenite::{Message, WebSocket};

type Secure = StreamOwned<ClientConnection, TcpStream>;

/// Writes a new pair for `localhost` into the folder.
fn write_pair(folder: &Path) -> CertificateDer<'static> {
    let pair = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let made = params.self_signed(&pair).unwrap();
    std::fs::write(folder.join("cert.pem"), made.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), pair.serialize_pem()).unwrap();
    made.der().clone()
}

/// Connects by TLS to a server that must show this certificate.
fn connect(
    address: &str,
    certificate: &CertificateDer<'static>,
) -> Result<WebSocket<Secure>, String> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    tungstenite::client("wss://localhost/", StreamOwned::new(tls, socket))
        .map(|(client, _)| client)
        .map_err(|error| error.to_string())
}

/// What the relay answers, AUTH aside.
fn ask<S: Read + Write>(client: &mut WebSocket<S>, message: String) -> Value {
    client.send(Message::text(message)).unwrap();
    loop {
        if let Message::Text(text) = client.read().unwrap() {
            let answer: Value = serde_json::from_str(text.as_str()).unwrap();
            if answer[0] != "AUTH" {
                return answer;
            }
        }
    }
}

fn stored<S: Read + Write>(client: &mut WebSocket<S>) -> Value {
    ask(client, json!(["REQ", "s", { "limit": 1 }]).to_string())
}

/// A node with a TLS listener whose pair is in the folder.
fn start_tls(data: &Path, pair: &Path, further: &[&str]) -> Node {
    let path = |name: &str| pair.join(name).display().to_string();
    let listeners = format!(
        "server.listeners=[{{ name = \"tls\", bind = \"127.0.0.1:0\", tls_certificate = \"{}\", tls_key = \"{}\" }}]",
        path("cert.pem"),
        path("key.pem")
    );
    Node::start(data, &[&["--set", &listeners], further].concat())
}

fn metric(node: &Node, name: &str) -> Option<f64> {
    let (_, metrics) = get(&node.operations, "/metrics", "*/*");
    let line = metrics.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

#[test]
fn r3_4_listeners_side_by_side_serve_one_relay() {
    let (folder, pair) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificate = write_pair(pair.path());
    let path = folder.path().join("relay.sock");
    let listeners = format!(
        "server.listeners=[{{ name = \"tls\", bind = \"127.0.0.1:0\", tls_certificate = \"{0}/cert.pem\", tls_key = \"{0}/key.pem\" }}, \
         {{ name = \"local\", bind = \"unix:{1}\", unix_mode = \"0600\" }}]",
        pair.path().display(),
        path.display()
    );
    let node = Node::start(folder.path(), &["--set", &listeners]);
    assert!(
        node.ready.contains(&format!(" unix:{} ", path.display())),
        "{}",
        node.ready
    );
    let event = note(1, 1);
    let mut secure = connect(node.place("wss://"), &certificate).unwrap();
    let answer = ask(&mut secure, format!("[\"EVENT\",{}]", text(&event)));
    assert_eq!(answer[2], true, "{answer}");
    assert_eq!(
        Client::connect(&node.url)
            .stored(json!({ "kinds": [1] }))
            .len(),
        1
    );
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let (mut local, _) =
        tungstenite::client("ws://localhost/", UnixStream::connect(&path).unwrap()).unwrap();
    assert_eq!(stored(&mut local)[2]["id"], event.id().to_string());
    let expires = metric(
        &node,
        "stentor_tls_certificate_expires_seconds{listener=\"tls\"}",
    );
    assert!(expires.unwrap() > 1.0e9);
    assert_eq!(node.stop().0, 0);
    assert!(!path.exists());
}

/// Proves a key; the challenge is the first message.
fn authenticate<S: Read + Write>(client: &mut WebSocket<S>, author: u8) {
    let challenge: Value = loop {
        if let Message::Text(text) = client.read().unwrap() {
            break serde_json::from_str(text.as_str()).unwrap();
        }
    };
    assert_eq!(challenge[0], "AUTH", "{challenge}");
    let tags: [&[&str]; 2] = [
        &["relay", "ws://localhost"],
        &["challenge", challenge[1].as_str().unwrap()],
    ];
    let proof = event(author, 22_242, now(), &tags, "");
    let answer = ask(client, format!("[\"AUTH\",{}]", text(&proof)));
    assert_eq!(answer[2], true, "{answer}");
}

#[test]
fn r3_4_one_listener_is_for_anyone_and_one_for_members() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("members.sock");
    let listeners = format!(
        "server.listeners=[{{ name = \"members\", bind = \"unix:{}\" }}]",
        path.display()
    );
    let access =
        "relay.access.listeners=[{ name = \"members\", read = \"members\", write = \"members\" }]";
    let node = Node::start(folder.path(), &["--set", &listeners, "--set", access]);
    let member = key(1).public_key().to_string();
    let (status, _, error) = run_text(folder.path(), &["admin", "addmember", &member]);
    assert_eq!(status, 0, "{error}");
    let inside = || {
        let socket = UnixStream::connect(&path).unwrap();
        tungstenite::client("ws://localhost/", socket).unwrap().0
    };
    let refused = |answer: Value, verb: &str, prefix: &str| {
        let place = if verb == "OK" { 3 } else { 2 };
        let reason = answer[place].as_str().unwrap_or_default();
        assert!(answer[0] == verb && reason.starts_with(prefix), "{answer}");
    };
    let publish = |event: Event| format!("[\"EVENT\",{}]", text(&event));
    let of_stranger = note(2, 2);
    // Here anybody reads and writes.
    let mut open = Client::connect(&node.url);
    assert!(open.publish(&of_stranger).0);
    assert_eq!(open.stored(json!({ "kinds": [1] })).len(), 1);
    // There nobody does but members.
    let mut nobody = inside();
    refused(stored(&mut nobody), "CLOSED", "auth-required: ");
    let mut stranger = inside();
    authenticate(&mut stranger, 2);
    refused(stored(&mut stranger), "CLOSED", "restricted: ");
    let more = publish(note(2, 3));
    refused(ask(&mut stranger, more), "OK", "restricted: ");
    let mut client = inside();
    authenticate(&mut client, 1);
    assert_eq!(stored(&mut client)[2]["id"], of_stranger.id().to_string());
    let mut writer = inside();
    let answer = ask(&mut writer, publish(note(1, 1)));
    assert_eq!(answer[2], true, "its author counts: {answer}");
    assert_eq!(open.stored(json!({ "kinds": [1] })).len(), 2);
    assert_eq!(node.stop().0, 0);
}

#[test]
fn r3_4_a_hangup_takes_a_new_certificate_and_drops_nobody() {
    let (folder, pair) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = write_pair(pair.path());
    let node = start_tls(folder.path(), pair.path(), &[]);
    let address = node.place("wss://").to_owned();
    let mut open = connect(&address, &old).unwrap();
    assert_eq!(stored(&mut open)[0], "EOSE");
    let new = write_pair(pair.path());
    node.signal("HUP");
    wait_for("the new certificate", || connect(&address, &new).is_ok());
    assert!(connect(&address, &old).is_err());
    assert_eq!(stored(&mut open)[0], "EOSE");
    // The key of another certificate: nothing changes.
    let other = tempfile::tempdir().unwrap();
    write_pair(other.path());
    std::fs::copy(other.path().join("key.pem"), pair.path().join("key.pem")).unwrap();
    node.signal("HUP");
    let failed = "stentor_tls_reloads_total{listener=\"tls\",outcome=\"failed\"}";
    wait_for("the failure in the metrics", || {
        metric(&node, failed) == Some(1.0)
    });
    connect(&address, &new).unwrap();
    let (_, log) = node.stop();
    assert!(
        log.contains("the certificate before stays in force"),
        "{log}"
    );
    assert!(!log.contains("PRIVATE KEY"), "{log}");
}

/// A listener that is to speak TLS from now on never goes on without it while the log says that all is well.
#[test]
fn r3_4_a_reload_with_a_pair_that_is_not_there_changes_nothing() {
    let (folder, pair) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = folder.path().join("stentor.toml");
    let write = |name: &str, further: &str| {
        let text = format!(
            "[relay.info]\nname = \"{name}\"\n[[server.listeners]]\nname = \"tls\"\nbind = \"127.0.0.1:0\"\n{further}\n"
        );
        std::fs::write(&file, text).unwrap();
    };
    let tls = format!(
        "tls_certificate = \"{0}/cert.pem\"\ntls_key = \"{0}/key.pem\"",
        pair.path().display()
    );
    write("plain", "");
    let node = Node::start(folder.path(), &[]);
    let mut plain = node.ready.split_whitespace();
    let plain = plain.rfind(|word| word.starts_with("ws://")).unwrap();
    let address = plain.trim_start_matches("ws://");
    write("secure", &tls);
    node.signal("HUP");
    let failed = "stentor_tls_reloads_total{listener=\"tls\",outcome=\"failed\"}";
    wait_for("the failure in the metrics", || {
        metric(&node, failed) == Some(1.0)
    });
    let name = || {
        let (_, body) = get(node.address(), "/", "application/nostr+json");
        serde_json::from_str::<Value>(&body).unwrap()["name"].clone()
    };
    assert_eq!(name(), "plain", "nothing of it is in force");
    let certificate = write_pair(pair.path());
    node.signal("HUP");
    wait_for("TLS", || connect(address, &certificate).is_ok());
    assert!(Client::try_connect(plain).is_err());
    assert_eq!(name(), "secure");
    let (_, log) = node.stop();
    assert!(
        log.contains("configuration not reloaded") && log.contains("the listener tls: cannot read"),
        "{log}"
    );
}

#[test]
fn r3_4_changed_files_are_noticed_without_a_signal() {
    let (folder, pair) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_pair(pair.path());
    let poll = ["--set", "server.certificate_poll_seconds=1"];
    let node = start_tls(folder.path(), pair.path(), &poll);
    let new = write_pair(pair.path());
    let address = node.place("wss://");
    wait_for("the new certificate", || connect(address, &new).is_ok());
}

#[test]
fn p2_config_check_reads_certificate_and_key() {
    let (folder, pair) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_pair(pair.path());
    let file = folder.path().join("stentor.toml");
    let write = |key: &Path| {
        let text = format!(
            "[[server.listeners]]\nname = \"tls\"\nbind = \"127.0.0.1:0\"\ntls_certificate = \"{}\"\ntls_key = \"{}\"\n",
            pair.path().join("cert.pem").display(),
            key.display()
        );
        std::fs::write(&file, text).unwrap();
        run_text(folder.path(), &["config", "check"])
    };
    let (code, _, err) = write(&pair.path().join("key.pem"));
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = write(&PathBuf::from("/nowhere/key.pem"));
    assert_eq!(code, 2);
    assert!(
        err.contains("stentor.toml:5: server.listeners[0].tls_key: cannot read /nowhere/key.pem"),
        "{err}"
    );
    let other = tempfile::tempdir().unwrap();
    write_pair(other.path());
    let (code, _, err) = write(&other.path().join("key.pem"));
    assert_eq!(code, 2);
    assert!(
        err.contains("stentor.toml:4: server.listeners[0].tls_certificate: certificate and key"),
        "{err}"
    );
    let (code, _, err) = run_text(folder.path(), &["serve"]);
    assert_eq!(code, 2, "systemd does not try again");
    assert!(
        err.contains("stentor.toml:4: server.listeners[0].tls_certificate: certificate and key"),
        "{err}"
    );
}

#[test]
fn r3_4_a_reload_changes_what_a_listener_is_told_but_not_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stentor.toml");
    let write = |further: &str| {
        let entry = format!(
            "[[server.listeners]]\nname = \"proxied\"\nbind = \"127.0.0.1:0\"\n{further}\n"
        );
        std::fs::write(&file, entry).unwrap();
    };
    write("connections = 1");
    let node = Node::start(folder.path(), &[]);
    let second = node
        .ready
        .split_whitespace()
        .filter(|word| word.starts_with("ws://"))
        .nth(1);
    let second = second.unwrap().to_owned();
    let first = Client::connect(&second);
    assert!(Client::try_connect(&second).is_err(), "its own cap");
    Client::connect(&node.url);
    write("connections = 0");
    node.signal("HUP");
    wait_for("a second connection", || {
        Client::try_connect(&second).is_ok()
    });
    drop(first);
    write("proxy_protocol = \"required\"\ntrusted_proxies = [\"127.0.0.1\"]");
    node.signal("HUP");
    wait_for("the header to be asked for", || {
        Client::try_connect(&second).is_err()
    });
    let mut socket = TcpStream::connect(second.trim_start_matches("ws://")).unwrap();
    socket
        .write_all(b"PROXY TCP6 2001:db8::1 ::1 4711 443\r\n")
        .unwrap();
    let (mut client, _) = tungstenite::client("ws://localhost/", socket).unwrap();
    assert_eq!(stored(&mut client)[0], "EOSE");
    std::fs::write(
        &file,
        "[[server.listeners]]\nname = \"other\"\nbind = \"127.0.0.1:0\"\n",
    )
    .unwrap();
    node.signal("HUP");
    Client::connect(&node.url);
    assert_eq!(stored(&mut client)[0], "EOSE");
    wait_for("the reload", || {
        metric(&node, "stentor_connections ").is_some()
    });
    let (_, log) = node.stop();
    assert!(
        log.contains("changes here take effect with a restart"),
        "{log}"
    );
}

#[test]
fn r8_4_a_unix_socket_left_behind_is_replaced_and_one_in_use_is_not() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("relay.sock");
    let listeners = format!(
        "server.listeners=[{{ name = \"local\", bind = \"unix:{}\" }}]",
        path.display()
    );
    let settings = ["--set", listeners.as_str()];
    Node::start(folder.path(), &settings).kill();
    assert!(path.exists(), "a node that is killed leaves it");
    let node = Node::start(folder.path(), &settings);
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--ops-listen",
        "",
        "--set",
        listeners.as_str(),
    ];
    let (code, _, err) = run_text(other.path(), &arguments);
    assert_eq!(code, 1);
    assert!(
        err.contains(&format!("cannot listen on {}", path.display())),
        "{err}"
    );
    let mut client = tungstenite::client("ws://localhost/", UnixStream::connect(&path).unwrap())
        .unwrap()
        .0;
    assert_eq!(stored(&mut client)[0], "EOSE");
    assert_eq!(node.stop().0, 0);
}

/// The service manager passes a Unix socket under the name of its listener; the first one is made by the node.
#[test]
fn p1_passed_sockets_go_to_the_listener_of_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passed.sock");
    let socket = UnixListener::bind(&path).unwrap();
    let binary = stentor(&["serve"]);
    let script =
        "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=local; exec \"$@\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh"])
        .arg(binary.get_program())
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--ops-listen",
            "127.0.0.1:0",
            "--data",
        ])
        .arg(folder.path())
        .args([
            "--set",
            "server.listeners=[{ name = \"local\", bind = \"unix:/nowhere/relay.sock\" }]",
        ])
        .stdin(Stdio::from(OwnedFd::from(socket)));
    let node = Node::from(command);
    let mut client = tungstenite::client("ws://localhost/", UnixStream::connect(&path).unwrap())
        .unwrap()
        .0;
    assert_eq!(stored(&mut client)[0], "EOSE");
    Client::connect(&node.url);
    assert_eq!(node.stop().0, 0);
    assert!(path.exists(), "the service manager's to remove");
}
