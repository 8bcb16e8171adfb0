//! The configuration of the whole program: each role's section, typed and defaulted where the role is.

mod check;
mod fault;
pub mod files;
mod listener;
mod load;
mod log;
pub mod render;
mod schema;
mod server;
mod source;
mod store;
#[cfg(test)]
mod tests;
mod trace;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_sql::DatabaseConfig;

pub use fault::Faults;
pub use listener::{Bind, ListenerConfig, ProxyProtocol};
pub use load::{Loaded, Sources, load};
pub use log::{LogConfig, LogFormat};
pub use server::ServerConfig;
pub use store::StoreConfig;
pub use trace::TraceConfig;

/// A fault as JSON.
pub fn fault_json(fault: &fault::Fault) -> serde_json::Value {
    let (file, line) = match &fault.origin {
        Some(fault::Origin::File { path, line }) => (Some(path.display().to_string()), Some(*line)),
        Some(other) => (Some(other.to_string()), None),
        None => (None, None),
    };
    serde_json::json!({ "where": file, "line": line, "key": fault.key, "message": fault.message })
}

/// Everything that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(description = "")]
pub struct Config {
    /// Where the program listens, and how it treats connections. A reload (SIGHUP) concerns connections opened after
    /// it; the addresses change with a restart only.
    pub server: ServerConfig,
    /// What the relay does and allows. All of it takes effect on a reload (SIGHUP), but for what `relay.search` says of itself.
    pub relay: stentor_relay::Config,
    /// The store of the relay's events. Takes effect with a restart.
    pub store: StoreConfig,
    /// Where records are kept: who is a member, who and what is banned, who has called what.
    pub records: DatabaseConfig,
    /// How the program connects to others: relays, web servers. For `stentor sync` and mirrors it takes effect on a reload
    /// (SIGHUP), for the rest with a restart.
    pub outbound: stentor_net::dial::Config,
    /// Limits and times of connections to other relays. For `stentor sync` and mirrors they take effect on a reload (SIGHUP):
    /// mirrors connect anew when something here has changed.
    pub peer: stentor_peer::Config,
    /// Who is let in to the gateway, by what credentials. Takes effect with a restart.
    pub auth: stentor_auth::config::Config,
    /// What happens in the node, as streams and webhooks are given it. Takes effect with a restart.
    pub bus: stentor_bus::Config,
    /// The gateway: what happens in the node, for programs. Takes effect with a restart.
    pub gateway: stentor_gateway::Config,
    /// The observatory: which relays exist, how they do, what they hold. Takes effect with a restart.
    pub observatory: stentor_observatory::Config,
    /// What is logged, and how. Logs go to standard error; they never hold a token, a key or the content of an event.
    pub log: LogConfig,
    /// Traces: what became of single messages, step by step, sent to a collector of OpenTelemetry. Takes effect with a restart.
    pub trace: TraceConfig,
}

impl Config {
    /// Faults that the types do not show: the dotted key and what is wrong with it.
    pub fn check(&self) -> Vec<(String, String)> {
        let mut faults = self.server.check();
        if let Err(error) = self.relay.check() {
            faults.push((format!("relay.{}", error.key), error.problem));
        }
        faults.extend(self.store.check());
        if let Err(error) = self.records.check() {
            faults.push(("records".to_owned(), error.to_string()));
        }
        if let Err(error) = self.outbound.check() {
            faults.push((format!("outbound.{}", error.key), error.problem));
        }
        if let Err(error) = self.peer.check() {
            let problem = format!(
                "must be from {} to {}",
                error.range.start(),
                error.range.end()
            );
            faults.push((format!("peer.{}", error.key), problem));
        }
        if let Err(error) = self.auth.check() {
            faults.push((format!("auth.{}", error.key), error.problem));
        }
        if let Err(error) = self.gateway.check() {
            faults.push((format!("gateway.{}", error.key), error.problem));
        }
        if let Err(error) = self.observatory.check() {
            faults.push((format!("observatory.{}", error.key), error.problem));
        }
        faults.extend(self.log.check());
        faults.extend(self.trace.check(self.outbound.rules().ok().as_ref()));
        faults
    }
}
