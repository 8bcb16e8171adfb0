//! Answering queries: planning, walking the index, uniting filters.

mod candidate;
mod cursor;
mod filter_scan;
mod lists;
mod outline;
mod plan;
#[cfg(test)]
mod tests;
mod union;
mod window;

pub use cursor::Cursor;
pub use outline::Outlines;
pub use plan::plan;
pub use union::UnionScan;
pub use window::Window;
