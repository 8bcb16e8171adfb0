//! The disk: what is durable, and what may be there as well after a power cut.
//!
//! Of what was not synced, every block of a file holds what it held at some moment since its last sync, whatever the other
//! blocks hold; the length of a file is that of any such moment; and the entries of a folder are those of any moment since
//! the folder's last sync. That is at least as bad as what file systems do.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::dice::Dice;
use super::tape::{FileId, Op};

/// How much of what was not synced survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// All of it: the process was killed.
    Kill,
    /// None of it.
    Nothing,
    /// Any part of it, in blocks of this many bytes.
    Blocks(usize),
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Platter {
    folders: BTreeMap<PathBuf, Folder>,
    files: HashMap<FileId, Content>,
    /// Operations so far.
    at: usize,
}

#[derive(Debug, Clone, Default)]
struct Folder {
    durable: Entries,
    pending: Vec<(usize, Op)>,
}

/// Files, and folders (`None`).
type Entries = BTreeMap<OsString, Option<FileId>>;

#[derive(Debug, Clone, Default)]
struct Content {
    durable: Vec<u8>,
    pending: Vec<(usize, Op)>,
}

impl Platter {
    /// A disk with what is in the folder `root`.
    pub fn new(root: &Path) -> Self {
        let mut platter = Self::default();
        platter.load(root);
        platter
    }

    fn load(&mut self, folder: &Path) {
        self.entries(folder);
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (name, path) = (entry.file_name(), entry.path());
            if path.is_dir() {
                self.entries(folder).insert(name, None);
                self.load(&path);
            } else if name != "LOCK" {
                let file = self.files.len();
                self.entries(folder).insert(name, Some(file));
                let durable = fs::read(path).unwrap();
                let pending = Vec::new();
                self.files.insert(file, Content { durable, pending });
            }
        }
    }

    /// The same disk with another name for the folder `from`.
    pub fn renamed(mut self, from: &Path, to: &Path) -> Self {
        let folders = std::mem::take(&mut self.folders).into_iter();
        self.folders = folders
            .map(|(path, mut folder)| {
                for (_, op) in &mut folder.pending {
                    rename_in(op, from, to);
                }
                (moved(&path, from, to), folder)
            })
            .collect();
        self
    }

    /// Operations so far.
    pub fn operations(&self) -> usize {
        self.at
    }

    /// Files that there ever were.
    pub fn files(&self) -> usize {
        self.files.keys().max().map_or(0, |last| last + 1)
    }

    /// The files under this folder as processes see them.
    pub fn names(&self, root: &Path) -> Vec<(PathBuf, FileId)> {
        let Some(folder) = self.folders.get(root) else {
            return Vec::new();
        };
        let mut entries = folder.durable.clone();
        for (_, op) in &folder.pending {
            change_entries(&mut entries, op);
        }
        let mut found = Vec::new();
        for (name, file) in entries {
            let path = root.join(name);
            match file {
                Some(file) => found.push((path, file)),
                None => found.extend(self.names(&path)),
            }
        }
        found
    }

    fn entries(&mut self, folder: &Path) -> &mut Entries {
        &mut self
            .folders
            .entry(folder.to_path_buf())
            .or_default()
            .durable
    }

    /// The next operation.
    pub fn apply(&mut self, op: &Op) {
        let at = self.at;
        self.at += 1;
        match op {
            Op::Make(folder, ..) | Op::Rename(folder, ..) | Op::Remove(folder, ..) => {
                if let Op::Make(_, _, Some(file)) = op {
                    self.files.entry(*file).or_default();
                }
                let folder = self.folders.entry(folder.clone()).or_default();
                folder.pending.push((at, op.clone()));
            }
            Op::SyncFolder(folder, before) => {
                let folder = self.folders.entry(folder.clone()).or_default();
                for op in take_before(&mut folder.pending, *before) {
                    change_entries(&mut folder.durable, &op);
                }
            }
            Op::Write(file, ..) | Op::Resize(file, _) => {
                let content = self.files.entry(*file).or_default();
                content.pending.push((at, op.clone()));
            }
            Op::Sync(file, before) => {
                let content = self.files.entry(*file).or_default();
                for op in take_before(&mut content.pending, *before) {
                    change_content(&mut content.durable, &op);
                }
            }
            Op::Lose(file, before) => {
                let content = self.files.entry(*file).or_default();
                content
                    .pending
                    .retain(|(at, op)| at >= before || matches!(op, Op::Resize(..)));
            }
        }
    }

    /// Cuts the power, and writes what is found afterwards to another folder in the place of `root`.
    pub fn cut(&self, cut: Cut, dice: &mut Dice, root: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        self.restore(cut, dice, root, to);
    }

    fn restore(&self, cut: Cut, dice: &mut Dice, folder: &Path, to: &Path) {
        let Some(state) = self.folders.get(folder) else {
            return;
        };
        let mut entries = state.durable.clone();
        let survive = prefix(cut, dice, state.pending.len());
        for (_, op) in &state.pending[..survive] {
            change_entries(&mut entries, op);
        }
        for (name, entry) in entries {
            let target = to.join(&name);
            match entry {
                None => {
                    fs::create_dir(&target).unwrap();
                    self.restore(cut, dice, &folder.join(&name), &target);
                }
                Some(file) => {
                    let content = self.files.get(&file);
                    let bytes = content.map_or(Vec::new(), |content| content.after(cut, dice));
                    write(&target, &bytes);
                }
            }
        }
    }
}

/// How many of some operations survive.
fn prefix(cut: Cut, dice: &mut Dice, count: usize) -> usize {
    match cut {
        Cut::Kill => count,
        Cut::Nothing => 0,
        Cut::Blocks(_) => dice.below(count + 1),
    }
}

fn take_before(pending: &mut Vec<(usize, Op)>, before: usize) -> Vec<Op> {
    let count = pending.partition_point(|(at, _)| *at < before);
    pending.drain(..count).map(|(_, op)| op).collect()
}

fn change_entries(entries: &mut Entries, op: &Op) {
    match op {
        Op::Make(_, name, file) => drop(entries.insert(name.clone(), *file)),
        Op::Rename(_, from, to) => {
            let file = entries.remove(from).unwrap();
            entries.insert(to.clone(), file);
        }
        Op::Remove(_, name) => drop(entries.remove(name)),
        _ => {}
    }
}

fn change_content(content: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(_, offset, bytes) => {
            let start = *offset as usize;
            let end = start + bytes.len();
            content.resize(content.len().max(end), 0);
            content[start..end].copy_from_slice(bytes);
        }
        Op::Resize(_, length) => content.resize(*length as usize, 0),
        _ => {}
    }
}

impl Content {
    /// What is found after a cut.
    fn after(&self, cut: Cut, dice: &mut Dice) -> Vec<u8> {
        let ops = self.pending.iter().map(|(_, op)| op);
        let Cut::Blocks(block) = cut else {
            let mut content = self.durable.clone();
            if cut == Cut::Kill {
                ops.for_each(|op| change_content(&mut content, op));
            }
            return content;
        };
        let survive = prefix(cut, dice, self.pending.len());
        let length = ops.clone().take(survive).fold(self.durable.len(), length);
        let most = ops.clone().scan(self.durable.len(), |now, op| {
            *now = self::length(*now, op);
            Some(*now)
        });
        let most = most.max().unwrap_or(0).max(self.durable.len());
        let mut content = self.durable.clone();
        content.resize(most, 0);
        let mut touches = vec![0usize; most.div_ceil(block)];
        for op in ops.clone() {
            for at in blocks(op, block, most) {
                touches[at] += 1;
            }
        }
        for left in &mut touches {
            *left = if *left == 0 { 0 } else { dice.below(*left + 1) };
        }
        for op in ops {
            for at in blocks(op, block, most) {
                if touches[at] > 0 {
                    touches[at] -= 1;
                    change_block(&mut content, at * block..((at + 1) * block).min(most), op);
                }
            }
        }
        content.resize(length, 0);
        content
    }
}

fn length(now: usize, op: &Op) -> usize {
    match op {
        Op::Write(_, offset, bytes) => now.max(*offset as usize + bytes.len()),
        Op::Resize(_, length) => *length as usize,
        _ => now,
    }
}

/// The blocks that an operation changes.
fn blocks(op: &Op, block: usize, most: usize) -> std::ops::Range<usize> {
    match op {
        Op::Write(_, offset, bytes) => {
            let start = *offset as usize;
            start / block..(start + bytes.len()).div_ceil(block)
        }
        Op::Resize(_, length) => *length as usize / block..most.div_ceil(block),
        _ => 0..0,
    }
}

/// The part of an operation that lies in a block.
fn change_block(content: &mut [u8], block: std::ops::Range<usize>, op: &Op) {
    match op {
        Op::Write(_, offset, bytes) => {
            let offset = *offset as usize;
            let from = block.start.max(offset);
            let to = block.end.min(offset + bytes.len());
            content[from..to].copy_from_slice(&bytes[from - offset..to - offset]);
        }
        Op::Resize(_, length) => {
            let from = block.start.max(*length as usize).min(block.end);
            content[from..block.end].fill(0);
        }
        _ => {}
    }
}

/// Writes a file, leaving out what is zero.
fn write(path: &Path, content: &[u8]) {
    let file = fs::File::create(path).unwrap();
    file.set_len(content.len() as u64).unwrap();
    for (at, part) in (0u64..).step_by(4096).zip(content.chunks(4096)) {
        if part.iter().any(|byte| *byte != 0) {
            file.write_all_at(part, at).unwrap();
        }
    }
}

fn moved(path: &Path, from: &Path, to: &Path) -> PathBuf {
    let rest = path.strip_prefix(from).unwrap();
    if rest.as_os_str().is_empty() {
        return to.to_path_buf();
    }
    to.join(rest)
}

fn rename_in(op: &mut Op, from: &Path, to: &Path) {
    if let Op::Make(folder, ..) | Op::Rename(folder, ..) | Op::Remove(folder, ..) = op {
        *folder = moved(folder, from, to);
    }
}
