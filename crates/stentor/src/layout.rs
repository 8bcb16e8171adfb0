//! What lies where in the data folder.

use std::path::{Path, PathBuf};

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

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The store of the relay's events.
    pub fn relay_store(&self) -> PathBuf {
        self.root.join("relay")
    }

    /// Keys; readable by their owner only.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// The socket by which commands reach the running node.
    pub fn control_socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }
}
