//! What is in a backup: each file with its length and hash, so that a copy of it can be told from a damaged one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock;

/// The file in the backup that holds it.
const NAME: &str = "backup.json";
/// The form of the inventory; a program that does not know it says so.
const FORM: u32 = 1;

/// The files of a backup.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    form: u32,
    /// The version of the program that took the backup.
    program: String,
    /// When that was, in seconds since 1970.
    taken_at: u64,
    /// By their paths below the folder.
    files: BTreeMap<String, Entry>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    bytes: u64,
    sha256: String,
}

impl Inventory {
    /// The files that are in the folder now.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn of(folder: &Path) -> anyhow::Result<Self> {
        let mut files = BTreeMap::new();
        for name in names(folder)? {
            let entry = Entry::of(&folder.join(&name))?;
            files.insert(name, entry);
        }
        Ok(Self {
            form: FORM,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at: clock::now().0,
            files,
        })
    }

    /// Writes it into the folder, durably. Its being there says that the backup is complete.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(NAME);
        let draft = folder.join("backup.json.unfinished");
        let written = (|| {
            let mut file = File::create(&draft)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        })();
        written.with_context(|| format!("writing {}", path.display()))
    }

    /// Reads that of a backup.
    ///
    /// # Errors
    /// When there is none, or it is of a form that this program does not know.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(NAME);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
                "there is no {}: this is no backup, or it was cut off while it was taken",
                path.display()
            ),
            text => text.with_context(|| format!("reading {}", path.display()))?,
        };
        let inventory: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not an inventory", path.display()))?;
        if inventory.form != FORM {
            bail!(
                "{} is of form {}, and this program knows form {FORM} only: verify it with the program of version {}",
                path.display(),
                inventory.form,
                inventory.program
            );
        }
        Ok(inventory)
    }

    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|entry| entry.bytes).sum()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// When the backup was taken, in seconds since 1970.
    pub const fn taken_at(&self) -> u64 {
        self.taken_at
    }

    /// What in the folder is not as it was: one sentence a file. `progress` is told the bytes read.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn faults(
        &self,
        folder: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> anyhow::Result<Vec<String>> {
        let mut faults = Vec::new();
        let mut read = 0;
        for (name, wanted) in &self.files {
            match Entry::of(&folder.join(name)) {
                Ok(there) if there == *wanted => {}
                Ok(there) if there.bytes != wanted.bytes => faults.push(format!(
                    "{name}: {} bytes instead of {}",
                    there.bytes, wanted.bytes
                )),
                Ok(_) => faults.push(format!("{name}: its content has changed")),
                Err(error) => faults.push(format!("{name}: {}", error.root_cause())),
            }
            read += wanted.bytes;
            progress(read);
        }
        for name in names(folder)? {
            if !self.files.contains_key(&name) {
                faults.push(format!("{name}: was not there when the backup was taken"));
            }
        }
        Ok(faults)
    }
}

impl Entry {
    fn of(path: &Path) -> anyhow::Result<Self> {
        let hashed = (|| {
            let mut hash = Sha256::new();
            let bytes = io::copy(&mut File::open(path)?, &mut hash)?;
            Ok::<_, io::Error>((bytes, hash.finalize()))
        })();
        let (bytes, hash) = hashed.with_context(|| format!("reading {}", path.display()))?;
        let sha256 = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { bytes, sha256 })
    }
}

/// The paths of the files below a folder, but for the inventory itself and what only shows that somebody works there.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(below) = folders.pop() {
        let place = folder.join(&below);
        let entries = fs::read_dir(&place);
        for entry in entries.with_context(|| format!("reading {}", place.display()))? {
            let entry = entry?;
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push(format!("{name}/"));
            } else if name != NAME && !name.ends_with("/LOCK") {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("relay/log")).unwrap();
        fs::write(folder.path().join("relay/log/1"), b"events").unwrap();
        fs::write(folder.path().join("records.sqlite"), b"records").unwrap();
        let inventory = Inventory::of(folder.path()).unwrap();
        inventory.write(folder.path()).unwrap();
        folder
    }

    fn faults(folder: &Path) -> Vec<String> {
        let inventory = Inventory::read(folder).unwrap();
        inventory.faults(folder, &mut |_| {}).unwrap()
    }

    #[test]
    fn r5_5_what_is_as_it_was_has_no_fault() {
        let folder = backup();
        assert_eq!(faults(folder.path()), Vec::<String>::new());
        let inventory = Inventory::read(folder.path()).unwrap();
        assert_eq!((inventory.len(), inventory.bytes()), (2, 13));
    }

    #[test]
    fn r5_5_every_kind_of_damage_is_told() {
        let folder = backup();
        let root = folder.path();
        fs::write(root.join("relay/log/1"), b"evenTs").unwrap();
        fs::write(root.join("records.sqlite"), b"record").unwrap();
        fs::write(root.join("relay/log/2"), b"").unwrap();
        assert_eq!(
            faults(root),
            [
                "records.sqlite: 6 bytes instead of 7",
                "relay/log/1: its content has changed",
                "relay/log/2: was not there when the backup was taken"
            ]
        );
        fs::remove_file(root.join("relay/log/1")).unwrap();
        assert!(faults(root)[1].starts_with("relay/log/1: No such file"));
    }

    #[test]
    fn r5_5_a_backup_that_was_cut_off_is_none() {
        let folder = backup();
        fs::remove_file(folder.path().join(NAME)).unwrap();
        let error = Inventory::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("cut off"), "{error}");
        fs::write(folder.path().join(NAME), b"{}").unwrap();
        assert!(Inventory::read(folder.path()).is_err());
    }
}
