//! Index runs: immutable, sorted images of what a contiguous range of event numbers can be found by.
//!
//! Every commit makes a run of its events; neighbouring runs are merged in the background, first in memory and then
//! into files, so that their sizes grow geometrically and few have to be asked. A run is the same image in memory and
//! on disk. What is removed from the store stays in its run until the next merge: readers ask the locator whether an
//! event is still there. A [`bloom`] filter, made when a run is, says which runs need not be asked.
//!
//! An image holds
//!
//! * `rows`: one [`Row`] an event, in the order of answers (`created_at` descending, then id ascending). A row's place
//!   is its *rank*. The rows are the time index, and carry what filters most often look at.
//! * `ids` and `id_ranks`: the first 64 bits of the ids, sorted, and the rank of each.
//! * `keys`, `starts`, `postings`: for each [`Key`](super::key::Key), the ascending ranks of its events.
//! * `expiries`: expiration times and event numbers, sorted by time.

mod bloom;
mod build;
mod image;
mod lookup;
mod merge;
mod order;
mod row;

pub use build::{Entry, build};
pub use image::Image;
pub use lookup::Run;
pub use merge::{MergeTarget, merge, merged_length};
pub use order::Order;
pub use row::{EXPIRES, Row, leading};
