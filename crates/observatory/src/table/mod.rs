//! Reading and writing what several services share in the records.

mod cursor;
mod relay;
mod rows;

pub(crate) use cursor::{Cursor, cursor, set_cursor};
pub(crate) use relay::{Relay, RelayId, State, Status, id_of, mention, relay_by_id, relay_by_url};
pub(crate) use rows::{for_rows, rows};
