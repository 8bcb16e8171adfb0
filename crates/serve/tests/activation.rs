//! Sockets passed in by the service manager, with a shell in its place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use stentor_serve::ListeningSocket;

/// Runs in the child; does nothing when the tests are run.
#[test]
fn child() {
    let mut sockets = stentor_serve::inherited();
    if sockets.is_empty() {
        return;
    }
    let inherited = sockets.remove(0);
    assert!(sockets.is_empty() && stentor_serve::inherited().is_empty());
    let ListeningSocket::Tcp(socket) = inherited.socket else {
        panic!("not TCP")
    };
    let (mut stream, _) = socket.accept().unwrap();
    stream.write_all(inherited.name.as_bytes()).unwrap();
}

#[test]
fn r8_3_a_passed_socket_is_served() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    fcntl_setfd(&socket, FdFlags::empty()).unwrap();
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "exec 3<&{}; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec {} --exact child",
        socket.as_raw_fd(),
        program.display()
    );
    let mut child = Command::new("sh").args(["-c", &script]).spawn().unwrap();
    let mut got = String::new();
    TcpStream::connect(address)
        .unwrap()
        .read_to_string(&mut got)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(got, "web");
    // Meant for another process: left alone.
    assert!(stentor_serve::inherited().is_empty());
}
