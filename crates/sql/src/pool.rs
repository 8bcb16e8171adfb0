//! A bounded number of connections, used in turns.
//!
//! Not the pool of sqlx: that one cannot tell a caller whether all connections are busy or the server cannot be reached,
//! and asks each connection whether it is alive before each use, which costs a round trip. Here a connection is taken as it
//! is; who finds it broken before anything happened takes a [fresh](Pool::fresh) one.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::connection::Connection;
use crate::connection::postgres::PostgresLink;
use crate::connection::postgres_address::PostgresAddress;
use crate::connection::sqlite::SqliteAddress;
use crate::{Dialect, Error, metrics};

/// Where connections lead to.
#[derive(Clone)]
pub(crate) enum Address {
    Sqlite(SqliteAddress),
    Postgres(Box<PostgresAddress>),
}

impl Address {
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn connect(&self) -> Result<Connection, Error> {
        Ok(match self {
            Self::Sqlite(address) => Connection::Sqlite(Box::new(address.reader().await?)),
            Self::Postgres(address) => {
                Connection::Postgres(Box::new(PostgresLink::open(address).await?))
            }
        })
    }
}

/// The connections for reading of SQLite, or all of PostgreSQL. Clones share them.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    address: Address,
    permits: Arc<Semaphore>,
    /// Most lately used last.
    idle: Mutex<Vec<Connection>>,
    wait: Duration,
}

/// A connection, for a while. What is not [given back](Self::give_back) is closed.
pub(crate) struct Lease {
    connection: Connection,
    shared: Arc<Shared>,
    /// Whether it was used before, and so may have died meanwhile.
    pub used: bool,
    permit: Permit,
}

/// Leave to have a connection.
struct Permit(#[allow(dead_code)] OwnedSemaphorePermit);

impl Drop for Permit {
    fn drop(&mut self) {
        metrics::connections_in_use(-1.0);
    }
}

impl Pool {
    pub fn new(address: Address, connections: u32, wait: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                address,
                permits: Arc::new(Semaphore::new(connections as usize)),
                idle: Mutex::default(),
                wait,
            }),
        }
    }

    pub fn address(&self) -> &Address {
        &self.shared.address
    }

    /// A connection, as soon as one is free.
    pub async fn lease(&self) -> Result<Lease, Error> {
        let permit = self.permit().await?;
        let idle = self.shared.idle.lock().pop();
        match idle {
            Some(connection) => Ok(self.leased(connection, permit, true)),
            None => self.connected(permit).await,
        }
    }

    /// A connection that was not used before, in place of one that turned out to be broken; the others that wait are
    /// likely to be so too, and are closed.
    pub async fn fresh(&self, broken: Lease) -> Result<Lease, Error> {
        let permit = broken.permit;
        let idle = std::mem::take(&mut *self.shared.idle.lock());
        drop((broken.connection, idle));
        self.connected(permit).await
    }

    async fn permit(&self) -> Result<Permit, Error> {
        let waiting = self.shared.permits.clone().acquire_owned();
        match timeout(self.shared.wait, waiting).await {
            Ok(Ok(permit)) => {
                metrics::connections_in_use(1.0);
                Ok(Permit(permit))
            }
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => Err(Error::Busy("all connections are in use")),
        }
    }

    async fn connected(&self, permit: Permit) -> Result<Lease, Error> {
        let connection = self.shared.address.connect().await?;
        Ok(self.leased(connection, permit, false))
    }

    fn leased(&self, connection: Connection, permit: Permit, used: bool) -> Lease {
        Lease {
            connection,
            shared: self.shared.clone(),
            used,
            permit,
        }
    }

    /// Closes all that wait; who asks from now on is refused, and what is in use is closed when given back.
    pub async fn close(&self) {
        self.shared.permits.close();
        let idle = std::mem::take(&mut *self.shared.idle.lock());
        for connection in idle {
            connection.close().await;
        }
    }
}

impl Lease {
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// For the next one, when it has no transaction open and can still be used.
    pub fn give_back(self) {
        if self.connection.usable() && !self.shared.permits.is_closed() {
            self.shared.idle.lock().push(self.connection);
        }
    }
}
