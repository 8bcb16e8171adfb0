//! Databases for tests: one body, both engines. Behind the feature `testing`.
//!
//! ```text
//! async fn a_ban_is_found(house: House) {
//!     let database = house.open().await;
//!     …
//! }
//! both_engines!(a_ban_is_found);
//! ```

// What fails here fails a test.
#![allow(clippy::expect_used, clippy::panic)]

mod cluster;

use tempfile::TempDir;

pub use cluster::Cluster;

use crate::{Database, DatabaseConfig, DatabaseUrl, Dialect};

/// An empty database of a test, removed with this.
pub struct House {
    /// How it is opened. Tests may change it before they do.
    pub config: DatabaseConfig,
    /// Which it is.
    pub dialect: Dialect,
    /// Holds the SQLite file.
    folder: TempDir,
}

impl House {
    /// An empty SQLite file, or an empty database of the cluster that the tests of this process share.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not work.
    pub async fn new(dialect: Dialect) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = DatabaseConfig {
            path: folder.path().join("records.sqlite"),
            ..DatabaseConfig::default()
        };
        if dialect == Dialect::Postgres {
            let cluster = Cluster::shared();
            let name = cluster.create_database().await;
            config.url = Some(DatabaseUrl::new(cluster.url(&name)));
        }
        Self {
            config,
            dialect,
            folder,
        }
    }

    /// Opens it.
    ///
    /// # Panics
    /// When that fails.
    pub async fn open(&self) -> Database {
        Database::open(&self.config).await.expect("opens")
    }

    /// Its folder, for other files of the test.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// Makes two tests, `<name>::sqlite` and `<name>::postgres`, of an `async fn <name>(house: House)`.
#[macro_export]
macro_rules! both_engines {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::testing::House::new($crate::Dialect::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name($crate::testing::House::new($crate::Dialect::Postgres).await).await;
            }
        }
    )+};
}
