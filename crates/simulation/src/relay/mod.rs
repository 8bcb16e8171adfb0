//! One simulated relay.

mod answer;
mod connection;
mod holdings;
mod listener;
mod log;
mod reading;
mod reconcile;
mod shared;
mod writing;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use stentor_event::Event;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use crate::character::Character;
use crate::truth::Truth;

pub(crate) use holdings::Holdings;
pub(crate) use listener::reserve;
pub use log::Asked;
use shared::Shared;
pub(crate) use shared::{Birth, url};

/// One relay of a network. It ends when the network is dropped.
pub struct Relay {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Begins to listen at a port.
    pub(crate) fn start(birth: Birth, port: TcpSocket) -> Self {
        let shared = Arc::new(Shared::new(birth));
        let task = tokio::spawn(listener::run(shared.clone(), port));
        Self { shared, task }
    }

    /// Its canonical URL, `ws://127.0.0.1:PORT/` or the same with `wss`.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Its place in the network, from 0.
    pub fn number(&self) -> usize {
        self.shared.birth.number
    }

    /// How it behaves.
    pub fn character(&self) -> Character {
        self.shared.birth.character
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.birth.address
    }

    /// What there was to be had from it when it was started.
    pub fn truth(&self) -> &Truth {
        &self.shared.birth.truth
    }

    /// TCP connections that it has ever accepted.
    pub fn connections(&self) -> u64 {
        self.shared.log.connections.load(Ordering::SeqCst)
    }

    /// `REQ` and `NEG-OPEN` messages that it has ever received.
    pub fn requests(&self) -> u64 {
        self.shared.log.requests.load(Ordering::SeqCst)
    }

    /// What it was asked for, the last 2,000 entries, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = self.shared.log.asked().into_iter();
        asked.map(|(_, asked)| asked).collect()
    }

    /// As [`Relay::asked`], with the number of the connection that each came on: the first that the relay accepted is 1. Connections
    /// are accepted in the order in which they were made.
    pub fn asked_on(&self) -> Vec<(u64, Asked)> {
        self.shared.log.asked()
    }

    /// The events that were sent to it and that it accepted, the last 2,000, oldest first. Those that it loses are among them.
    pub fn published(&self) -> Vec<Event> {
        self.shared.log.published()
    }

    /// The events that it has now, newest first.
    pub fn events(&self) -> Vec<Event> {
        self.shared.holdings.read().events().to_vec()
    }

    /// Gives it an event as if somebody had published it, whatever it does with those of others: live subscriptions get it, and it
    /// is kept unless it is ephemeral. [`Relay::truth`] and [`Relay::published`] do not tell of it.
    pub async fn publish(&self, event: Event) {
        self.shared.take(&event);
    }

    /// Takes it offline: its port is closed, and so are its connections. Takes effect in a moment, which
    /// `until(|relay| !relay.is_listening())` waits for.
    pub fn cut(&self) {
        self.shared.offline.send_replace(true);
    }

    /// Brings it back on the same port. Takes effect in a moment, which `until(Relay::is_listening)` waits for.
    pub fn restore(&self) {
        self.shared.offline.send_replace(false);
    }

    /// Whether its port is open.
    pub fn is_listening(&self) -> bool {
        self.shared.listening.load(Ordering::SeqCst)
    }

    /// Waits until something holds for the relay; looks again whenever a counter, a log or its port changes.
    pub async fn until(&self, reached: impl Fn(&Self) -> bool) {
        self.shared.log.until(|| reached(self)).await;
    }

    /// Ends it: port and connections are closed.
    pub(crate) async fn stop(mut self) {
        self.cut();
        self.task.abort();
        // Cancelled is what it shall be.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Relay({} at {})", self.character(), self.url())
    }
}
