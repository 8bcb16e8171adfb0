//! The control socket: how commands reach the running node, so that two processes never hold one store.
//!
//! A connection carries one job. The client sends the [`Job`]; for an import the input follows. The node answers with
//! progress, data (export) and in the end the result or what went wrong. Closing the connection cancels the job.

mod address;
mod client;
mod frame;
mod handover;
mod job;
mod server;

pub use client::{Client, connect};
pub use handover::{Estate, Named, Succession};
pub use job::{
    Abroad, Explained, ExportJob, Exported, ImportJob, Job, Keeping, LettingJob, Link, ObserveJob,
    SyncJob, Workshop, run,
};
pub use server::Server;
