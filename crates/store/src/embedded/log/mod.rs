//! The log: the durable truth of the store.
//!
//! A folder of segments, each a file of records. What is committed together is appended together, ends with a commit
//! record and is synced before anybody hears of it. Everything else in the store's folder can be rebuilt from here.
//!
//! A crash leaves at most one batch whose end is missing or damaged, at the end of the newest segment; it was never
//! acknowledged and is cut off when the log is opened. Damage anywhere else is an error.

mod address;
mod batch;
mod record;
mod replay;
mod segment;
mod writer;

pub use address::Address;
pub use batch::BatchBuffer;
pub use record::{Departure, HEADER, Record, RecordKind, removal_body};
pub use replay::{Replayed, Tail, replay, walk};
pub use segment::{Log, SEGMENT_HEADER, Segment};
pub use writer::Writer;
