//! Numbers, sizes and times as people read them. Spaces between thousands and before units do not break.

mod duration;
mod moment;
mod number;

pub use duration::duration;
pub use moment::{axis_label, relative, rfc3339, utc};
pub use number::{bytes, compact, decimal, number, percent};
