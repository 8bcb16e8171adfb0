//! Writing rows, a group of them at a time.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::ColumnPath;

use super::{failed, schema};
use crate::export::table::{Cell, Column, Kind, Table};

/// Bytes of values after which a group of rows is written: what is held in memory is a small multiple of it.
const GROUP_BYTES: usize = 8 << 20;
/// Bytes that a value takes beside its own.
const VALUE_BYTES: usize = 48;
/// How hard Zstandard tries: its default.
const LEVEL: i32 = 3;

/// A Parquet file to which rows are written.
pub(in crate::export) struct Writer<W: Write + Send> {
    table: Table,
    file: SerializedFileWriter<W>,
    columns: Vec<Values>,
    waiting: usize,
}

/// Values of a column that wait for their group.
struct Values {
    held: Held,
    /// For each row whether it has a value, where it may have none.
    levels: Option<Vec<i16>>,
}

enum Held {
    Bytes(Vec<FixedLenByteArray>),
    Text(Vec<ByteArray>),
    Short(Vec<i32>),
    Long(Vec<i64>),
    Real(Vec<f64>),
    Truth(Vec<bool>),
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Those of where it is written to.
    pub fn new(table: Table, to: W) -> io::Result<Self> {
        Self::try_new(table, to).map_err(failed)
    }

    fn try_new(table: Table, to: W) -> Result<Self, ParquetError> {
        let mut properties = WriterProperties::builder()
            .set_created_by("stentor".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
            .set_statistics_enabled(EnabledStatistics::Chunk);
        for column in table {
            let path = ColumnPath::from(column.name);
            properties = properties.set_column_dictionary_enabled(path, column.repeats);
        }
        let properties = Arc::new(properties.build());
        Ok(Self {
            table,
            file: SerializedFileWriter::new(to, schema::of(table)?, properties)?,
            columns: table.iter().map(Values::of).collect(),
            waiting: 0,
        })
    }

    /// Writes a row; returns its bytes.
    ///
    /// # Errors
    /// Those of where it is written to, and a row that is not of this table.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<usize> {
        if cells.len() != self.table.len() {
            return Err(not_of_this_table());
        }
        let mut bytes = 0;
        for (values, cell) in self.columns.iter_mut().zip(cells) {
            let taken = values.push(cell).ok_or_else(not_of_this_table)?;
            bytes += taken;
        }
        self.waiting += bytes + cells.len() * VALUE_BYTES;
        if self.waiting >= GROUP_BYTES {
            self.group().map_err(failed)?;
        }
        Ok(bytes)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Those of where it is written to.
    pub fn finish(mut self) -> io::Result<W> {
        if self.waiting > 0 {
            self.group().map_err(failed)?;
        }
        self.file.into_inner().map_err(failed)
    }

    fn group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for values in &mut self.columns {
            let Some(writer) = group.next_column()? else {
                break;
            };
            values.write(writer)?;
        }
        group.close()?;
        self.waiting = 0;
        Ok(())
    }
}

fn not_of_this_table() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a row of another table")
}

impl Values {
    fn of(column: &Column) -> Self {
        let held = match column.kind {
            Kind::Bytes(_) => Held::Bytes(Vec::new()),
            Kind::Text | Kind::Json => Held::Text(Vec::new()),
            Kind::Short => Held::Short(Vec::new()),
            Kind::Long => Held::Long(Vec::new()),
            Kind::Real => Held::Real(Vec::new()),
            Kind::Truth => Held::Truth(Vec::new()),
        };
        Self {
            held,
            levels: column.optional.then(Vec::new),
        }
    }

    /// Adds a value; its bytes, or `None` when it is not of this column.
    fn push(&mut self, cell: &Cell<'_>) -> Option<usize> {
        if let Some(levels) = &mut self.levels {
            levels.push(i16::from(*cell != Cell::Empty));
        }
        let bytes = match (&mut self.held, cell) {
            (_, Cell::Empty) => return self.levels.is_some().then_some(0),
            (Held::Bytes(values), Cell::Bytes(bytes)) => {
                values.push(ByteArray::from(Bytes::copy_from_slice(bytes)).into());
                bytes.len()
            }
            (Held::Text(values), Cell::Text(text)) => {
                values.push(Bytes::copy_from_slice(text.as_bytes()).into());
                text.len()
            }
            (Held::Short(values), Cell::Short(number)) => {
                values.push(*number);
                size_of::<i32>()
            }
            (Held::Long(values), Cell::Long(number)) => {
                values.push(*number);
                size_of::<i64>()
            }
            (Held::Real(values), Cell::Real(number)) => {
                values.push(*number);
                size_of::<f64>()
            }
            (Held::Truth(values), Cell::Truth(truth)) => {
                values.push(*truth);
                1
            }
            _ => return None,
        };
        Some(bytes)
    }

    /// Writes them and begins anew.
    fn write(&mut self, mut to: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = self.levels.as_deref();
        match &mut self.held {
            Held::Bytes(values) => column::<FixedLenByteArrayType>(&mut to, values, levels)?,
            Held::Text(values) => column::<ByteArrayType>(&mut to, values, levels)?,
            Held::Short(values) => column::<Int32Type>(&mut to, values, levels)?,
            Held::Long(values) => column::<Int64Type>(&mut to, values, levels)?,
            Held::Real(values) => column::<DoubleType>(&mut to, values, levels)?,
            Held::Truth(values) => column::<BoolType>(&mut to, values, levels)?,
        }
        if let Some(levels) = &mut self.levels {
            levels.clear();
        }
        to.close()
    }
}

fn column<T: DataType>(
    to: &mut SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    to.typed::<T>().write_batch(values, levels, None)?;
    values.clear();
    Ok(())
}
