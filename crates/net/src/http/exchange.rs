//! Request out, answer in, everything limited while it is read.

use std::future::Future;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::body::Outgoing;
use super::error::HttpError;
use super::request::{Excess, Request};
use crate::dial::{Dialer, Stream};

/// Most bytes of an answer's head, and most of its headers.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status. 3xx is for the caller to make something of; nothing was followed.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or its beginning.
    pub body: Bytes,
    /// Whether the body is only its beginning ([`Excess::Cut`]).
    pub cut: bool,
}

impl Dialer {
    /// Sends a request and reads the answer. Nothing goes on in the background: when this returns or is dropped, the connection is
    /// closed.
    ///
    /// # Errors
    /// [`HttpError`]. An answer with a bad status is no error.
    pub async fn request(&self, request: &Request) -> Result<Response, HttpError> {
        let body = Outgoing::Bytes(request.body.clone());
        self.send(request, body).await
    }

    /// Sends a request with `bytes` bytes of a file as its body, from where that stands, and reads the answer. As
    /// [`request`](Self::request), but the body is never in memory as a whole.
    ///
    /// # Errors
    /// [`HttpError`]; a file that ends before is [`HttpError::Exchange`].
    pub async fn upload(
        &self,
        request: &Request,
        file: tokio::fs::File,
        bytes: u64,
    ) -> Result<Response, HttpError> {
        self.send(request, Outgoing::file(file, bytes)).await
    }

    async fn send(&self, request: &Request, body: Outgoing) -> Result<Response, HttpError> {
        let (time, max_bytes) = request.limits(self);
        let exchange = async {
            let message = request.message(body)?;
            let stream = self.dial(&request.target).await?;
            exchange(stream, message, max_bytes, request.excess).await
        };
        tokio::time::timeout(time, exchange)
            .await
            .unwrap_or(Err(HttpError::Timeout))
    }
}

async fn exchange(
    stream: Stream,
    message: http::Request<Outgoing>,
    max_bytes: usize,
    excess: Excess,
) -> Result<Response, HttpError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await?;
    let answer = async {
        let (head, body) = sender.send_request(message).await?.into_parts();
        let (body, cut) = read(body, max_bytes, excess).await?;
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body,
            cut,
        })
    };
    drive(answer, connection).await
}

/// Runs the connection as long as the answer needs it. What goes wrong with the connection shows in the answer.
async fn drive<T>(answer: impl Future<Output = T>, connection: impl Future) -> T {
    match select(pin!(answer), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, answer)) => answer.await,
    }
}

/// Reads at most `max` bytes. Trailers are left out.
async fn read(mut body: Incoming, max: usize, excess: Excess) -> Result<(Bytes, bool), HttpError> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = max - read.len();
        if data.len() <= room {
            read.extend_from_slice(&data);
            continue;
        }
        return match excess {
            Excess::Fail => Err(HttpError::TooLarge(max)),
            Excess::Cut => {
                read.extend_from_slice(data.get(..room).unwrap_or_default());
                Ok((read.freeze(), true))
            }
        };
    }
    Ok((read.freeze(), false))
}
