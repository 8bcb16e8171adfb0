//! Listeners, the WebSocket connection, drain and the operations endpoint.
//!
//! A protocol implements [`Session`] and [`SessionFactory`]; everything between the socket and whole messages is here. A
//! [`Server`] gets sockets from [`listen`], speaks HTTP on them, and turns upgrades on `/` into connections. Its routes turn requests
//! into connections of other protocols with [`Upgrade`], and into streams of events with [`sse::EventStream`].

mod config;
mod connection;
mod drain;
pub mod headers;
mod http;
mod info;
mod limits;
mod listener;
mod metrics;
pub mod ops;
mod outbox;
mod problem;
pub mod proxy_protocol;
mod session;
pub mod sse;
mod stream;
pub mod supervisor;
mod tls;
pub mod websocket;

pub use config::WebSocketConfig;
pub use connection::{Connection, Parts, SessionIo};
pub use drain::{Drain, DrainReport, DrainSignal, Stage, Tracked};
pub use http::{HttpConfig, NoSessions, RequestInfo, Server, ServerConfig, Upgrade};
pub use info::ConnectionInfo;
pub use limits::{CapError, ConnectionCaps, ConnectionLimits, Permit};
pub use listener::{
    Inherited, Listener, ListenerSettings, ListeningSocket, SocketFile, UnixSocket, bind,
    bind_unix, inherited, listen,
};
pub use metrics::ServeMetrics;
pub use outbox::{OutFrame, Outbox, OutboxLimits, Overflow, Pressure, PushError};
pub use problem::{Problem, Refusal};
pub use session::{EndReason, Flow, Session, SessionFactory};
pub use stream::{Socket, UNIX_PEER};
pub use tls::{PairError, Tls, check as check_tls, count_failure as count_tls_failure};
pub use websocket::close::{CloseCode, CloseFrame};
