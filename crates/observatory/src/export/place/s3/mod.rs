//! An export in a bucket of S3 or of a server that speaks its protocol.
//!
//! URLs are signed for each request (SigV4, in the query) and sent through the dialer, as all else (`request`). Requests are PUT, GET,
//! HEAD and DELETE of objects whose names the manifest has. What is there is listed (`list`) where no manifest says it.

mod key;
mod list;
mod request;

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusty_s3::{Credentials, UrlStyle};
use stentor_net::dial::Dialer;
use stentor_net::http::{Method, Response, StatusCode};
use url::Url;

use self::list::Page;
use self::request::{Ask, Body, stored_hash, total_of};
use super::{Found, MOST_FOUND, Scratch, aside};
use crate::config;
use crate::error::Error;
use crate::export::encoder::Encoded;
use crate::export::manifest::Hash;
use crate::export::name::{BEGINNINGS, Name};

pub(crate) use key::check;

/// Bytes that are fetched with one request.
const PIECE: u64 = 8 << 20;
/// The folder in the data folder of an export to a bucket, and that in it for files that are not complete.
const EXPORTING: &str = "exporting";
const UNFINISHED: &str = "unfinished";

/// A bucket, and what names of objects begin with.
pub(super) struct Bucket {
    bucket: rusty_s3::Bucket,
    prefix: String,
    credentials: Credentials,
    dialer: Dialer,
    data: PathBuf,
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
            key::read(&data.join(file))
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

    /// The name of the object of this path below the prefix.
    fn object(&self, path: &str) -> String {
        match self.prefix.as_str() {
            "" => path.to_owned(),
            prefix => format!("{prefix}/{path}"),
        }
    }

    /// One folder for whatever bucket, so that what a process that was killed has left is found again.
    pub async fn prepare(&self) -> Result<Scratch, Error> {
        aside(self.data.join(EXPORTING), |folder| {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(folder)?;
            let busy = "another export to a bucket is under way here: one at a time";
            Scratch::take(folder, UNFINISHED, busy)
        })
        .await
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
        let body = Body::File(file.temporary.as_file(), file.bytes, file.sha256);
        self.stored(path, body).await
    }

    pub async fn put_bytes(&self, path: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.stored(path, Body::Bytes(bytes.into())).await
    }

    async fn stored(&self, path: &str, body: Body<'_>) -> Result<(), Error> {
        let ask = Ask {
            body,
            ..Ask::of(Method::PUT, path)
        };
        let answer = self.request(&ask).await?;
        self.good(
            path,
            &answer,
            &[StatusCode::OK, StatusCode::CREATED, StatusCode::NO_CONTENT],
        )
    }

    pub async fn remove(&self, path: &str) -> Result<(), Error> {
        let answer = self.request(&Ask::of(Method::DELETE, path)).await?;
        let good = [
            StatusCode::OK,
            StatusCode::NO_CONTENT,
            StatusCode::NOT_FOUND,
        ];
        self.good(path, &answer, &good)
    }

    /// An object that was stored without its hash is another one.
    pub async fn has_same(&self, path: &str, sha256: Hash) -> Result<bool, Error> {
        let answer = self.request(&Ask::of(Method::HEAD, path)).await?;
        match answer.status {
            StatusCode::OK => Ok(stored_hash(&answer.headers) == Some(sha256)),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.unread(path, &answer)),
        }
    }

    pub async fn list(&self) -> Result<Found, Error> {
        let mut found = Found::new();
        for beginning in BEGINNINGS {
            let mut next = None;
            loop {
                let page = self.page(beginning, next).await?;
                for (object, bytes) in page.objects {
                    if let Some(file) = self.file(&object) {
                        found.insert(file, bytes);
                    }
                }
                if found.len() > MOST_FOUND {
                    return Err(self.failed("", "more files than exports have"));
                }
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The file of an export that an object is.
    fn file(&self, object: &str) -> Option<(Name, crate::export::Format)> {
        let path = object.strip_prefix(&self.object(""))?;
        Name::find(path)
    }

    async fn page(&self, beginning: &str, next: Option<String>) -> Result<Page, Error> {
        let prefix = self.object(beginning);
        let mut query = vec![("list-type", "2".to_owned()), ("prefix", prefix)];
        query.extend(next.map(|next| ("continuation-token", next)));
        let ask = Ask {
            method: Method::GET,
            path: None,
            query,
            range: None,
            body: Body::Nothing,
        };
        let answer = self.request(&ask).await?;
        if answer.status != StatusCode::OK {
            return Err(self.unread(beginning, &answer));
        }
        let page = Page::parse(&answer.body);
        page.ok_or_else(|| self.failed(beginning, "the server does not tell what is there"))
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
        let ask = Ask {
            range: Some((from, last)),
            ..Ask::of(Method::GET, path)
        };
        let answer = self.request(&ask).await?;
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
            _ => Err(self.unread(path, &answer)),
        }
    }

    fn good(&self, path: &str, answer: &Response, good: &[StatusCode]) -> Result<(), Error> {
        if good.contains(&answer.status) {
            return Ok(());
        }
        Err(self.refused(path, answer))
    }
}
