//! Answering queries: planning, walking the index, uniting filters.

mod cursor;
mod filter_scan;
mod lists;
mod plan;
mod union;
mod window;

pub use cursor::Cursor;
pub use plan::plan;
pub use union::UnionScan;
pub use window::Window;
