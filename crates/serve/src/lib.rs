//! Listeners, the WebSocket connection, drain and the operations endpoint.
//!
//! A protocol implements [`Session`] and [`SessionFactory`]; everything between the socket and whole messages is here.

mod config;
mod connection;
mod info;
mod metrics;
mod outbox;
mod problem;
mod session;
pub mod websocket;

pub use config::WebSocketConfig;
pub use connection::{Connection, Parts, SessionIo};
pub use info::ConnectionInfo;
pub use metrics::ServeMetrics;
pub use outbox::{OutFrame, Outbox, OutboxLimits, Overflow, Pressure, PushError};
pub use problem::{Problem, Refusal};
pub use session::{EndReason, Flow, Session, SessionFactory};
pub use websocket::close::{CloseCode, CloseFrame};
