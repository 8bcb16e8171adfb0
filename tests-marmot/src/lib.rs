//! Groups of Marmot (MLS over Nostr) across a running relay: what their tests share (R7).
//!
//! The other side is mdk-core, the library that applications are made with: it makes the key packages, welcomes and group messages, the
//! relay carries them, and only those who are meant to can read them.

pub mod connection;
pub mod member;
#[path = "../../crates/stentor/tests/common/node.rs"]
pub mod node;

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The binary, with a clean environment: `STENTOR_BINARY`, or what `cargo build` has left in the workspace.
pub fn stentor(args: &[&str]) -> Command {
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/debug/stentor");
    let binary = std::env::var_os("STENTOR_BINARY").map_or_else(built, PathBuf::from);
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STENTOR_") {
            command.env_remove(name);
        }
    }
    command.args(args).stdin(Stdio::null());
    command
}
