//! An export in a bucket of S3 or of a server that speaks its protocol.
//!
//! URLs are signed for each request (SigV4, in the query) and sent through the dialer, as all else. Requests are PUT, GET and DELETE
//! of objects whose names the manifest has; nothing is listed. A request that fails for a reason that may pass is made three times.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use rusty_s3::actions::S3Action;
use rusty_s3::{Credentials, UrlStyle};
use stentor_net::dial::{Dialer, Family, Trust};
use stentor_net::http::{
    Excess, HeaderMap, HttpError, Method, Request, Response, StatusCode, header,
};
use url::Url;

use super::{Scratch, aside};
use crate::config;
use crate::error::Error;
use crate::export::encoder::Encoded;

/// How long a signature holds.
const SIGNED: Duration = Duration::from_secs(3_600);
/// Bytes that are fetched with one request.
const PIECE: u64 = 8 << 20;
/// How long a request may take: this, and a second for each [`PACE`] bytes.
const PATIENCE: Duration = Duration::from_secs(60);
const PACE: u64 = 128 << 10;
/// How often a request is made, and the wait before it is made again, which grows fourfold.
const ATTEMPTS: u32 = 3;
const WAIT: Duration = Duration::from_millis(500);
/// The most bytes of a file with a key.
const MOST_KEY: u64 = 4_096;
/// Bytes of an answer that says what went wrong.
const MOST_PROBLEM: usize = 1_024;

/// A bucket, and what names of objects begin with.
pub(super) struct Bucket {
    bucket: rusty_s3::Bucket,
    prefix: String,
    credentials: Credentials,
    dialer: Dialer,
    data: PathBuf,
}

/// What is sent.
enum Body<'a> {
    Nothing,
    Bytes(Bytes),
    File(&'a File, u64),
}

/// Whether the files with the keys can be read (O5.2).
///
/// # Errors
/// [`Error::File`].
pub(crate) fn check(config: &config::Export, data: &Path) -> Result<(), Error> {
    for file in [&config.access_key_file, &config.secret_key_file]
        .into_iter()
        .flatten()
    {
        key(&data.join(file))?;
    }
    Ok(())
}

impl Bucket {
    /// The bucket and prefix of this name: `bucket/prefix`.
    pub fn new(
        name: &str,
        config: &config::Export,
        data: &Path,
        dialer: &Dialer,
    ) -> Result<Self, Error> {
        let invalid = |problem: String| Error::Invalid(format!("s3://{name}: {problem}"));
        let missing = |key: &str| invalid(format!("takes observatory.export.{key}"));
        let (bucket, prefix) = name.split_once('/').unwrap_or((name, ""));
        let prefix = prefix.trim_matches('/');
        let is_plain =
            |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
        if !is_plain(bucket) || !(prefix.is_empty() || prefix.split('/').all(is_plain)) {
            return Err(invalid("is not of the form s3://bucket/prefix".into()));
        }
        let endpoint = config
            .endpoint
            .as_deref()
            .ok_or_else(|| missing("endpoint"))?;
        let endpoint: Url = endpoint
            .parse()
            .map_err(|error: url::ParseError| invalid(error.to_string()))?;
        let style = if config.path_style {
            UrlStyle::Path
        } else {
            UrlStyle::VirtualHost
        };
        let (bucket, region) = (bucket.to_owned(), config.region.clone());
        let bucket = rusty_s3::Bucket::new(endpoint, style, bucket, region)
            .map_err(|error| invalid(error.to_string()))?;
        let file = |file: &Option<String>, name: &str| {
            let file = file.as_ref().ok_or_else(|| missing(name))?;
            key(&data.join(file))
        };
        let access = file(&config.access_key_file, "access_key_file")?;
        let secret = file(&config.secret_key_file, "secret_key_file")?;
        Ok(Self {
            bucket,
            prefix: prefix.to_owned(),
            credentials: Credentials::new(access, secret),
            dialer: dialer.clone(),
            data: data.to_owned(),
        })
    }

    pub fn name(&self) -> String {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        format!("s3://{}{slash}{}", self.bucket.name(), self.prefix)
    }

    pub async fn prepare(&self) -> Result<Scratch, Error> {
        let folder = aside(self.data.clone(), |data| {
            tempfile::Builder::new().prefix("export-").tempdir_in(data)
        });
        Ok(Scratch {
            path: PathBuf::new(),
            temporary: Some(folder.await?),
            _lock: None,
        })
    }

    pub async fn small(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::new();
        loop {
            let from = bytes.len() as u64;
            let Some((piece, total)) = self.piece(path, from, None).await? else {
                return Ok(None);
            };
            if total > most {
                return Err(self.failed(path, &format!("has more than {most} bytes")));
            }
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 >= total {
                return Ok(Some(bytes));
            }
        }
    }

    pub async fn put(&self, file: Encoded, path: &str) -> Result<(), Error> {
        let body = Body::File(file.temporary.as_file(), file.bytes);
        self.stored(path, body).await
    }

    pub async fn put_bytes(&self, path: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.stored(path, Body::Bytes(bytes.into())).await
    }

    async fn stored(&self, path: &str, body: Body<'_>) -> Result<(), Error> {
        let answer = self.request(Method::PUT, path, HeaderMap::new(), &body);
        self.good(
            path,
            answer.await?,
            &[StatusCode::OK, StatusCode::CREATED, StatusCode::NO_CONTENT],
        )
    }

    pub async fn remove(&self, path: &str) -> Result<(), Error> {
        let answer = self.request(Method::DELETE, path, HeaderMap::new(), &Body::Nothing);
        let good = [
            StatusCode::OK,
            StatusCode::NO_CONTENT,
            StatusCode::NOT_FOUND,
        ];
        self.good(path, answer.await?, &good)
    }

    /// Fetches an object of this length into a file without a name.
    pub async fn fetch(&self, path: &str, bytes: u64) -> Result<File, Error> {
        let mut file = aside(std::env::temp_dir(), |folder| tempfile::tempfile_in(folder)).await?;
        let mut from = 0;
        while from < bytes {
            let piece = self.piece(path, from, Some(bytes)).await?;
            let (piece, total) = piece.ok_or_else(|| self.failed(path, "is not there"))?;
            if total != bytes {
                return Err(self.failed(path, &format!("has {total} bytes instead of {bytes}")));
            }
            from += piece.len() as u64;
            let writing = aside(std::env::temp_dir(), move |_| {
                file.write_all(&piece)?;
                Ok(file)
            });
            file = writing.await?;
        }
        aside(std::env::temp_dir(), move |_| {
            file.rewind()?;
            Ok(file)
        })
        .await
    }

    /// The bytes of an object from here on, as many as are fetched at once, and how many it has; `None` when it is not there.
    async fn piece(
        &self,
        path: &str,
        from: u64,
        total: Option<u64>,
    ) -> Result<Option<(Bytes, u64)>, Error> {
        let last = total.unwrap_or(u64::MAX).min(from + PIECE) - 1;
        let mut headers = HeaderMap::new();
        let range = format!("bytes={from}-{last}");
        let range = range
            .parse()
            .map_err(|_| self.failed(path, "cannot be asked for"))?;
        headers.insert(header::RANGE, range);
        let answer = self
            .request(Method::GET, path, headers, &Body::Nothing)
            .await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            // One that does not know ranges sends all, which is right only when that is what was wanted.
            StatusCode::OK if from == 0 => {
                let bytes = answer.body.len() as u64;
                Ok(Some((answer.body, bytes)))
            }
            StatusCode::PARTIAL_CONTENT if !answer.body.is_empty() => {
                let total = total_of(&answer.headers);
                let total = total.ok_or_else(|| self.failed(path, "came without its length"))?;
                Ok(Some((answer.body, total)))
            }
            _ => Err(self.refused(path, &answer)),
        }
    }

    /// Makes a request until there is an answer that is not for the moment only.
    async fn request(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: &Body<'_>,
    ) -> Result<Response, Error> {
        let mut wait = WAIT;
        for attempt in 1.. {
            let answer = self.once(method.clone(), path, headers.clone(), body).await;
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

    async fn once(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: &Body<'_>,
    ) -> Result<Response, HttpError> {
        let object = if self.prefix.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.prefix)
        };
        let credentials = Some(&self.credentials);
        let url = match method {
            Method::PUT => self.bucket.put_object(credentials, &object).sign(SIGNED),
            Method::DELETE => self.bucket.delete_object(credentials, &object).sign(SIGNED),
            _ => self.bucket.get_object(credentials, &object).sign(SIGNED),
        };
        let target = self
            .dialer
            .admit(url.as_str(), Family::Web, Trust::Operator)?;
        let length = match body {
            Body::Nothing => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File(_, bytes) => *bytes,
        };
        let time = PATIENCE + Duration::from_secs(length.max(PIECE) / PACE);
        let request = Request::new(method, target)
            .headers(headers)
            .within(time)
            .at_most(PIECE as usize, Excess::Fail);
        match body {
            Body::Nothing => self.dialer.request(&request).await,
            Body::Bytes(bytes) => self.dialer.request(&request.body(bytes.clone())).await,
            Body::File(file, bytes) => {
                let file = rewound(file).map_err(HttpError::Body)?;
                self.dialer.upload(&request, file, *bytes).await
            }
        }
    }

    fn good(&self, path: &str, answer: Response, good: &[StatusCode]) -> Result<(), Error> {
        if good.contains(&answer.status) {
            return Ok(());
        }
        Err(self.refused(path, &answer))
    }

    fn refused(&self, path: &str, answer: &Response) -> Error {
        let said = answer.body.get(..MOST_PROBLEM).unwrap_or(&answer.body);
        let said = String::from_utf8_lossy(said).replace(char::is_control, " ");
        self.failed(path, &format!("{} {said}", answer.status))
    }

    fn failed(&self, path: &str, problem: &str) -> Error {
        Error::Invalid(format!("{}/{path}: {problem}", self.name()))
    }
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

/// How long the whole is of which a part was sent: `bytes 0-9/100`.
fn total_of(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.rsplit_once('/')?.1.parse().ok()
}

fn key(path: &Path) -> Result<String, Error> {
    use std::io::Read;
    let failed = |problem: String| Error::File {
        path: path.to_owned(),
        problem,
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut text = String::new();
    let read = file.take(MOST_KEY).read_to_string(&mut text);
    read.map_err(|error| failed(error.to_string()))?;
    let text = text.trim();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(failed("has no key in it, or more than one".into()));
    }
    Ok(text.to_owned())
}
