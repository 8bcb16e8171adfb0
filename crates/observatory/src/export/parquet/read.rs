//! Reading the two tables that are taken in: events and who holds them. No column of theirs is optional.

use std::fs::File;
use std::io;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};

use super::{failed, schema};
use crate::export::table::{Cell, Table};

/// Rows that are read at once.
const BATCH: usize = 256;

/// Rows, column by column.
pub(in crate::export) struct Rows(Vec<Values>);

enum Values {
    Bytes(Vec<FixedLenByteArray>),
    Text(Vec<ByteArray>),
    Short(Vec<i32>),
    Long(Vec<i64>),
}

/// A column that is being read, and what was read of it last.
enum Reading {
    Bytes(ColumnReaderImpl<parquet::data_type::FixedLenByteArrayType>),
    Text(ColumnReaderImpl<parquet::data_type::ByteArrayType>),
    Short(ColumnReaderImpl<parquet::data_type::Int32Type>),
    Long(ColumnReaderImpl<parquet::data_type::Int64Type>),
}

/// Reads the rows of a file of this table, some hundred at a time. No column of a group of rows may say to have more bytes than
/// `most`.
///
/// # Errors
/// A file that is broken or of another table, and those of `each`.
pub(in crate::export) fn read(
    file: File,
    table: Table,
    most: i64,
    mut each: impl FnMut(&Rows) -> io::Result<()>,
) -> io::Result<()> {
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let wanted = schema::of(table).map_err(failed)?;
    let found = reader.metadata().file_metadata().schema();
    if found.get_fields() != wanted.get_fields() {
        return Err(invalid("its columns are not those of this table"));
    }
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(failed)?;
        let mut columns = group.metadata().columns().iter();
        if columns.any(|column| column.uncompressed_size() > most) {
            return Err(invalid("a group of rows is larger than any can be"));
        }
        read_group(group.as_ref(), table.len(), &mut each)?;
    }
    Ok(())
}

fn read_group(
    group: &dyn RowGroupReader,
    columns: usize,
    each: &mut impl FnMut(&Rows) -> io::Result<()>,
) -> io::Result<()> {
    let mut readers = Vec::with_capacity(columns);
    for column in 0..columns {
        let reader = group.get_column_reader(column).map_err(failed)?;
        readers.push(Reading::of(reader)?);
    }
    let rows = usize::try_from(group.metadata().num_rows())
        .map_err(|_| invalid("a group of less than no rows"))?;
    let mut left = rows;
    while left > 0 {
        let wanted = left.min(BATCH);
        let mut batch = Vec::with_capacity(columns);
        for reader in &mut readers {
            batch.push(reader.next(wanted)?);
        }
        each(&Rows(batch))?;
        left -= wanted;
    }
    Ok(())
}

impl Reading {
    fn of(reader: ColumnReader) -> io::Result<Self> {
        Ok(match reader {
            ColumnReader::FixedLenByteArrayColumnReader(reader) => Self::Bytes(reader),
            ColumnReader::ByteArrayColumnReader(reader) => Self::Text(reader),
            ColumnReader::Int32ColumnReader(reader) => Self::Short(reader),
            ColumnReader::Int64ColumnReader(reader) => Self::Long(reader),
            _ => return Err(invalid("a column of a kind that no table has")),
        })
    }

    fn next(&mut self, rows: usize) -> io::Result<Values> {
        Ok(match self {
            Self::Bytes(reader) => Values::Bytes(exactly(reader, rows)?),
            Self::Text(reader) => Values::Text(exactly(reader, rows)?),
            Self::Short(reader) => Values::Short(exactly(reader, rows)?),
            Self::Long(reader) => Values::Long(exactly(reader, rows)?),
        })
    }
}

/// As many values as there are to be rows.
fn exactly<T: DataType>(reader: &mut ColumnReaderImpl<T>, rows: usize) -> io::Result<Vec<T::T>> {
    let mut values = Vec::with_capacity(rows);
    let read: Result<_, ParquetError> = reader.read_records(rows, None, None, &mut values);
    let (records, _, _) = read.map_err(failed)?;
    if records != rows || values.len() != rows {
        return Err(invalid("a column ends before the others"));
    }
    Ok(values)
}

impl Rows {
    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.first().map_or(0, |values| match values {
            Values::Bytes(values) => values.len(),
            Values::Text(values) => values.len(),
            Values::Short(values) => values.len(),
            Values::Long(values) => values.len(),
        })
    }

    /// The cells of a row.
    ///
    /// # Errors
    /// A text that is not UTF-8.
    pub fn row(&self, place: usize) -> io::Result<Vec<Cell<'_>>> {
        self.0.iter().map(|values| values.cell(place)).collect()
    }
}

impl Values {
    fn cell(&self, place: usize) -> io::Result<Cell<'_>> {
        let missing = || invalid("a row is missing");
        Ok(match self {
            Self::Bytes(values) => Cell::Bytes(values.get(place).ok_or_else(missing)?.data()),
            Self::Text(values) => {
                let text = values.get(place).ok_or_else(missing)?.as_utf8();
                Cell::Text(text.map_err(failed)?.into())
            }
            Self::Short(values) => Cell::Short(*values.get(place).ok_or_else(missing)?),
            Self::Long(values) => Cell::Long(*values.get(place).ok_or_else(missing)?),
        })
    }
}

fn invalid(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
