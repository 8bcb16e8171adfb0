//! Where an export lies: a folder, or a prefix of names in a bucket of S3.

mod folder;
mod s3;
mod scratch;

use std::collections::BTreeMap;
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
pub(super) use scratch::Scratch;

/// Files that lie somewhere, with their lengths.
pub(super) type Found = BTreeMap<(Name, Format), u64>;

/// The most files that are looked at: those of an export in each form.
const MOST_FOUND: usize = 2 * manifest::MOST_FILES;

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
    /// [`Error::File`]: the disk, or another export to the same folder, or from this data folder to any bucket.
    pub(super) async fn prepare(&self) -> Result<Scratch, Error> {
        match &self.0 {
            Kind::Folder(folder) => folder.prepare().await,
            Kind::Bucket(bucket) => bucket.prepare().await,
        }
    }

    /// The manifest in a file of this name, if there is one: [`manifest::FILE`] or [`manifest::OLD_FILE`].
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Invalid`]: it cannot be read, or is none.
    pub(super) async fn manifest(&self, file: &'static str) -> Result<Option<Manifest>, Error> {
        let bytes = match &self.0 {
            Kind::Folder(folder) => folder.small(file, manifest::MOST_BYTES).await?,
            Kind::Bucket(bucket) => bucket.small(file, manifest::MOST_BYTES).await?,
        };
        let parsed = bytes.map(|bytes| Manifest::parse(&bytes)).transpose();
        parsed.map_err(|error| Error::Invalid(format!("{}: {file}: {error}", self.name())))
    }

    /// Puts a manifest there under this name, at once or not at all.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub(super) async fn put_manifest(
        &self,
        file: &'static str,
        bytes: Vec<u8>,
        scratch: &Scratch,
    ) -> Result<(), Error> {
        match &self.0 {
            Kind::Folder(folder) => folder.put_bytes(file, bytes, scratch).await,
            Kind::Bucket(bucket) => bucket.put_bytes(file, bytes).await,
        }
    }

    /// Takes the manifest of this name away, if there is one.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub(super) async fn remove_manifest(&self, file: &'static str) -> Result<(), Error> {
        self.remove_path(file).await
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

    /// The files of exports that lie there, finished or not. What has other names is not looked at.
    ///
    /// # Errors
    /// As [`Self::put`]; more files than exports have.
    pub(super) async fn list(&self) -> Result<Found, Error> {
        match &self.0 {
            Kind::Folder(folder) => folder.list().await,
            Kind::Bucket(bucket) => bucket.list().await,
        }
    }

    /// Whether a file that a manifest vouches for is still there, as far as that is told for little: by its length in a folder. Of a
    /// bucket it is believed, as each look would be a request, and what is stored there does not get lost with a disk.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub(super) async fn has(&self, name: Name, format: Format, bytes: u64) -> Result<bool, Error> {
        match &self.0 {
            Kind::Folder(folder) => folder.has(&name.path(format), bytes).await,
            Kind::Bucket(_) => Ok(true),
        }
    }

    /// Whether a file is there with these bytes: it is read, or a bucket is asked for the hash that was stored with it.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub(super) async fn has_same(
        &self,
        name: Name,
        format: Format,
        sha256: manifest::Hash,
    ) -> Result<bool, Error> {
        let path = name.path(format);
        match &self.0 {
            Kind::Folder(folder) => folder.has_same(&path, sha256).await,
            Kind::Bucket(bucket) => bucket.has_same(&path, sha256).await,
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
