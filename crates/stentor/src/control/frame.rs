//! Frames of the control socket: one byte that says what it is, the length (32 bits, little-endian), the payload.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Largest payload.
pub const MAX_PAYLOAD: usize = 1024 * 1024;
/// Largest result, in all its parts. Above it, the node holds more for one answer than commands are made for.
pub const MAX_RESULT: usize = 256 * 1024 * 1024;
/// Bytes before the payload.
pub const HEAD: usize = 5;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// The job, as JSON. From the client, first.
    Job = b'J',
    /// Bytes of the input or the output.
    Data = b'D',
    /// The input is complete: without it the client has gone away in the middle.
    End = b'E',
    /// How far the job has got, as JSON.
    Progress = b'P',
    /// A part of a result that does not fit into one frame; the rest follows.
    Part = b'O',
    /// The result, or the rest of it, as JSON. The last frame.
    Done = b'R',
    /// What went wrong, as text. The last frame.
    Failed = b'F',
    /// Descriptors of sockets come beside this frame, and what they are in it, as JSON.
    Sockets = b'L',
    /// The client wishes the job to end early; what was done until then is reported.
    Stop = b'S',
}

impl Tag {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Job,
            Self::Data,
            Self::End,
            Self::Progress,
            Self::Part,
            Self::Done,
            Self::Failed,
            Self::Sockets,
            Self::Stop,
        ]
        .into_iter()
        .find(|tag| *tag as u8 == byte)
    }
}

/// What a frame begins with: what it is, and its length.
///
/// # Errors
/// A payload above [`MAX_PAYLOAD`].
pub fn head(tag: Tag, payload: &[u8]) -> io::Result<[u8; HEAD]> {
    if payload.len() > MAX_PAYLOAD {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the frame is too large",
        ));
    }
    let [a, b, c, d] = u32::try_from(payload.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    Ok([tag as u8, a, b, c, d])
}

/// Sends a frame.
///
/// # Errors
/// Those of the socket; a payload above [`MAX_PAYLOAD`].
pub async fn send(
    socket: &mut (impl AsyncWrite + Unpin),
    tag: Tag,
    payload: &[u8],
) -> io::Result<()> {
    let head = head(tag, payload)?;
    socket.write_all(&head).await?;
    socket.write_all(payload).await
}

/// Sends the result, in as many frames as it takes.
///
/// # Errors
/// Those of the socket.
pub async fn send_result(socket: &mut (impl AsyncWrite + Unpin), result: &[u8]) -> io::Result<()> {
    if result.len() > MAX_RESULT {
        let text = format!(
            "the result has {} bytes; {MAX_RESULT} can be given",
            result.len()
        );
        return send(socket, Tag::Failed, text.as_bytes()).await;
    }
    let last = result.len().saturating_sub(1) / MAX_PAYLOAD * MAX_PAYLOAD;
    let (parts, rest) = result.split_at(last);
    for part in parts.chunks(MAX_PAYLOAD) {
        send(socket, Tag::Part, part).await?;
    }
    send(socket, Tag::Done, rest).await
}

/// Receives a frame; `None` at the end of the stream.
///
/// # Errors
/// Those of the socket; bytes that are no frame.
pub async fn receive(socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(Tag, Vec<u8>)>> {
    let first = match socket.read_u8().await {
        Ok(byte) => byte,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if Tag::from_byte(first).is_none() {
        return Err(invalid("not a frame of the control socket"));
    }
    let mut length = [0; HEAD - 1];
    socket.read_exact(&mut length).await?;
    let [a, b, c, d] = length;
    body([first, a, b, c, d], socket).await.map(Some)
}

/// Receives the rest of a frame that begins like this.
///
/// # Errors
/// As [`receive`].
pub async fn body(
    head: [u8; HEAD],
    socket: &mut (impl AsyncRead + Unpin),
) -> io::Result<(Tag, Vec<u8>)> {
    let [tag, a, b, c, d] = head;
    let tag = Tag::from_byte(tag).ok_or_else(|| invalid("not a frame of the control socket"))?;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > MAX_PAYLOAD {
        return Err(invalid("the frame is too large"));
    }
    let mut payload = vec![0; length];
    socket.read_exact(&mut payload).await?;
    Ok((tag, payload))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_arrive_as_sent() {
        let (mut here, mut there) = tokio::io::duplex(1 << 21);
        send(&mut here, Tag::Job, b"{}").await.unwrap();
        send(&mut here, Tag::Data, &vec![7; MAX_PAYLOAD])
            .await
            .unwrap();
        send(&mut here, Tag::End, b"").await.unwrap();
        drop(here);
        assert_eq!(
            receive(&mut there).await.unwrap(),
            Some((Tag::Job, b"{}".to_vec()))
        );
        assert_eq!(
            receive(&mut there).await.unwrap(),
            Some((Tag::Data, vec![7; MAX_PAYLOAD]))
        );
        assert_eq!(
            receive(&mut there).await.unwrap(),
            Some((Tag::End, Vec::new()))
        );
        assert_eq!(receive(&mut there).await.unwrap(), None);
    }

    async fn sent_and_received(length: usize) -> Vec<usize> {
        let (mut here, mut there) = tokio::io::duplex(1 << 23);
        let result: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        send_result(&mut here, &result).await.unwrap();
        let (mut all, mut sizes) = (Vec::new(), Vec::new());
        loop {
            let (tag, payload) = receive(&mut there).await.unwrap().unwrap();
            sizes.push(payload.len());
            all.extend(payload);
            if tag == Tag::Done {
                assert_eq!(all, result);
                return sizes;
            }
            assert_eq!(tag, Tag::Part);
        }
    }

    #[tokio::test]
    async fn r3_2_results_of_any_length_arrive() {
        const FULL: usize = MAX_PAYLOAD;
        assert_eq!(sent_and_received(0).await, [0]);
        assert_eq!(sent_and_received(FULL).await, [FULL]);
        assert_eq!(sent_and_received(FULL + 1).await, [FULL, 1]);
        assert_eq!(sent_and_received(3 * FULL).await, [FULL; 3]);
    }

    #[tokio::test]
    async fn other_bytes_are_refused() {
        assert!(receive(&mut &b"GET / HTTP/1.1"[..]).await.is_err());
        assert!(receive(&mut &b"D\xff\xff\xff\xff"[..]).await.is_err());
        assert!(receive(&mut &b"D\x05\0\0\0abc"[..]).await.is_err());
    }
}
