//! A private PostgreSQL cluster: a folder below `/tmp`, reached by a socket in it, so that no port is taken from anyone.
//!
//! A shell keeps it (`guardian.sh`) and removes it when this process is gone, also when it was killed. Under cargo-nextest,
//! where each test is a process, all tests of a run share one.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use sqlx::{ConnectOptions, Connection, Executor};

const GUARDIAN: &str = include_str!("guardian.sh");
/// What cargo-nextest calls its run.
const RUN: &str = "NEXTEST_RUN_ID";

/// A running cluster, or one that was stopped.
pub struct Cluster {
    folder: PathBuf,
    guardian: Mutex<Guardian>,
}

/// The shell, and what it says.
struct Guardian {
    child: Child,
    answers: BufReader<ChildStdout>,
    /// Whether others use the cluster, too.
    is_shared: bool,
}

impl Cluster {
    /// The cluster that all tests share.
    ///
    /// # Panics
    /// Without PostgreSQL, as all here: what fails fails a test.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var(RUN) {
            Ok(run) => Self::of(&[
                format!("/tmp/stentor-postgres.{run}"),
                parent_id().to_string(),
            ]),
            Err(_) => Self::start(),
        })
    }

    /// A cluster of one's own, to be stopped and started.
    ///
    /// # Panics
    /// Without PostgreSQL.
    pub fn start() -> Self {
        Self::of(&[])
    }

    fn of(arguments: &[String]) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", GUARDIAN, "guardian"])
            .arg(programs())
            .args(arguments)
            .env("GUARDIAN", GUARDIAN)
            .env("LC_ALL", "C")
            .current_dir("/")
            // What is sent to the group of the tests, such as by Ctrl-C, does not reach it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut guardian = Guardian {
            child,
            answers,
            is_shared: !arguments.is_empty(),
        };
        let folder = guardian.line(|line| line.starts_with("/tmp/"));
        Self {
            folder: folder.into(),
            guardian: Mutex::new(guardian),
        }
    }

    /// Stops the server at once, as if it had crashed.
    ///
    /// # Panics
    /// When others use it, too.
    pub fn stop(&self) {
        self.guardian.lock().command("stop");
    }

    /// Starts it again.
    ///
    /// # Panics
    /// When others use it, too.
    pub fn start_again(&self) {
        self.guardian.lock().command("start");
    }

    /// Where its socket is.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display();
        format!("postgres://stentor@localhost/{database}?host={folder}")
    }

    /// Makes an empty database and returns its name.
    ///
    /// # Panics
    /// When that fails.
    pub async fn create_database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let url = self.url("postgres");
        let options: sqlx::postgres::PgConnectOptions = url.parse().expect("a URL");
        let mut connection = options.connect().await.expect("the server");
        let create = format!("CREATE DATABASE {name}");
        connection
            .execute(create.as_str())
            .await
            .expect("a new database");
        connection.close().await.expect("a goodbye");
        name
    }
}

impl Guardian {
    fn command(&mut self, command: &str) {
        assert!(!self.is_shared, "other tests use this cluster");
        let commands = self.child.stdin.as_mut().expect("a pipe");
        writeln!(commands, "{command}").expect("the guardian");
        self.line(|line| line == format!("{command}: done"));
    }

    /// What it says next, which must be as expected.
    fn line(&mut self, expected: impl Fn(&str) -> bool) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the guardian");
        if !expected(line.trim_end()) {
            self.child.stdin.take();
            // It is about to end.
            let _ = self.answers.read_to_string(&mut line);
            panic!("PostgreSQL: {line}");
        }
        line.trim_end().to_owned()
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.child.stdin.take();
        if !self.is_shared {
            let _ = self.child.wait();
        }
    }
}

/// The folder with the programs of PostgreSQL: in the search path, or where Debian has the newest.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let searched = std::env::split_paths(&path).find(|folder| has_programs(folder));
    let debian = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let folders = versions.flatten().map(|version| version.path().join("bin"));
        let version = |folder: &PathBuf| -> Option<u32> {
            folder.parent()?.file_name()?.to_str()?.parse().ok()
        };
        folders
            .filter(|folder| has_programs(folder))
            .max_by_key(version)
    };
    searched.or_else(debian).expect(
        "these tests need PostgreSQL: initdb is neither in PATH nor below /usr/lib/postgresql \
         (apt-get install postgresql)",
    )
}

fn has_programs(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("pg_ctl").is_file()
}
