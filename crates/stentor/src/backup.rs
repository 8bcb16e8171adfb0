//! Copying everything that a node needs to go on elsewhere.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use stentor_store::embedded::Store;

use crate::layout::Layout;

/// Copies the store, as of one moment, and the keys into a new folder, which is a data folder itself: a node can be
/// started on it.
///
/// # Errors
/// When the folder holds something already, or cannot be written.
pub fn take(
    store: &Store,
    from: &Layout,
    to: &Path,
    progress: &dyn Fn(u64, u64),
) -> anyhow::Result<Value> {
    let to = Layout::new(to);
    make_empty(to.root())?;
    copy_secrets(&from.secrets(), &to.secrets()).context("copying the keys")?;
    store.backup(&to.relay_store(), progress)?;
    let folder = fs::File::open(to.root()).and_then(|folder| folder.sync_all());
    folder.with_context(|| format!("writing {}", to.root().display()))?;
    Ok(json!({ "folder": to.root(), "bytes": size(to.root()) }))
}

fn make_empty(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    if fs::read_dir(folder)?.next().is_some() {
        bail!("{} is not empty", folder.display());
    }
    Ok(())
}

fn copy_secrets(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.exists() {
        return Ok(());
    }
    DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            // Keeps the mode of the file: readable by its owner only.
            let copy = to.join(entry.file_name());
            fs::copy(entry.path(), &copy)?;
            fs::File::open(&copy)?.sync_all()?;
        }
    }
    fs::File::open(to)?.sync_all()
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
