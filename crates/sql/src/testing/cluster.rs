//! A private PostgreSQL cluster: a folder below `/tmp`, reached by a socket in it, so that no port is taken from anyone.
//!
//! A shell keeps it (`guardian.sh`) and removes it
//! when this process is gone, also when it was killed.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use sqlx::{ConnectOptions, Connection, Executor};

use crate::DatabaseUrl;

const GUARDIAN: &str = include_str!("guardian.sh");

/// A running cluster, or one that was stopped.
pub struct Cluster {
    folder: PathBuf,
    guardian: Mutex<Guardian>,
    databases: AtomicU32,
}

struct Guardian {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Cluster {
    /// The cluster that all tests of this process share.
    ///
    /// # Panics
    /// Without PostgreSQL, as all here: what fails fails a test.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A cluster of one's own, to be stopped and started.
    pub fn start() -> Self {
        let mut child = Command::new("sh")
            .args(["-c", GUARDIAN, "guardian"])
            .arg(programs())
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
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut guardian = Guardian {
            child,
            commands,
            answers,
        };
        let folder = guardian.line();
        guardian.command("start");
        Self {
            folder: folder.into(),
            guardian: Mutex::new(guardian),
            databases: AtomicU32::new(0),
        }
    }

    /// Stops the server at once, as if it had crashed.
    pub fn stop(&self) {
        self.guardian.lock().command("stop");
    }

    /// Starts it again.
    pub fn start_again(&self) {
        self.guardian.lock().command("start");
    }

    /// Where its socket is.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> DatabaseUrl {
        let folder = self.folder.display();
        DatabaseUrl::new(format!("postgres://stentor@/{database}?host={folder}"))
    }

    /// Makes an empty database and returns its name.
    pub async fn create_database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.administer(&format!("CREATE DATABASE {name}")).await;
        name
    }

    /// Executes a statement as the owner of the cluster, outside of every test's database.
    pub async fn administer(&self, statement: &str) {
        let url = self.url("postgres");
        let options: sqlx::postgres::PgConnectOptions = url.expose().parse().expect("a URL");
        let mut connection = options.connect().await.expect("the server");
        let done = connection.execute(statement).await;
        done.expect("what the owner does");
        connection.close().await.expect("a goodbye");
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.commands.take();
        let _ = self.child.wait();
    }
}

impl Guardian {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the guardian");
        let line = line.trim_end().to_owned();
        assert!(
            line.starts_with("/tmp/"),
            "PostgreSQL: {line}{}",
            self.rest()
        );
        line
    }

    fn command(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("not dropped");
        writeln!(commands, "{command}").expect("the guardian");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the guardian");
        let done = line.trim_end() == format!("{command}: done");
        assert!(done, "PostgreSQL: {line}{}", self.rest());
    }

    /// What it says before it ends.
    fn rest(&mut self) -> String {
        self.commands.take();
        let mut text = String::new();
        while let Ok(length) = self.answers.read_line(&mut text) {
            if length == 0 {
                break;
            }
        }
        text
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
