//! Micro-benchmarks and load generators of Stentor.
