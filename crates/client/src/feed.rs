//! [`Follow`] with a connection: Server-Sent Events over HTTP/1.1, through the dialer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use stentor_net::dial::{DialError, Dialer, Family, Refusal, Target, Trust};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout_at};

use crate::follow::{Fault, Follow, SILENCE, Told};
use crate::options::Options;

/// Why a feed cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The address is none.
    #[error("not the address of a node: {0}")]
    Url(String),
    /// The address may not be dialed.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// The token or the cursor has characters that no header may have.
    #[error("the token or the cursor cannot be sent")]
    Header,
    /// The node has answered with a status that will not be another one later, such as 401 or 400.
    #[error("the node answered with status {0}")]
    Status(StatusCode),
}

/// Why a connection has ended: it is made anew.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error(transparent)]
    Request(#[from] http::Error),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("silence")]
    Silence,
    #[error("status {0}")]
    Status(StatusCode),
}

/// An open stream. Its connection is closed when this is dropped.
struct Open {
    body: Incoming,
    _connection: JoinSet<()>,
}

/// Follows a node for as long as it is asked. Needs a tokio runtime.
pub struct Feed {
    dialer: Dialer,
    target: Target,
    headers: HeaderMap,
    follow: Follow,
    open: Option<Open>,
    /// What was told and not yet given out: at most what one read from the connection holds.
    told: VecDeque<Told>,
    /// When it is tried again.
    again: Option<Instant>,
    reconnects: u64,
}

impl Feed {
    /// A feed that has not connected yet.
    ///
    /// # Errors
    /// [`FeedError`] for an address or a token that cannot be used.
    pub fn new(dialer: Dialer, options: Options) -> Result<Self, FeedError> {
        let url = options.stream_url()?;
        let target = dialer.admit(url.as_str(), Family::Web, Trust::Operator)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, value(&target.authority())?);
        headers.insert(
            header::ACCEPT,
            HeaderValue::from_static("text/event-stream"),
        );
        let name = concat!("stentor-client/", env!("CARGO_PKG_VERSION"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(name));
        if let Some(token) = &options.token {
            let mut bearer = value(&format!("Bearer {token}"))?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        Ok(Self {
            dialer,
            target,
            headers,
            follow: Follow::new(&options.since),
            open: None,
            told: VecDeque::new(),
            again: None,
            reconnects: 0,
        })
    }

    /// How often a connection was lost, or could not be made.
    #[must_use]
    pub const fn reconnects(&self) -> u64 {
        self.reconnects
    }

    /// What comes next; connects, waits and comes back as needed. When the future is dropped, nothing is lost.
    ///
    /// # Errors
    /// [`FeedError`]: it is of no use to call again, unless something is changed.
    pub async fn next(&mut self) -> Result<Told, FeedError> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(told);
            }
            if let Some(again) = self.again {
                sleep_until(again.into()).await;
                self.again = None;
            }
            match self.advance().await {
                Ok(()) => {}
                Err(Lost::Status(status)) if Follow::is_final(status.as_u16()) => {
                    return Err(FeedError::Status(status));
                }
                Err(_) => self.lost(),
            }
        }
    }

    /// Connects, or reads on.
    async fn advance(&mut self) -> Result<(), Lost> {
        let Some(open) = &mut self.open else {
            self.follow.begin(Instant::now());
            let open = tokio::time::timeout(SILENCE, self.connect()).await;
            self.open = Some(open.map_err(|_| Lost::Silence)??);
            return Ok(());
        };
        let deadline = self.follow.deadline().unwrap_or_else(Instant::now);
        let frame = timeout_at(deadline.into(), open.body.frame()).await;
        match frame.map_err(|_| Lost::Silence)? {
            None => self.lost(),
            Some(frame) => {
                if let Ok(bytes) = frame?.into_data() {
                    self.told.extend(self.follow.bytes(&bytes, Instant::now())?);
                }
            }
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<Open, Lost> {
        let stream = self.dialer.dial(&self.target).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut task = JoinSet::new();
        // What goes wrong with it shows in the answer and its body.
        task.spawn(async move { drop(connection.await) });
        let mut request =
            http::Request::get(self.target.path_and_query()).body(Empty::<Bytes>::new())?;
        *request.headers_mut() = self.headers.clone();
        if let Some(cursor) = self.follow.cursor() {
            let cursor = HeaderValue::from_str(cursor).map_err(http::Error::from)?;
            request.headers_mut().insert("last-event-id", cursor);
        }
        let answer = sender.send_request(request).await?;
        if answer.status() != StatusCode::OK {
            self.follow.hinted(retry_after(answer.headers()));
            return Err(Lost::Status(answer.status()));
        }
        Ok(Open {
            body: answer.into_body(),
            _connection: task,
        })
    }

    fn lost(&mut self) {
        self.open = None;
        self.reconnects += 1;
        // Without random numbers the wait is the longest that it can be.
        let wait = self.follow.ended(getrandom::u64().unwrap_or(u64::MAX));
        self.again = Some(Instant::now() + wait);
    }
}

fn value(text: &str) -> Result<HeaderValue, FeedError> {
    HeaderValue::from_str(text).map_err(|_| FeedError::Header)
}

/// What `Retry-After` says, where it says so in seconds.
fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(header::RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default())
}
