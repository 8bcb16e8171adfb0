//! A WebSocket client of a hundred lines that sends whatever bytes it is told to.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::PATIENCE;

pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

pub struct Client<IO = TcpStream> {
    pub stream: IO,
    buffer: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Flags and opcode.
    pub first: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn text(&self) -> &str {
        assert_eq!(self.first, 0x81, "{self:?}");
        std::str::from_utf8(&self.payload).unwrap()
    }

    /// Code and reason of a close frame.
    pub fn close(&self) -> (u16, String) {
        assert_eq!(self.first, 0x88, "{self:?}");
        let code = u16::from_be_bytes([self.payload[0], self.payload[1]]);
        (code, String::from_utf8(self.payload[2..].to_vec()).unwrap())
    }
}

pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        long @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(long as u16).to_be_bytes());
        }
        longer => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(longer as u64).to_be_bytes());
        }
    }
    let mask = [0xa1, 0x52, 0x03, 0xf4];
    frame.extend_from_slice(&mask);
    frame.extend(
        payload
            .iter()
            .enumerate()
            .map(|(index, byte)| byte ^ mask[index % 4]),
    );
    frame
}

pub fn text(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes())
}

impl Client {
    pub async fn tcp(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            buffer: Vec::new(),
        }
    }

    /// With a small receive buffer, so that the server feels a slow reader soon.
    pub async fn narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 << 10).unwrap();
        Self {
            stream: socket.connect(address).await.unwrap(),
            buffer: Vec::new(),
        }
    }

    pub async fn connect(address: SocketAddr) -> Self {
        Self::tcp(address).await.upgraded("").await
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Client<IO> {
    pub fn over(stream: IO) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Does the handshake and takes the welcome.
    pub async fn upgraded(mut self, headers: &str) -> Self {
        let answer = self.request(&upgrade_request("/", headers)).await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        assert_eq!(self.next().await.text(), "welcome");
        self
    }

    /// Sends a request and reads the head of the answer.
    pub async fn request(&mut self, request: &str) -> String {
        // A refusal may come, and the socket go, before the request is out.
        let _ = self.stream.write_all(request.as_bytes()).await;
        self.head().await
    }

    pub async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                return String::from_utf8(self.buffer.drain(..end + 4).collect())
                    .unwrap()
                    .to_lowercase()
                    .replace("http/1.1", "HTTP/1.1");
            }
            assert!(
                self.fill().await,
                "the connection ended: {}",
                String::from_utf8_lossy(&self.buffer)
            );
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next bytes after the head; `None` at the end of the stream.
    pub async fn bytes(&mut self) -> Option<Vec<u8>> {
        if self.buffer.is_empty() && !self.fill().await {
            return None;
        }
        Some(std::mem::take(&mut self.buffer))
    }

    /// Puts back what was too much.
    pub fn unread(&mut self, bytes: &[u8]) {
        self.buffer.splice(..0, bytes.iter().copied());
    }

    async fn fill(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer))
            .await
            .expect("nothing came");
        read.is_ok_and(|count| count > 0)
    }

    /// The next frame; `None` at the end of the stream.
    pub async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, size)) = parse(&self.buffer) {
                self.buffer.drain(..size);
                return Some(frame);
            }
            if !self.fill().await {
                assert!(self.buffer.is_empty(), "half a frame");
                return None;
            }
        }
    }

    pub async fn next(&mut self) -> Frame {
        self.frame().await.expect("the connection ended")
    }

    /// Reads until the close frame and the end of the stream.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            let frame = self.next().await;
            if frame.first == 0x88 {
                assert_eq!(self.frame().await, None);
                return frame.close();
            }
        }
    }

    pub async fn ended(&mut self) {
        while self.fill().await {}
    }
}

fn parse(buffer: &[u8]) -> Option<(Frame, usize)> {
    let (first, second) = (*buffer.first()?, *buffer.get(1)?);
    assert_eq!(second & 0x80, 0, "a server's frame is not masked");
    let (length, start) = match second {
        126 => (
            u64::from(u16::from_be_bytes(buffer.get(2..4)?.try_into().unwrap())),
            4,
        ),
        127 => (
            u64::from_be_bytes(buffer.get(2..10)?.try_into().unwrap()),
            10,
        ),
        short => (u64::from(short), 2),
    };
    let end = start + length as usize;
    let payload = buffer.get(start..end)?.to_vec();
    Some((Frame { first, payload }, end))
}

pub fn upgrade_request(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{headers}\r\n"
    )
}
