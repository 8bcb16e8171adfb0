//! A file of an export while it is written: rows in, a file with its length and its hash out.
//!
//! What is written is a function of the rows alone: rows are handed to the compressor one by one, wherever batches end.

use std::fs::File as Disk;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use stentor_event::EventView;
use tempfile::NamedTempFile;

use super::jsonl;
use super::manifest::Hash;
use super::name::Format;
use super::parquet::Writer;
use super::table::{Cell, Table};

/// How hard Zstandard tries: its default.
const LEVEL: i32 = 3;
/// Bytes that go to the compressor at once.
const PIECE: usize = 128 * 1024;

/// A file to which rows are written.
pub(super) struct Encoder {
    table: Table,
    form: Form,
    temporary: NamedTempFile,
    line: Vec<u8>,
    /// Rows until now.
    pub rows: u64,
    /// Their bytes, as JSON or nearly so.
    pub raw: u64,
}

enum Form {
    Jsonl(Box<BufWriter<zstd::stream::write::Encoder<'static, Hashed>>>),
    Parquet(Box<Writer<Hashed>>),
}

/// A file that is complete.
pub(super) struct Encoded {
    /// The file, still under a temporary name.
    pub temporary: NamedTempFile,
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Hash,
}

impl Encoder {
    /// Begins a file in this folder.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn new(table: Table, format: Format, folder: &Path) -> io::Result<Self> {
        let temporary = temporary(folder)?;
        let to = Hashed::new(temporary.reopen()?);
        let form = match format {
            Format::Jsonl => {
                let encoder = zstd::stream::write::Encoder::new(to, LEVEL)?;
                Form::Jsonl(Box::new(BufWriter::with_capacity(PIECE, encoder)))
            }
            Format::Parquet => Form::Parquet(Box::new(Writer::new(table, to)?)),
        };
        Ok(Self {
            table,
            form,
            temporary,
            line: Vec::new(),
            rows: 0,
            raw: 0,
        })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        self.rows += 1;
        match &mut self.form {
            Form::Jsonl(writer) => {
                self.line.clear();
                jsonl::line(self.table, cells, &mut self.line);
                self.raw += self.line.len() as u64;
                writer.write_all(&self.line)
            }
            Form::Parquet(writer) => {
                self.raw += writer.row(cells)? as u64;
                Ok(())
            }
        }
    }

    /// Writes an event; as JSON it is the store's, byte for byte.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn event(&mut self, event: &EventView<'_>) -> io::Result<()> {
        if let Form::Jsonl(writer) = &mut self.form {
            self.rows += 1;
            self.raw += event.json().len() as u64;
            writer.write_all(event.json())?;
            return writer.write_all(b"\n");
        }
        let (id, pubkey, sig) = (event.id(), event.pubkey(), event.sig());
        self.row(&[
            Cell::Bytes(&id.0),
            Cell::Bytes(&pubkey.0),
            Cell::Long(i64::try_from(event.created_at().0).unwrap_or(i64::MAX)),
            Cell::Short(i32::from(event.kind().0)),
            Cell::Text(String::from_utf8_lossy(event.tags_raw())),
            Cell::Text(event.content_raw().to_text()),
            Cell::Bytes(&sig.0),
        ])
    }

    /// Ends the file and makes it durable.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn finish(self) -> io::Result<Encoded> {
        let hashed = match self.form {
            Form::Jsonl(writer) => writer
                .into_inner()
                .map_err(|error| error.into_error())?
                .finish()?,
            Form::Parquet(writer) => writer.finish()?,
        };
        let (bytes, sha256) = hashed.finish()?;
        Ok(Encoded {
            temporary: self.temporary,
            rows: self.rows,
            bytes,
            sha256,
        })
    }
}

/// A file of a temporary name, which those may read who may read any file that this process makes.
///
/// # Errors
/// Those of the disk.
pub(super) fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(0o666);
    let mut builder = tempfile::Builder::new();
    builder.permissions(permissions).tempfile_in(folder)
}

/// A file whose bytes are hashed on their way.
pub(super) struct Hashed {
    to: BufWriter<Disk>,
    hash: Sha256,
    bytes: u64,
}

impl Hashed {
    fn new(file: Disk) -> Self {
        Self {
            to: BufWriter::with_capacity(PIECE, file),
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    fn finish(self) -> io::Result<(u64, Hash)> {
        let file = self.to.into_inner().map_err(|error| error.into_error())?;
        file.sync_data()?;
        Ok((self.bytes, self.hash.finalize().into()))
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
