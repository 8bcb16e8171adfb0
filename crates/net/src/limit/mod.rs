//! Rate limits (R4.5): the generic cell rate algorithm, for one state or for many keys in bounded memory.

mod gcra;
mod keyed;
#[cfg(test)]
mod tests;

pub use gcra::{Bucket, Limited, Rate};
pub use keyed::KeyedLimiter;
