//! The naive model of an event store.
