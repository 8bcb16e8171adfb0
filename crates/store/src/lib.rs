//! Event storage: one trait, the embedded engine and the in-memory model
