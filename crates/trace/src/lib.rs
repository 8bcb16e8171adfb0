//! What ties together what the program says of one client: the connection that a log line belongs to, and traces of a sample of
//! the messages.
//!
//! [`InConnection`] marks a task as that of a connection, and [`connection()`] tells whose task runs, so that log lines and traces
//! carry the same number without anybody passing it on. A [`Trace`] records one message from its receipt to its answer; most are
//! of no message at all and cost a look at one number. What is recorded goes to whoever has called [`install`].

mod connection;
mod context;
mod id;
mod record;
mod sampler;
mod trace;

pub use connection::{InConnection, connection};
pub use context::{InTrace, current, tie, tied};
pub use id::{SpanId, TraceId};
pub use record::{Record, Span, Value};
pub use sampler::install;
pub use trace::Trace;
