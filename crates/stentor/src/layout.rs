//! What lies where in the data folder.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A data folder.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The data folder at this path, absolute so that it means the same to a running node.
    pub fn new(root: &Path) -> Self {
        Self {
            root: std::path::absolute(root).unwrap_or_else(|_| root.to_owned()),
        }
    }

    /// Makes the folder, readable by its owner only, unless it is there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(&self) -> anyhow::Result<()> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.root);
        made.with_context(|| format!("cannot make the folder {}", self.root.display()))
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The store of the relay's events.
    pub fn relay_store(&self) -> PathBuf {
        self.root.join("relay")
    }

    /// The store of the observatory's archive.
    pub fn archive_store(&self) -> PathBuf {
        self.root.join("archive")
    }

    /// The index of full-text search, which follows the store and can be made anew from it.
    pub fn search_index(&self) -> PathBuf {
        self.root.join("search")
    }

    /// Keys; readable by their owner only.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// The lock that says whose the store is next.
    pub fn heir(&self) -> PathBuf {
        self.root.join("HEIR")
    }

    /// The socket by which commands reach the running node.
    pub fn control_socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }
}
