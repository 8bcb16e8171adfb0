//! Reading an export: files are held against the manifest and decoded, and what is in them is given out as lines.
//!
//! A file is used as a whole or not at all: its length, its hash, its form and the number of its rows are checked before the first
//! of them is given out. One that is broken is named, and the others go on.

mod rows;

use std::fs::File;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::rows::rows_of;
use super::digest;
use super::manifest::{self, Manifest};
use super::name::{Format, Name};
use super::place::Place;
use super::wire;
use crate::error::Error;

/// Bytes that are given out at once.
const PIECE: usize = 256 * 1024;
/// Pieces that wait.
const PIECES: usize = 4;

/// An export that can be read.
pub struct Source {
    place: Place,
    manifest: Manifest,
}

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Source {
    /// Reads the manifest of what lies at this place.
    ///
    /// # Errors
    /// Those of the place. [`Error::Invalid`] without a manifest: the export is not finished.
    pub async fn open(place: Place) -> Result<Self, Error> {
        let manifest = place.manifest(manifest::FILE).await?;
        let manifest = manifest.ok_or_else(|| {
            let problem = format!(
                "{}: no {}: this is no finished export",
                place.name(),
                manifest::FILE
            );
            Error::Invalid(problem)
        })?;
        Ok(Self { place, manifest })
    }

    /// Whether it has who holds what.
    #[must_use]
    pub const fn has_provenance(&self) -> bool {
        self.manifest.provenance
    }

    /// Rows that there are to be given out.
    #[must_use]
    pub fn rows(&self, provenance: bool) -> u64 {
        let pairs = if provenance {
            self.manifest.rows("provenance")
        } else {
            0
        };
        self.manifest.rows("events").saturating_add(pairs)
    }

    /// Gives out events, and then pairs if they are wanted; in the end, which files could not be used. Must be called within a
    /// runtime; nothing goes on once the lines are dropped.
    #[must_use]
    pub fn lines(self, provenance: bool) -> (Lines, JoinHandle<Vec<Broken>>) {
        let (to, from) = mpsc::channel(PIECES);
        let reading = tokio::spawn(read(self, provenance, to));
        let lines = Lines {
            from,
            piece: Vec::new(),
            at: 0,
        };
        (lines, reading)
    }
}

/// Lines as they are read. To be read on a thread that may wait.
pub struct Lines {
    from: mpsc::Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Lines {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.piece.len() {
            let Some(piece) = self.from.blocking_recv() else {
                return Ok(0);
            };
            (self.piece, self.at) = (piece, 0);
        }
        let mut left = self.piece.get(self.at..).unwrap_or_default();
        let read = left.read(to)?;
        self.at += read;
        Ok(read)
    }
}

async fn read(source: Source, provenance: bool, to: mpsc::Sender<Vec<u8>>) -> Vec<Broken> {
    let mut broken = Vec::new();
    let format = source.manifest.format;
    for (name, file) in &source.manifest.files {
        let is_events = match name {
            Name::Events { .. } => true,
            Name::Provenance { .. } if provenance => false,
            _ => continue,
        };
        let path = name.path(format);
        let opened = source.place.open(*name, format, file.bytes).await;
        let problem = match opened {
            Ok(opened) => {
                let entry = (path.clone(), *file);
                let kind = (format, is_events);
                let to = to.clone();
                let used = tokio::task::spawn_blocking(move || used(opened, &entry, kind, &to));
                match used.await {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "its reader has failed".to_owned(),
                }
            }
            Err(error) => error.to_string(),
        };
        if to.is_closed() {
            // Nobody reads on: the file has done nothing wrong.
            break;
        }
        broken.push(Broken {
            file: path,
            problem,
        });
    }
    broken
}

/// Checks a file, and then gives out its rows.
fn used(
    mut opened: File,
    (path, file): &(String, manifest::File),
    kind: (Format, bool),
    to: &mpsc::Sender<Vec<u8>>,
) -> io::Result<()> {
    if digest::sha256(&mut opened)? != file.sha256 {
        return Err(invalid("its SHA-256 is not that of the manifest"));
    }
    let mut rows = 0;
    rows_of(&mut opened, kind, &mut |_| {
        rows += 1;
        match rows > file.rows {
            true => Err(invalid("it has more rows than the manifest says")),
            false => Ok(()),
        }
    })?;
    if rows < file.rows {
        return Err(invalid("it has fewer rows than the manifest says"));
    }
    let mut piece = Vec::with_capacity(PIECE);
    wire::file(path, &mut piece);
    rows_of(&mut opened, kind, &mut |row| {
        piece.extend_from_slice(row);
        if piece.len() >= PIECE {
            let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE));
            return send(to, full);
        }
        Ok(())
    })?;
    send(to, piece)
}

fn send(to: &mpsc::Sender<Vec<u8>>, piece: Vec<u8>) -> io::Result<()> {
    to.blocking_send(piece)
        .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads on"))
}

fn invalid(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
