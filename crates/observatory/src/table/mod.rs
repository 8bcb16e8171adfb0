//! Reading and writing what several services share in the records.

mod cursor;
mod relay;
mod rows;

pub(crate) use cursor::{Cursor, cursor, cursor_in, set_cursor};
pub(crate) use relay::{COLUMNS, Relay, RelayId, State, Status, id_of, mention};
pub(crate) use rows::{for_rows, rows};
