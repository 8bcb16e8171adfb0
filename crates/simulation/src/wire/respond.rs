//! Answers to HTTP requests.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Bytes of a request that are read and dropped once it has been answered.
const MAX_UNREAD: u64 = 64 * 1024;

/// An answer.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) media_type: &'static str,
    /// Where to go instead.
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn new(status: u16, media_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            media_type,
            location: None,
            body: body.into(),
        }
    }

    /// Writes it and ends the connection.
    pub(crate) async fn write(
        self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> io::Result<()> {
        let location = self.location.map(|url| format!("Location: {url}\r\n"));
        let head = format!(
            "HTTP/1.1 {} {}\r\nServer: stentor-simulation\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\
             Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n",
            self.status,
            phrase(self.status),
            self.media_type,
            self.body.len(),
            location.unwrap_or_default(),
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(self.body.as_bytes()).await?;
        stream.shutdown().await?;
        // A socket that is closed with something unread resets the connection, and the answer may be lost.
        let mut rest = stream.take(MAX_UNREAD);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
        Ok(())
    }
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        403 => "Forbidden",
        404 => "Not Found",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}

/// Answers a WebSocket handshake with this key.
pub(crate) async fn switch(stream: &mut (impl AsyncWrite + Unpin), key: &str) -> io::Result<()> {
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nServer: stentor-simulation\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await
}
