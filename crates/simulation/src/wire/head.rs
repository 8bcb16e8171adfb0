//! The head of an HTTP request.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Bytes of a head, at most.
const MAX_BYTES: usize = 16 * 1024;
/// How long it may take to come.
const TIME: Duration = Duration::from_secs(10);

/// The head of a request, and what came behind it.
pub(crate) struct Head {
    /// Names in lower case, and values.
    fields: Vec<(String, String)>,
    /// What the client has sent behind the head already.
    pub(crate) rest: Vec<u8>,
}

impl Head {
    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(field, _)| field == name)?;
        Some(&found.1)
    }

    /// The key of a WebSocket handshake, where the request is one.
    pub(crate) fn websocket_key(&self) -> Option<&str> {
        let upgrade = self.field("upgrade")?;
        (upgrade.eq_ignore_ascii_case("websocket")).then_some(self.field("sec-websocket-key")?)
    }

    /// Whether the relay's information document is asked for (NIP-11).
    pub(crate) fn wants_information(&self) -> bool {
        let accept = self.field("accept");
        accept.is_some_and(|accept| accept.contains("application/nostr+json"))
    }
}

/// Reads a head; `None` when none comes in time, or one that is too long.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<Head> {
    timeout(TIME, read(stream)).await.ok()?
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Head> {
    let mut bytes = Vec::with_capacity(1_024);
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 || bytes.len() > MAX_BYTES {
            return None;
        }
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            return parse(&bytes, end);
        }
    }
}

fn parse(bytes: &[u8], end: usize) -> Option<Head> {
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let fields = text.lines().skip(1).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    });
    Some(Head {
        fields: fields.collect(),
        rest: bytes.get(end + 4..)?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_is_read_and_what_follows_is_kept() {
        let text = b"GET / HTTP/1.1\r\nUPGRADE: WebSocket\r\nSec-WebSocket-Key: abc\r\nAccept: application/nostr+json\r\n\r\nrest";
        let head = read_head(&mut &text[..]).await.unwrap();
        assert_eq!(head.websocket_key(), Some("abc"));
        assert!(head.wants_information());
        assert_eq!(head.rest, b"rest");
        assert!(read_head(&mut &text[..40]).await.is_none());
        assert!(read_head(&mut &[b'a'; MAX_BYTES + 2][..]).await.is_none());
    }
}
