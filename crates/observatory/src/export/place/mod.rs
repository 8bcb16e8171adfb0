//! Where an export lies: a folder, or a prefix of names in a bucket of S3.

mod folder;
mod s3;

use std::fs::File;
use std::path::{Path, PathBuf};

use stentor_net::dial::Dialer;

use self::folder::Folder;
use self::s3::Bucket;
use super::encoder::Encoded;
use super::manifest::{self, Manifest};
use super::name::{Format, Name};
use crate::config;
use crate::error::Error;

pub(crate) use s3::check;

/// Where an export lies.
pub struct Place(Kind);

enum Kind {
    Folder(Folder),
    Bucket(Box<Bucket>),
}

impl Place {
    /// The place of this name: `s3://bucket/prefix`, or a folder. Files that the configuration names are relative to `data`.
    ///
    /// # Errors
    /// A bucket without `export.endpoint` and keys, or a name of it that cannot be used.
    pub fn new(
        name: &str,
        config: &config::Export,
        data: &Path,
        dialer: &Dialer,
    ) -> Result<Self, Error> {
        Ok(Self(match name.strip_prefix("s3://") {
            Some(name) => Kind::Bucket(Box::new(Bucket::new(name, config, data, dialer)?)),
            None => Kind::Folder(Folder::new(PathBuf::from(name))),
        }))
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        match &self.0 {
            Kind::Folder(folder) => folder.path().display().to_string(),
            Kind::Bucket(bucket) => bucket.name(),
        }
    }

    /// Makes it ready for writing; returns a folder for files that are not complete.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(super) async fn prepare(&self) -> Result<Scratch, Error> {
        match &self.0 {
            Kind::Folder(folder) => folder.prepare().await,
            Kind::Bucket(bucket) => bucket.prepare().await,
        }
    }

    /// The manifest, if there is one.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Invalid`]: it cannot be read, or is none.
    pub(super) async fn manifest(&self) -> Result<Option<Manifest>, Error> {
        let bytes = match &self.0 {
            Kind::Folder(folder) => folder.small(manifest::FILE, manifest::MOST_BYTES).await?,
            Kind::Bucket(bucket) => bucket.small(manifest::FILE, manifest::MOST_BYTES).await?,
        };
        let parsed = bytes.map(|bytes| Manifest::parse(&bytes)).transpose();
        parsed.map_err(|error| Error::Invalid(format!("{}: {error}", self.name())))
    }

    /// Puts the manifest there, at once or not at all.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub(super) async fn put_manifest(
        &self,
        bytes: Vec<u8>,
        scratch: &Scratch,
    ) -> Result<(), Error> {
        match &self.0 {
            Kind::Folder(folder) => folder.put_bytes(manifest::FILE, bytes, scratch).await,
            Kind::Bucket(bucket) => bucket.put_bytes(manifest::FILE, bytes).await,
        }
    }

    /// Takes the manifest away, if there is one: what is there is no longer what it says.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub(super) async fn remove_manifest(&self) -> Result<(), Error> {
        self.remove_path(manifest::FILE).await
    }

    /// Puts a complete file there.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Invalid`]: what the disk or the server has against it.
    pub(super) async fn put(&self, file: Encoded, name: Name, format: Format) -> Result<(), Error> {
        let path = name.path(format);
        match &self.0 {
            Kind::Folder(folder) => folder.put(file, path).await,
            Kind::Bucket(bucket) => bucket.put(file, &path).await,
        }
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub(super) async fn remove(&self, name: Name, format: Format) -> Result<(), Error> {
        self.remove_path(&name.path(format)).await
    }

    async fn remove_path(&self, path: &str) -> Result<(), Error> {
        match &self.0 {
            Kind::Folder(folder) => folder.remove(path).await,
            Kind::Bucket(bucket) => bucket.remove(path).await,
        }
    }

    /// Removes what an export that was never finished has left, and this one has not written again.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub(super) async fn sweep(&self, kept: &Manifest) -> Result<(), Error> {
        match &self.0 {
            Kind::Folder(folder) => folder.sweep(kept).await,
            // Objects are not listed: see `docs/research.md`.
            Kind::Bucket(_) => Ok(()),
        }
    }

    /// Opens a file of `bytes` bytes for reading; one of a bucket is fetched first.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Invalid`]: it is not there, or has another length.
    pub(super) async fn open(&self, name: Name, format: Format, bytes: u64) -> Result<File, Error> {
        let path = name.path(format);
        match &self.0 {
            Kind::Folder(folder) => folder.open(&path, bytes).await,
            Kind::Bucket(bucket) => bucket.fetch(&path, bytes).await,
        }
    }
}

/// A folder for files that are not complete, which goes away with this.
pub(super) struct Scratch {
    path: PathBuf,
    temporary: Option<tempfile::TempDir>,
    /// Keeps another export out, as long as this lives.
    _lock: Option<File>,
}

impl Scratch {
    /// Its path.
    pub fn path(&self) -> &Path {
        match &self.temporary {
            Some(folder) => folder.path(),
            None => &self.path,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.temporary.is_none() {
            // What stays is removed by the next export.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Does work with the disk away from the threads that answer.
async fn aside<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking({
        let path = path.clone();
        move || work(&path)
    });
    let problem = match done.await {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Err(Error::File { path, problem })
}
