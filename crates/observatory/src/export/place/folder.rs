//! An export in a folder. Files are written beside their place and then renamed: whatever has a name of an export is complete. They and
//! their names are on the disk before the manifest that names them is.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Found, MOST_FOUND, Scratch, aside};
use crate::error::Error;
use crate::export::digest;
use crate::export::encoder::{Encoded, temporary};
use crate::export::manifest::Hash;
use crate::export::name::Name;

/// Where files are until they are complete.
const UNFINISHED: &str = ".unfinished";
/// Where files of an export lie: the folder itself and those of its tables, and how many folders deep.
const LAYOUT: [(&str, u32); 3] = [("", 0), ("events", 2), ("provenance", 1)];

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
        aside(self.0.clone(), |root| {
            let missing = root.ancestors().take_while(|folder| !folder.exists());
            let missing: Vec<&Path> = missing.collect();
            fs::create_dir_all(root)?;
            let mut above = missing.into_iter().filter_map(Path::parent);
            above.try_for_each(synced)?;
            // Two exports would take each other's files away.
            Scratch::take(root, UNFINISHED, "another export is writing there")
        })
        .await
    }

    pub async fn small(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        aside(self.0.join(name), move |path| {
            let Some(file) = existing(File::open(path))? else {
                return Ok(None);
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
        let root = self.0.clone();
        aside(self.0.join(path), move |path| {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            file.temporary.persist(path).map_err(|error| error.error)?;
            // All the way up, as an export that was killed may have made folders and gone no further. One in which nothing has
            // changed costs next to nothing.
            let above = path.ancestors().skip(1);
            let mut above = above.take_while(|folder| folder.starts_with(&root));
            above.try_for_each(synced)
        })
        .await
    }

    pub async fn put_bytes(
        &self,
        name: &str,
        bytes: Vec<u8>,
        scratch: &Scratch,
    ) -> Result<(), Error> {
        let (root, scratch) = (self.0.clone(), scratch.path().to_owned());
        aside(self.0.join(name), move |path| {
            let mut file = temporary(&scratch)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            synced(&root)
        })
        .await
    }

    pub async fn remove(&self, path: &str) -> Result<(), Error> {
        let root = self.0.clone();
        aside(self.0.join(path), move |path| {
            existing(fs::remove_file(path))?;
            // Folders of which nothing is left go, too; one that has something in it stays.
            let mut above = path.ancestors().skip(1);
            let left = above.find(|folder| *folder == root || fs::remove_dir(folder).is_err());
            // It may not have been there at all.
            let synced = left.map_or(Ok(()), synced);
            existing(synced).map(|_| ())
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

    pub async fn has(&self, path: &str, bytes: u64) -> Result<bool, Error> {
        aside(self.0.join(path), move |path| {
            let found = existing(fs::metadata(path))?;
            Ok(found.is_some_and(|found| found.is_file() && found.len() == bytes))
        })
        .await
    }

    pub async fn has_same(&self, path: &str, sha256: Hash) -> Result<bool, Error> {
        aside(self.0.join(path), move |path| {
            let Some(mut file) = existing(File::open(path))? else {
                return Ok(false);
            };
            Ok(digest::sha256(&mut file)? == sha256)
        })
        .await
    }

    pub async fn list(&self) -> Result<Found, Error> {
        aside(self.0.clone(), |root| {
            let mut found = Found::new();
            for (folder, depth) in LAYOUT {
                list(root, folder, depth, &mut found)?;
            }
            Ok(found)
        })
        .await
    }
}

/// Looks for files of exports below a folder, so many folders deep. No link is followed.
fn list(root: &Path, below: &str, depth: u32, found: &mut Found) -> io::Result<()> {
    let Some(entries) = existing(fs::read_dir(root.join(below)))? else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        let path = match below {
            "" => name.to_owned(),
            below => format!("{below}/{name}"),
        };
        if entry.file_type()?.is_dir() {
            if depth > 0 {
                list(root, &path, depth - 1, found)?;
            }
        } else if let Some(file) = Name::find(&path) {
            found.insert(file, entry.metadata()?.len());
        }
        if found.len() > MOST_FOUND {
            return Err(io::Error::other("more files than exports have"));
        }
    }
    Ok(())
}

/// `None` when there is no such file.
fn existing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes it durable that names have changed in a folder.
fn synced(folder: &Path) -> io::Result<()> {
    // That of a relative path of one part.
    let here = folder.as_os_str().is_empty();
    File::open(if here { Path::new(".") } else { folder })?.sync_all()
}
