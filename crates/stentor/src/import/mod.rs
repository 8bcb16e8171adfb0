//! Taking a dump of events in (R5.4): one thread reads and decompresses, all cores parse and recompute ids, and the
//! store gets large batches in the order of the input, a few at once so that it verifies one while it writes another.
//! Everything between the stages is bounded.

mod chunks;
mod input;
mod judge;
mod pipeline;
mod plugins;
mod summary;

pub use input::{Compression, Input};
pub use judge::{Bans, Rules};
pub use pipeline::Import;
pub use plugins::Plugins;
pub use summary::Summary;
