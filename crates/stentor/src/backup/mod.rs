//! Copying everything that a node needs to go on elsewhere (R5.5).
//!
//! A backup is a data folder: the keys, the records, the logs of the events and of the observatory's archive, and an inventory of these
//! files, by which it can be verified without being touched. Records and events are of one moment: while the records are copied, nobody
//! bans, allows or makes a member, and the moment of the events is taken before that goes on. What the records say of the archive was
//! durable there before, so its moment comes after theirs: it has all that they know of. The copy of the events themselves,
//! which takes longest, holds up nobody. Indexes are left out: they are made anew from the log, at the position of the feed
//! that the log has.

mod inventory;

use std::fs::{self, DirBuilder};
use std::ops::ControlFlow;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use stentor_store::embedded::{Moment, Progress, Store};

use crate::layout::Layout;
use crate::records::Records;

pub use inventory::Inventory;

/// What has events.
pub struct Stores<'a> {
    /// The relay's store.
    pub relay: &'a Arc<Store>,
    /// The observatory's archive, where there is an observatory.
    pub archive: Option<Arc<Store>>,
}

/// Takes a backup while the node serves. `progress` is told the bytes of events copied, and their total, of one
/// store after the other, and may end it early.
///
/// # Errors
/// When the folder holds something already, or cannot be written.
pub async fn take(
    stores: Stores<'_>,
    records: &Records,
    from: &Layout,
    to: PathBuf,
    progress: impl Fn(u64, u64) -> ControlFlow<()> + Send + 'static,
) -> anyhow::Result<Value> {
    let (from, to) = (from.clone(), Layout::new(&to));
    let place = to.clone();
    blocking(move || {
        make_empty(place.root())?;
        copy_secrets(&from.secrets(), &place.secrets()).context("copying the keys")
    })
    .await?;
    let access = records.existing().await?;
    let held = match &access {
        Some(access) => Some(access.hold().await),
        None => None,
    };
    let copied = records.backup(to.root()).await?;
    let mut moments = vec![(stores.relay.moment(), to.relay_store())];
    moments.extend(
        stores
            .archive
            .map(|archive| (archive.moment(), to.archive_store())),
    );
    drop(held);
    let (folder, bytes) = blocking(move || finish(&to, &moments, &progress)).await?;
    Ok(json!({ "folder": folder, "bytes": bytes, "records": copied }))
}

/// Copies the events and takes the inventory.
fn finish(
    to: &Layout,
    moments: &[(Moment, PathBuf)],
    progress: Progress<'_>,
) -> anyhow::Result<(PathBuf, u64)> {
    for (moment, place) in moments {
        moment.copy(place, progress)?;
    }
    let inventory = Inventory::of(to.root())?;
    inventory.write(to.root())?;
    let folder = fs::File::open(to.root()).and_then(|folder| folder.sync_all());
    folder.with_context(|| format!("writing {}", to.root().display()))?;
    Ok((to.root().to_owned(), inventory.bytes()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
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
