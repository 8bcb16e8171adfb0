//! A real relay on a real socket, and a client that was not written by us.

mod admin;
mod client;
mod logs;
mod make;
mod node;
mod plain;
mod proxy;
mod scripted;
mod searching;
mod web;

use std::time::Duration;

pub use admin::http_auth;
pub use client::{Answer, Client};
pub use logs::Logs;
pub use make::*;
pub use node::{Node, without_rates};
pub use plain::PlainRelay;
pub use proxy::Proxy;
pub use scripted::{Words, scripted};
pub use searching::Searching;
pub use web::{Does, Web};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Which store a test runs over.
#[derive(Debug, Clone, Copy)]
pub enum Engine {
    Memory,
    Embedded,
}

/// Runs each test over each engine.
macro_rules! over_both_engines {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::harness::Engine::Memory).await;
            })*
        }
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::harness::Engine::Embedded).await;
            })*
        }
    };
}
pub(crate) use over_both_engines;
