//! Answers to connections that are not served.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::problem::Refusal;
use crate::stream::Socket;

/// Refusals being told at once; further ones are cut off without a word.
pub(super) const MAX_REFUSING: usize = 256;
/// How long a refused client may take to hear it.
const REFUSING: Duration = Duration::from_secs(2);

/// Answers without looking at the request, if fewer than [`MAX_REFUSING`] are being answered.
pub(super) async fn refuse(socket: Socket, refusal: Refusal, refusing: &Semaphore) {
    if let Ok(_place) = refusing.try_acquire() {
        let _ = timeout(REFUSING, tell(socket, &refusal)).await;
    }
}

/// Writes the refusal and reads until the client's end, as a socket closed with unread input is reset and the answer lost.
async fn tell(mut socket: Socket, refusal: &Refusal) -> io::Result<()> {
    let retry_after = refusal
        .retry_after
        .map(|seconds| format!("retry-after: {seconds}\r\n"))
        .unwrap_or_default();
    let text = format!(
        "HTTP/1.1 {} {}\r\n{retry_after}content-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{}\n",
        refusal.status.as_u16(),
        refusal.status.canonical_reason().unwrap_or(""),
        refusal.detail.len() + 1,
        refusal.detail,
    );
    socket.write_all(text.as_bytes()).await?;
    socket.shutdown().await?;
    let mut sink = [0; 1024];
    for _ in 0..64 {
        if socket.read(&mut sink).await? == 0 {
            break;
        }
    }
    Ok(())
}
