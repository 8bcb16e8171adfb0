//! A way to a relay that can be cut: what a broken network looks like.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::PATIENCE;

/// A listener that passes connections on while it is open.
pub struct Proxy {
    pub address: SocketAddr,
    open: watch::Sender<bool>,
    /// Bytes from the relay after which everything is cut.
    left: Arc<AtomicU64>,
}

impl Proxy {
    /// A way to this address.
    pub async fn to(address: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            open: watch::Sender::new(true),
            left: Arc::new(AtomicU64::new(u64::MAX)),
        };
        let (open, left) = (proxy.open.clone(), Arc::clone(&proxy.left));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *open.borrow() {
                    let far = TcpStream::connect(address).await.unwrap();
                    tokio::spawn(carry(near, far, open.clone(), Arc::clone(&left)));
                }
            }
        });
        proxy
    }

    /// The URL clients use.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Cuts all connections, and new ones too.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Cuts when the relay has sent so many bytes more.
    pub fn cut_after(&self, bytes: u64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// Waits until it is cut.
    pub async fn is_cut(&self) {
        let mut open = self.open.subscribe();
        let cut = open.wait_for(|open| !open);
        timeout(PATIENCE, cut).await.expect("not cut").unwrap();
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.left.store(u64::MAX, Ordering::SeqCst);
        self.open.send_replace(true);
    }
}

async fn carry(near: TcpStream, far: TcpStream, open: watch::Sender<bool>, left: Arc<AtomicU64>) {
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let unlimited = Arc::new(AtomicU64::new(u64::MAX));
    let mut closed = open.subscribe();
    tokio::select! {
        () = pass(near_read, far_write, &unlimited, &open) => {}
        () = pass(far_read, near_write, &left, &open) => {}
        _ = closed.wait_for(|open| !open) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    left: &AtomicU64,
    open: &watch::Sender<bool>,
) {
    let mut buffer = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let before = left.load(Ordering::SeqCst);
        if before != u64::MAX {
            let after = before.saturating_sub(count as u64);
            left.store(after, Ordering::SeqCst);
            if after == 0 {
                open.send_replace(false);
                return;
            }
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
