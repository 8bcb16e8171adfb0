//! An export in a folder. Files are written beside their place and then renamed: whatever has a name of an export is complete.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Scratch, aside};
use crate::error::Error;
use crate::export::encoder::{Encoded, temporary};
use crate::export::manifest::Manifest;
use crate::export::name::{Format, Name};

/// Where files are until they are complete.
const UNFINISHED: &str = ".unfinished";

/// A folder.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub async fn prepare(&self) -> Result<Scratch, Error> {
        let root = self.0.clone();
        let prepared = aside(self.0.join(UNFINISHED), move |path| {
            fs::create_dir_all(&root)?;
            // Two exports would take each other's files away.
            let lock = File::open(&root)?;
            lock.try_lock()
                .map_err(|_| io::Error::other("another export is writing there"))?;
            match fs::remove_dir_all(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            fs::create_dir(path)?;
            Ok((path.to_owned(), lock))
        });
        let (path, lock) = prepared.await?;
        Ok(Scratch {
            path,
            temporary: None,
            _lock: Some(lock),
        })
    }

    pub async fn small(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        aside(self.0.join(name), move |path| {
            let file = match File::open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let mut bytes = Vec::new();
            file.take(most + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > most {
                let problem = format!("has more than {most} bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            Ok(Some(bytes))
        })
        .await
    }

    pub async fn put(&self, file: Encoded, path: String) -> Result<(), Error> {
        aside(self.0.join(path), move |path| {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            file.temporary.persist(path).map_err(|error| error.error)?;
            Ok(())
        })
        .await
    }

    pub async fn put_bytes(
        &self,
        name: &str,
        bytes: Vec<u8>,
        scratch: &Scratch,
    ) -> Result<(), Error> {
        let scratch = scratch.path().to_owned();
        aside(self.0.join(name), move |path| {
            let mut file = temporary(&scratch)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            synced(path.parent())
        })
        .await
    }

    pub async fn remove(&self, path: &str) -> Result<(), Error> {
        let root = self.0.clone();
        aside(self.0.join(path), move |path| {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            // Folders of which nothing is left go, too; one that has something in it stays.
            let above = path.ancestors().skip(1);
            for folder in above.take_while(|folder| *folder != root) {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
            synced(Some(&root))
        })
        .await
    }

    pub async fn open(&self, path: &str, bytes: u64) -> Result<File, Error> {
        aside(self.0.join(path), move |path| {
            let file = File::open(path)?;
            let found = file.metadata()?;
            if !found.is_file() || found.len() != bytes {
                let problem = format!("has {} bytes instead of {bytes}", found.len());
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            Ok(file)
        })
        .await
    }

    pub async fn sweep(&self, kept: &Manifest) -> Result<(), Error> {
        let names = kept.files.keys().map(|name| name.path(kept.format));
        let kept: HashSet<String> = names.collect();
        aside(self.0.clone(), move |root| {
            for table in ["events", "provenance"] {
                sweep(root, &root.join(table), &kept)?;
            }
            for name in [Name::Relays, Name::Coverage] {
                sweep_file(root, &root.join(name.path(Format::Jsonl)), &kept)?;
                sweep_file(root, &root.join(name.path(Format::Parquet)), &kept)?;
            }
            Ok(())
        })
        .await
    }
}

/// Removes files of exports below a folder that are not kept. Nothing else is touched, and no link followed.
fn sweep(root: &Path, folder: &Path, kept: &HashSet<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sweep(root, &entry.path(), kept)?;
        } else {
            sweep_file(root, &entry.path(), kept)?;
        }
    }
    // Fails where something is left, which is good.
    let _ = fs::remove_dir(folder);
    Ok(())
}

fn sweep_file(root: &Path, path: &Path, kept: &HashSet<String>) -> io::Result<()> {
    let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) else {
        return Ok(());
    };
    let is_ours = [Format::Jsonl, Format::Parquet]
        .into_iter()
        .any(|format| Name::parse(name, format).is_some());
    if is_ours && !kept.contains(name) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes it durable that names have changed in a folder.
fn synced(folder: Option<&Path>) -> io::Result<()> {
    match folder {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
