//! Listening sockets passed in by systemd (`sd_listen_fds(3)`).
#![allow(unsafe_code)]

use std::env;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use super::ListeningSocket;

/// The first descriptor, by definition of the protocol.
const FIRST: RawFd = 3;
/// More than any unit passes.
const MOST: usize = 64;

static TAKEN: AtomicBool = AtomicBool::new(false);

/// A socket passed in.
#[derive(Debug)]
pub struct Inherited {
    /// `FileDescriptorName=` of the socket unit.
    pub name: String,
    /// The socket. The file of a Unix socket stays the service manager's.
    pub socket: ListeningSocket,
}

/// Takes the sockets that were passed to this process; none on a second call, or when they were meant for another process.
/// What is no listening TCP or Unix socket is left out, with a word in the log.
#[must_use]
pub fn inherited() -> Vec<Inherited> {
    let number = |name: &str| env::var(name).ok()?.parse::<usize>().ok();
    let count = number("LISTEN_FDS").unwrap_or(0);
    if number("LISTEN_PID") != Some(std::process::id() as usize) || count == 0 || count > MOST {
        return Vec::new();
    }
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Vec::new();
    }
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':').map(str::to_owned);
    let numbers = (FIRST..).take(count);
    numbers
        .filter_map(|fd| take(fd, names.next().unwrap_or_default()))
        .collect()
}

fn take(fd: RawFd, name: String) -> Option<Inherited> {
    // SAFETY: LISTEN_PID names this process, so the service manager opened descriptors 3 to 3 + LISTEN_FDS for it alone; nothing
    // else of this process owns them, and `TAKEN` sees to it that they are taken once.
    let passed = unsafe { OwnedFd::from_raw_fd(fd) };
    // The duplicate is closed on exec, which the passed one is not.
    let socket = passed.try_clone().and_then(ListeningSocket::from_fd);
    match socket {
        Ok(socket) => Some(Inherited { name, socket }),
        Err(error) => {
            tracing::warn!(name, %error, "a passed descriptor is not used");
            None
        }
    }
}
