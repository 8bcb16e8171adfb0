//! A listener that must stay untouched.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Counts whoever connects to it, and closes the connection. Ends when dropped.
#[derive(Debug)]
pub struct Tripwire {
    address: SocketAddr,
    touched: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Tripwire {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is none.
    pub async fn new() -> io::Result<Self> {
        Self::at((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Listens at this address, such as one that is on loopback and yet nobody's to dial.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn at(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let touched = Arc::new(AtomicU64::new(0));
        let counter = touched.clone();
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self {
            address,
            touched,
            task,
        })
    }

    /// Its URL as a relay.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often it was connected to.
    pub fn touched(&self) -> u64 {
        self.touched.load(Ordering::SeqCst)
    }
}

impl Drop for Tripwire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn touches_are_counted() {
        let wire = Tripwire::new().await.unwrap();
        assert_eq!(wire.touched(), 0);
        let mut stream = TcpStream::connect(wire.address()).await.unwrap();
        // Closed by the other side once it was counted.
        let _ = stream.read(&mut [0]).await;
        assert_eq!(wire.touched(), 1);
    }
}
