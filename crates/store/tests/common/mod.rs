//! What the tests of the stores share: engines to open, events to make, and a store with convenient questions.

// Each test program uses its own part of this.
#![allow(dead_code, unreachable_pub)]

pub mod engine;
pub mod make;
pub mod observer;
pub mod subject;

pub use engine::{Engine, Factory};
pub use make::{Draft, Person};
pub use subject::Subject;
