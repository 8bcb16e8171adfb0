//! Caps on open connections: in all, and by client address (R4.5).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use metrics::{Counter, counter};
use parking_lot::Mutex;
use stentor_net::client::IpScope;
use thiserror::Error;

use crate::problem::Refusal;

/// Most connections; 0 = no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionCaps {
    /// In all.
    pub total: usize,
    /// From one address (IPv6: one /64).
    pub per_address: usize,
}

impl ConnectionCaps {
    /// No cap at all.
    pub const NONE: Self = Self {
        total: 0,
        per_address: 0,
    };
}

impl Default for ConnectionCaps {
    fn default() -> Self {
        Self {
            total: 10_000,
            per_address: 100,
        }
    }
}

/// A cap that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CapError {
    /// [`ConnectionCaps::total`].
    #[error("the server has as many connections as it takes")]
    Total,
    /// [`ConnectionCaps::per_address`].
    #[error("too many connections from this address")]
    PerAddress,
}

impl From<CapError> for Refusal {
    fn from(error: CapError) -> Self {
        let (status, seconds) = match error {
            CapError::Total => (StatusCode::SERVICE_UNAVAILABLE, 30),
            CapError::PerAddress => (StatusCode::TOO_MANY_REQUESTS, 60),
        };
        Self::new(status, error.to_string()).retry_after(seconds)
    }
}

/// Counts open connections. The caps can be changed at any time; connections that are open stay.
pub struct ConnectionLimits {
    total_cap: AtomicUsize,
    per_address_cap: AtomicUsize,
    total: AtomicUsize,
    by_address: Mutex<HashMap<IpScope, usize>>,
    refused_total: Counter,
    refused_address: Counter,
}

impl ConnectionLimits {
    /// With these caps and no connection.
    #[must_use]
    pub fn new(caps: ConnectionCaps) -> Arc<Self> {
        Self::counting(
            caps,
            |cap| counter!("stentor_connections_refused_total", "cap" => cap),
        )
    }

    /// The caps of one listener.
    pub(crate) fn of_listener(caps: ConnectionCaps, name: &str) -> Arc<Self> {
        Self::counting(
            caps,
            |cap| counter!("stentor_listener_refused_total", "listener" => name.to_owned(), "cap" => cap),
        )
    }

    fn counting(caps: ConnectionCaps, refused: impl Fn(&'static str) -> Counter) -> Arc<Self> {
        Arc::new(Self {
            total_cap: AtomicUsize::new(caps.total),
            per_address_cap: AtomicUsize::new(caps.per_address),
            total: AtomicUsize::new(0),
            by_address: Mutex::new(HashMap::new()),
            refused_total: refused("total"),
            refused_address: refused("address"),
        })
    }

    /// Changes the caps.
    pub fn set(&self, caps: ConnectionCaps) {
        self.total_cap.store(caps.total, Ordering::Relaxed);
        self.per_address_cap
            .store(caps.per_address, Ordering::Relaxed);
    }

    /// Open connections.
    #[must_use]
    pub fn open(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Whether nothing is limited now.
    pub(crate) fn is_open_to_all(&self) -> bool {
        self.total_cap.load(Ordering::Relaxed) == 0
            && self.per_address_cap.load(Ordering::Relaxed) == 0
    }

    /// Counts a connection in; it is counted out when the permit is dropped.
    ///
    /// # Errors
    /// [`CapError::Total`].
    pub fn enter(self: &Arc<Self>) -> Result<Permit, CapError> {
        let cap = self.total_cap.load(Ordering::Relaxed);
        let entered = self
            .total
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (cap == 0 || open < cap).then_some(open + 1)
            });
        if entered.is_err() {
            self.refused_total.increment(1);
            return Err(CapError::Total);
        }
        Ok(Permit {
            limits: Arc::clone(self),
            scope: None,
        })
    }

    fn enter_scope(&self, scope: IpScope) -> Result<(), CapError> {
        let cap = self.per_address_cap.load(Ordering::Relaxed);
        let mut by_address = self.by_address.lock();
        let open = by_address.get(&scope).copied().unwrap_or(0);
        if cap != 0 && open >= cap {
            drop(by_address);
            self.refused_address.increment(1);
            return Err(CapError::PerAddress);
        }
        by_address.insert(scope, open + 1);
        Ok(())
    }

    fn leave_scope(&self, scope: IpScope) {
        let mut by_address = self.by_address.lock();
        if let Some(open) = by_address.get_mut(&scope) {
            *open -= 1;
            if *open == 0 {
                by_address.remove(&scope);
            }
        }
    }
}

/// A counted connection.
pub struct Permit {
    limits: Arc<ConnectionLimits>,
    scope: Option<IpScope>,
}

impl Permit {
    /// Counts the connection under an address (again after [`Permit::enter_scope`]: under the new one instead).
    ///
    /// # Errors
    /// [`CapError::PerAddress`]; the permit then counts under no address.
    pub fn enter_scope(&mut self, scope: IpScope) -> Result<(), CapError> {
        if self.scope == Some(scope) {
            return Ok(());
        }
        if let Some(old) = self.scope.take() {
            self.limits.leave_scope(old);
        }
        self.limits.enter_scope(scope)?;
        self.scope = Some(scope);
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(scope) = self.scope.take() {
            self.limits.leave_scope(scope);
        }
        self.limits.total.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection's places under the caps of the server and of its listener.
pub(crate) struct Places {
    server: Permit,
    /// None where the listener has no caps, which is the rule: an idle connection is to be small.
    listener: Option<Box<Permit>>,
}

impl Places {
    /// Counts a connection in.
    pub(crate) fn enter(
        server: &Arc<ConnectionLimits>,
        listener: &Arc<ConnectionLimits>,
    ) -> Result<Self, CapError> {
        let listener = if listener.is_open_to_all() {
            None
        } else {
            Some(Box::new(listener.enter()?))
        };
        let server = server.enter()?;
        Ok(Self { server, listener })
    }

    /// Counts it under an address; see [`Permit::enter_scope`].
    pub(crate) fn enter_scope(&mut self, scope: IpScope) -> Result<(), CapError> {
        if let Some(listener) = &mut self.listener {
            listener.enter_scope(scope)?;
        }
        self.server.enter_scope(scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> IpScope {
        IpScope::from(text.parse::<std::net::IpAddr>().unwrap())
    }

    #[test]
    fn r4_5_total_and_per_address() {
        let limits = ConnectionLimits::new(ConnectionCaps {
            total: 3,
            per_address: 2,
        });
        let mut open: Vec<Permit> = (0..3).map(|_| limits.enter().unwrap()).collect();
        assert_eq!(limits.enter().err(), Some(CapError::Total));
        assert_eq!(open[0].enter_scope(scope("2001:db8::1")), Ok(()));
        assert_eq!(open[1].enter_scope(scope("2001:db8::2")), Ok(()));
        assert_eq!(
            open[2].enter_scope(scope("2001:db8::3")),
            Err(CapError::PerAddress)
        );
        open.remove(0);
        assert_eq!(open[1].enter_scope(scope("2001:db8::3")), Ok(()));
        drop(open);
        assert_eq!(limits.open(), 0);
        assert!(limits.by_address.lock().is_empty());
    }

    #[test]
    fn r3_4_a_listeners_caps_count_on_top_of_the_servers() {
        let caps = |total, per_address| ConnectionCaps { total, per_address };
        let server = ConnectionLimits::new(caps(3, 2));
        let narrow = ConnectionLimits::of_listener(caps(2, 1), "narrow");
        let wide = ConnectionLimits::of_listener(ConnectionCaps::NONE, "wide");
        let mut one = Places::enter(&server, &narrow).unwrap();
        one.enter_scope(scope("192.0.2.1")).unwrap();
        let mut two = Places::enter(&server, &narrow).unwrap();
        assert_eq!(
            two.enter_scope(scope("192.0.2.1")),
            Err(CapError::PerAddress)
        );
        assert_eq!(Places::enter(&server, &narrow).err(), Some(CapError::Total));
        // The other listener has no caps of its own, but the server's hold there too.
        let mut three = Places::enter(&server, &wide).unwrap();
        three.enter_scope(scope("192.0.2.1")).unwrap();
        assert_eq!(Places::enter(&server, &wide).err(), Some(CapError::Total));
        drop(two);
        let mut four = Places::enter(&server, &wide).unwrap();
        assert_eq!(
            four.enter_scope(scope("192.0.2.1")),
            Err(CapError::PerAddress)
        );
        drop((one, three, four));
        assert_eq!((server.open(), narrow.open()), (0, 0));
        assert!(server.by_address.lock().is_empty() && narrow.by_address.lock().is_empty());
    }

    #[test]
    fn r4_5_caps_change_while_running_and_zero_is_none() {
        let limits = ConnectionLimits::new(ConnectionCaps {
            total: 1,
            per_address: 1,
        });
        let _one = limits.enter().unwrap();
        assert!(limits.enter().is_err());
        limits.set(ConnectionCaps {
            total: 0,
            per_address: 0,
        });
        let many: Vec<Permit> = (0..100)
            .map(|_| {
                let mut permit = limits.enter().unwrap();
                permit.enter_scope(scope("192.0.2.1")).unwrap();
                permit
            })
            .collect();
        assert_eq!(limits.open(), 101);
        drop(many);
    }
}
