//! Requests: signed one by one, and made again when they fail for a reason that may pass.

use std::fs::File;
use std::io::{self, Seek};
use std::time::Duration;

use bytes::Bytes;
use rusty_s3::actions::S3Action;
use stentor_event::hexadecimal;
use stentor_net::dial::{Family, Trust};
use stentor_net::http::{
    Excess, HeaderMap, HeaderName, HeaderValue, HttpError, Method, Request, Response, StatusCode,
    header,
};
use url::Url;

use super::{Bucket, PIECE};
use crate::error::Error;
use crate::export::manifest::Hash;

/// How long a signature holds.
const SIGNED: Duration = Duration::from_secs(3_600);
/// How long a request may take: this, and a second for each [`PACE`] bytes.
const PATIENCE: Duration = Duration::from_secs(60);
const PACE: u64 = 128 << 10;
/// How often a request is made, and the wait before it is made again, which grows fourfold.
const ATTEMPTS: u32 = 3;
const WAIT: Duration = Duration::from_millis(500);
/// Bytes of an answer that says what went wrong.
const MOST_PROBLEM: usize = 1_024;
/// The header by which the hash of an object is kept with it.
const HASH: &str = "x-amz-meta-sha256";

/// What is sent.
pub(super) enum Body<'a> {
    /// Nothing.
    Nothing,
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file of this length, which is stored with its hash.
    File(&'a File, u64, Hash),
}

/// What is asked of the server.
pub(super) struct Ask<'a> {
    /// What is to be done.
    pub method: Method,
    /// The object's path below the prefix; none: the bucket itself.
    pub path: Option<&'a str>,
    /// What is said in the query.
    pub query: Vec<(&'static str, String)>,
    /// The bytes that are wanted, from the first to the last.
    pub range: Option<(u64, u64)>,
    /// What is sent.
    pub body: Body<'a>,
}

impl<'a> Ask<'a> {
    /// Something of an object, without a body.
    pub const fn of(method: Method, path: &'a str) -> Self {
        Self {
            method,
            path: Some(path),
            query: Vec::new(),
            range: None,
            body: Body::Nothing,
        }
    }

    /// Headers that the signature covers: names in lower case, in order.
    fn signed_headers(&self) -> Option<(&'static str, String)> {
        match &self.body {
            Body::File(_, _, sha256) => Some((HASH, hexadecimal::encode(sha256))),
            Body::Nothing | Body::Bytes(_) => None,
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        // Both are digits and ASCII letters.
        let mut insert = |name: HeaderName, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        };
        if let Some((first, last)) = self.range {
            insert(header::RANGE, format!("bytes={first}-{last}"));
        }
        if let Some((name, value)) = self.signed_headers() {
            insert(HeaderName::from_static(name), value);
        }
        headers
    }

    fn url<'b, A: S3Action<'b>>(&self, mut action: A) -> Url {
        for (name, value) in &self.query {
            action.query_mut().insert(*name, value.clone());
        }
        if let Some((name, value)) = self.signed_headers() {
            action.headers_mut().insert(name, value);
        }
        action.sign(SIGNED)
    }
}

impl Bucket {
    /// Makes a request until there is an answer that is not for the moment only.
    ///
    /// # Errors
    /// [`Error::Invalid`]: there is none.
    pub(super) async fn request(&self, ask: &Ask<'_>) -> Result<Response, Error> {
        let path = ask.path.unwrap_or_default();
        let mut wait = WAIT;
        for attempt in 1.. {
            let answer = self.once(ask).await;
            let again = match &answer {
                Ok(answer) => passes(answer.status),
                Err(error) => !error.is_permanent(),
            };
            if attempt < ATTEMPTS && again {
                tokio::time::sleep(wait).await;
                wait *= 4;
                continue;
            }
            return answer.map_err(|error| self.failed(path, &error.to_string()));
        }
        Err(self.failed(path, "was not asked for"))
    }

    async fn once(&self, ask: &Ask<'_>) -> Result<Response, HttpError> {
        let url = self.signed(ask);
        let target = self
            .dialer
            .admit(url.as_str(), Family::Web, Trust::Operator)?;
        let length = match &ask.body {
            Body::Nothing => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File(_, bytes, _) => *bytes,
        };
        let time = PATIENCE + Duration::from_secs(length.max(PIECE) / PACE);
        let request = Request::new(ask.method.clone(), target)
            .headers(ask.headers())
            .within(time)
            .at_most(PIECE as usize, Excess::Fail);
        match &ask.body {
            Body::Nothing => self.dialer.request(&request).await,
            Body::Bytes(bytes) => self.dialer.request(&request.body(bytes.clone())).await,
            Body::File(file, bytes, _) => {
                let file = rewound(file).map_err(HttpError::Body)?;
                self.dialer.upload(&request, file, *bytes).await
            }
        }
    }

    fn signed(&self, ask: &Ask<'_>) -> Url {
        let object = ask.path.map_or(String::new(), |path| self.object(path));
        let (bucket, credentials) = (&self.bucket, Some(&self.credentials));
        match ask.method {
            Method::PUT => ask.url(bucket.put_object(credentials, &object)),
            Method::DELETE => ask.url(bucket.delete_object(credentials, &object)),
            Method::HEAD => ask.url(bucket.head_object(credentials, &object)),
            _ => ask.url(bucket.get_object(credentials, &object)),
        }
    }

    /// What is wrong when something cannot be read.
    pub(super) fn unread(&self, path: &str, answer: &Response) -> Error {
        if answer.status != StatusCode::FORBIDDEN {
            return self.refused(path, answer);
        }
        let hint = "the key has to be allowed s3:ListBucket, too: without it S3 answers like this for whatever is not there";
        self.failed(path, &format!("{} ({hint})", told(answer)))
    }

    pub(super) fn refused(&self, path: &str, answer: &Response) -> Error {
        self.failed(path, &told(answer))
    }

    pub(super) fn failed(&self, path: &str, problem: &str) -> Error {
        Error::Invalid(format!("{}/{path}: {problem}", self.name()))
    }
}

/// The hash that was stored with an object, as it is told of it.
pub(super) fn stored_hash(headers: &HeaderMap) -> Option<Hash> {
    hexadecimal::decode_array(headers.get(HASH)?.as_bytes())
}

/// How long the whole is of which a part was sent: `bytes 0-9/100`.
pub(super) fn total_of(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.rsplit_once('/')?.1.parse().ok()
}

/// What an answer says.
fn told(answer: &Response) -> String {
    let said = answer.body.get(..MOST_PROBLEM).unwrap_or(&answer.body);
    let said = String::from_utf8_lossy(said).replace(char::is_control, " ");
    format!("{} {said}", answer.status)
}

/// The file from its beginning, by a handle of its own.
fn rewound(file: &File) -> io::Result<tokio::fs::File> {
    let mut file = file.try_clone()?;
    file.rewind()?;
    Ok(tokio::fs::File::from_std(file))
}

/// Whether an answer may be another one soon.
fn passes(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}
