//! Recording what is done to the disk.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use rustix::io::Errno;

use super::platter::Platter;
use crate::embedded::watch::Act;

/// A file, whatever its name is.
pub type FileId = usize;

/// A recorded operation.
#[derive(Debug, Clone)]
pub enum Op {
    /// An entry in a folder appears: a file, or a folder.
    Make(PathBuf, OsString, Option<FileId>),
    /// An entry gets another name.
    Rename(PathBuf, OsString, OsString),
    /// An entry disappears.
    Remove(PathBuf, OsString),
    /// What was done to a folder's entries before this operation is durable.
    SyncFolder(PathBuf, usize),
    /// Bytes are written.
    Write(FileId, u64, Vec<u8>),
    /// A file gets this length.
    Resize(FileId, u64),
    /// What was done to a file before this operation is durable.
    Sync(FileId, usize),
    /// What was written to a file before this operation is lost, though reading it finds it.
    Lose(FileId, usize),
}

type Fault = Box<dyn FnMut(&Path, Act<'_>) -> Option<Errno> + Send>;

#[derive(Default)]
struct Inner {
    /// Operations before the recording began.
    base: usize,
    ops: Vec<Op>,
    names: HashMap<PathBuf, FileId>,
    lengths: Vec<u64>,
    fault: Option<Fault>,
}

/// The recording of a folder.
pub struct Tape {
    root: PathBuf,
    inner: Mutex<Inner>,
}

static RUNNING: LazyLock<Mutex<Vec<Arc<Tape>>>> = LazyLock::new(Mutex::default);

/// Does something to a file or folder, and records it if somebody asked for that.
pub fn act<T>(path: &Path, act: Act<'_>, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let tape = RUNNING
        .lock()
        .iter()
        .find(|tape| path.starts_with(&tape.root))
        .cloned();
    match tape {
        Some(tape) => tape.act(path, act, work),
        None => work(),
    }
}

impl Tape {
    /// Begins to record what happens in this folder, which lies on this disk.
    pub fn start(root: &Path, platter: &Platter) -> Arc<Self> {
        let mut inner = Inner {
            base: platter.operations(),
            lengths: vec![0; platter.files()],
            ..Inner::default()
        };
        for (path, file) in platter.names(root) {
            inner.lengths[file] = path.metadata().unwrap().len();
            inner.names.insert(path, file);
        }
        let tape = Arc::new(Self {
            root: root.to_path_buf(),
            inner: Mutex::new(inner),
        });
        RUNNING.lock().push(tape.clone());
        tape
    }

    /// Stops recording.
    pub fn stop(self: &Arc<Self>) -> Vec<Op> {
        RUNNING.lock().retain(|tape| !Arc::ptr_eq(tape, self));
        self.take()
    }

    /// What was recorded since the last time.
    pub fn take(&self) -> Vec<Op> {
        let mut inner = self.inner.lock();
        inner.base += inner.ops.len();
        std::mem::take(&mut inner.ops)
    }

    /// Operations so far.
    pub fn position(&self) -> usize {
        self.inner.lock().ops.len()
    }

    /// From now on, operations fail as this function says.
    pub fn fail(&self, fault: impl FnMut(&Path, Act<'_>) -> Option<Errno> + Send + 'static) {
        self.inner.lock().fault = Some(Box::new(fault));
    }

    /// From now on, nothing fails.
    pub fn heal(&self) {
        self.inner.lock().fault = None;
    }

    fn act<T>(
        &self,
        path: &Path,
        act: Act<'_>,
        work: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let mut inner = self.inner.lock();
        let before = inner.base + inner.ops.len();
        if let Some(errno) = inner.fault.as_mut().and_then(|fault| fault(path, act)) {
            match act {
                // A write that fails may have written something.
                Act::Write { .. } => {
                    work()?;
                    inner.note(path, act, before);
                }
                // A sync that fails loses what it should have made durable.
                Act::Sync => {
                    let lost = Op::Lose(inner.names[path], before);
                    inner.ops.push(lost);
                }
                _ => {}
            }
            return Err(errno.into());
        }
        if matches!(act, Act::Sync | Act::SyncFolder) {
            // Others go on writing meanwhile: what they write is not covered.
            drop(inner);
            let done = work()?;
            self.inner.lock().note(path, act, before);
            return Ok(done);
        }
        let done = work()?;
        inner.note(path, act, before);
        Ok(done)
    }
}

impl Inner {
    fn note(&mut self, path: &Path, act: Act<'_>, before: usize) {
        let (folder, name) = split(path);
        match act {
            Act::Open { empty } => match self.names.get(path) {
                Some(file) if empty => {
                    self.lengths[*file] = 0;
                    self.ops.push(Op::Resize(*file, 0));
                }
                Some(_) => {}
                None => {
                    let file = self.lengths.len();
                    self.lengths.push(0);
                    self.names.insert(path.to_path_buf(), file);
                    self.ops.push(Op::Make(folder, name, Some(file)));
                }
            },
            Act::Write { offset, bytes } => {
                let file = self.names[path];
                let end = offset + bytes.len() as u64;
                self.lengths[file] = self.lengths[file].max(end);
                self.ops.push(Op::Write(file, offset, bytes.to_vec()));
            }
            Act::Resize(length) => self.resize(path, length),
            Act::Reserve(length) => {
                let now = self.lengths[self.names[path]];
                self.resize(path, now.max(length));
            }
            Act::Sync => self.ops.push(Op::Sync(self.names[path], before)),
            Act::Rename(to) => {
                let file = self.names.remove(path).unwrap();
                self.names.insert(to.to_path_buf(), file);
                self.ops.push(Op::Rename(folder, name, split(to).1));
            }
            Act::Remove => {
                if self.names.remove(path).is_some() {
                    self.ops.push(Op::Remove(folder, name));
                }
            }
            Act::MakeFolder => self.ops.push(Op::Make(folder, name, None)),
            Act::SyncFolder => self.ops.push(Op::SyncFolder(path.to_path_buf(), before)),
        }
    }

    fn resize(&mut self, path: &Path, length: u64) {
        let file = self.names[path];
        self.lengths[file] = length;
        self.ops.push(Op::Resize(file, length));
    }
}

fn split(path: &Path) -> (PathBuf, OsString) {
    let folder = path.parent().unwrap().to_path_buf();
    (folder, path.file_name().unwrap().to_os_string())
}
