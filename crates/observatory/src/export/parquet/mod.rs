//! Tables as Apache Parquet.
//!
//! Columns are written by the low-level writer, without Arrow. Reading is of files that others may have made: it is only done in the
//! process of a command, never in the node, as a program that is built to abort on a panic would end with it (decision 24).

mod read;
mod schema;
mod write;

pub(super) use read::read;
pub(super) use write::Writer;

use std::io;

/// What the library says, as an error of the disk.
fn failed(error: parquet::errors::ParquetError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
