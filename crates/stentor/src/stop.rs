//! The wish that work ends early, as a channel that becomes true.

use tokio::sync::watch;

/// Waits until the wish is there; for ever when it can no longer come.
pub async fn wished(stop: &mut watch::Receiver<bool>) {
    // The guard that `wait_for` gives must not live on in the caller's future.
    let closed = stop.wait_for(|stop| *stop).await.is_err();
    if closed {
        std::future::pending::<()>().await;
    }
}
