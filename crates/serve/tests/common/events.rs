//! A reader of event streams to the letter of WHATWG HTML, section 9.2.6, and of the chunks that they come in.

use tokio::io::{AsyncRead, AsyncWrite};

use super::client::Client;

/// What a browser would dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatched {
    pub id: String,
    pub name: String,
    pub data: String,
}

/// Section 9.2.6, "Interpreting an event stream".
#[derive(Debug, Default)]
pub struct Parser {
    /// Bytes of a line that has not ended.
    line: Vec<u8>,
    /// Whether the last line ended with CR, so that a LF would belong to it.
    after_cr: bool,
    data: String,
    name: String,
    id: String,
    pub last_id: String,
    pub retry: Option<u64>,
    pub events: Vec<Dispatched>,
    pub comments: Vec<String>,
}

impl Parser {
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' if std::mem::take(&mut self.after_cr) => {}
                b'\n' | b'\r' => {
                    self.after_cr = *byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    self.read_line(std::str::from_utf8(&line).expect("UTF-8"));
                }
                byte => {
                    self.after_cr = false;
                    self.line.push(*byte);
                }
            }
        }
    }

    /// Whether all that was fed has been understood, and nothing was cut off.
    pub fn is_at_rest(&self) -> bool {
        self.line.is_empty() && self.data.is_empty() && self.name.is_empty()
    }

    fn read_line(&mut self, line: &str) {
        if line.is_empty() {
            return self.dispatch();
        }
        match line.split_once(':') {
            Some(("", comment)) => self.comments.push(comment.to_owned()),
            Some((field, value)) => self.field(field, value.strip_prefix(' ').unwrap_or(value)),
            None => self.field(line, ""),
        }
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => self.name = value.to_owned(),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.id = value.to_owned(),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = Some(value.parse().expect("a number"));
            }
            other => panic!("clients ignore this: {other}: {value:?}"),
        }
    }

    fn dispatch(&mut self) {
        self.last_id.clone_from(&self.id);
        let (data, name) = (
            std::mem::take(&mut self.data),
            std::mem::take(&mut self.name),
        );
        if data.is_empty() {
            return;
        }
        let name = if name.is_empty() { "message" } else { &name };
        self.events.push(Dispatched {
            id: self.last_id.clone(),
            name: name.to_owned(),
            data: data.strip_suffix('\n').unwrap_or(&data).to_owned(),
        });
    }
}

/// A stream being read.
pub struct Reading<IO = tokio::net::TcpStream> {
    pub client: Client<IO>,
    pub head: String,
    raw: Vec<u8>,
    pub parser: Parser,
    pub ended: Option<End>,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With the last chunk, and then the end of the connection.
    Complete,
    /// In the middle.
    Cut,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Reading<IO> {
    /// Asks for a stream and reads the head of the answer.
    pub async fn open(mut client: Client<IO>, path: &str) -> Self {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n"
        );
        let head = client.request(&request).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(
            head.contains("content-type: text/event-stream\r\n"),
            "{head}"
        );
        Self {
            client,
            head,
            raw: Vec::new(),
            parser: Parser::default(),
            ended: None,
        }
    }

    /// Reads until this holds of what was parsed.
    pub async fn until(&mut self, enough: impl Fn(&Parser) -> bool) {
        while !enough(&self.parser) {
            assert_eq!(self.ended, None, "{:?}", self.parser);
            self.more().await;
        }
    }

    /// Reads to the end.
    pub async fn end(&mut self) -> End {
        loop {
            if let Some(end) = self.ended {
                return end;
            }
            self.more().await;
        }
    }

    async fn more(&mut self) {
        match self.client.bytes().await {
            Some(bytes) => self.raw.extend(bytes),
            None => return self.ended = Some(End::Cut),
        }
        while let Some(chunk) = self.chunk() {
            if chunk.is_empty() {
                assert!(self.raw.is_empty(), "something follows the last chunk");
                assert_eq!(self.client.bytes().await, None);
                self.ended = Some(End::Complete);
                return;
            }
            self.parser.feed(&chunk);
            assert!(self.parser.is_at_rest(), "a chunk holds whole events");
        }
    }

    /// The next whole chunk (RFC 9112, section 7.1).
    fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.raw.windows(2).position(|part| part == b"\r\n")?;
        let size = std::str::from_utf8(&self.raw[..line]).unwrap();
        let (start, size) = (line + 2, usize::from_str_radix(size, 16).unwrap());
        let chunk = self.raw.get(start..start + size)?.to_vec();
        let end = self.raw.get(start + size..start + size + 2)?;
        assert_eq!(end, b"\r\n");
        self.raw.drain(..start + size + 2);
        Some(chunk)
    }
}
