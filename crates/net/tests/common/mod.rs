//! What the tests of outbound connections share: a name server and listeners on loopback.

#![allow(dead_code)]

pub mod dns;
pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stentor_net::dial::{Config, Dialer};
use tokio::net::{TcpListener, TcpStream};

/// A dialer for tests: loopback is allowed for strangers, names go to `dns`.
pub fn loopback_dialer(dns: SocketAddr) -> Dialer {
    Dialer::new(&Config {
        allow: vec!["127.0.0.0/8".into()],
        ..config(dns)
    })
    .unwrap()
}

/// The configuration in which names go to `dns`.
pub fn config(dns: SocketAddr) -> Config {
    Config {
        name_servers: vec![dns.to_string()],
        ..Config::default()
    }
}

/// A listener that counts its visitors.
pub struct Trap {
    pub address: SocketAddr,
    visits: Arc<AtomicUsize>,
}

impl Trap {
    pub async fn set() -> Self {
        let visits = Arc::new(AtomicUsize::new(0));
        let counter = visits.clone();
        let address = serve(move |_stream| {
            counter.fetch_add(1, Ordering::SeqCst);
            async {}
        })
        .await;
        Self { address, visits }
    }

    /// How many connections have come. One of our own makes sure that earlier ones were seen.
    pub async fn visits(&self) -> usize {
        let before = self.visits.load(Ordering::SeqCst);
        TcpStream::connect(self.address).await.unwrap();
        while self.visits.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
        self.visits.fetch_sub(1, Ordering::SeqCst) - 1
    }
}

/// Serves connections on loopback, each with a task of its own.
pub async fn serve<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}
