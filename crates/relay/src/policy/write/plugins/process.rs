//! One running process of a plugin: its pipes, and its end.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::errors;
use super::lines::{Line, Lines};
use crate::config::Plugin;

/// Environment variables that begin so configure the relay, and can hold what is nobody else's business.
const OWN_VARIABLES: &str = "STENTOR_";
/// How long a process may take to end by itself when its input has ended, and then when it has been told to end.
const GRACE: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(1_500)];
/// Bytes that are read at once.
const PIECE: usize = 8 * 1024;
/// How long the log waits for the last lines of a process that has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Bytes of questions that are prepared at most, beside one question.
const PREPARED: usize = 64 * 1024;

/// A running process. When it is dropped, it and what it has started are killed.
pub(super) struct Process {
    child: Child,
    /// Its process group, while there may be somebody in it.
    group: Option<Pid>,
    pub(super) questions: Questions,
    pub(super) answers: Answers,
    errors: JoinHandle<()>,
    pub(super) started: Instant,
}

/// What goes to its standard input.
pub(super) struct Questions {
    /// `None` when its end has been told.
    stdin: Option<ChildStdin>,
    prepared: Vec<u8>,
    written: usize,
}

/// What comes from its standard output.
pub(super) struct Answers {
    stdout: ChildStdout,
    lines: Lines,
}

impl Process {
    /// Starts one, in a process group of its own so that a shell's children end with it.
    pub(super) fn start(plugin: &Plugin) -> io::Result<Self> {
        let [program, arguments @ ..] = plugin.command.as_slice() else {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let own = std::env::vars_os().map(|(name, _)| name);
        for name in own.filter(|name| {
            name.as_encoded_bytes()
                .starts_with(OWN_VARIABLES.as_bytes())
        }) {
            command.env_remove(name);
        }
        command.envs(&plugin.environment);
        if !plugin.directory.is_empty() {
            command.current_dir(Path::new(&plugin.directory));
        }
        let mut child = command.spawn()?;
        let piped = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = piped else {
            return Err(io::Error::other("a pipe is missing"));
        };
        let log = errors::log(stderr, plugin.name.clone(), plugin.log_lines);
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Self {
            child,
            group,
            questions: Questions {
                stdin: Some(stdin),
                prepared: Vec::new(),
                written: 0,
            },
            answers: Answers {
                stdout,
                lines: Lines::new(plugin.answer_bytes),
            },
            errors: tokio::spawn(log),
            started: Instant::now(),
        })
    }

    /// Ends it and what it has started, and waits for that; gives the way in which it ended. A process without `fault`
    /// may end by itself first, as its input ends.
    pub(super) async fn end(mut self, fault: bool) -> String {
        self.questions.stdin = None;
        let mut status = None;
        if !fault {
            status = timeout(GRACE[0], self.child.wait()).await.ok();
        }
        if status.is_none() {
            self.signal(Signal::TERM);
            status = timeout(GRACE[1], self.child.wait()).await.ok();
        }
        // What it has started may still be there when it is gone itself; its group keeps its number until then.
        self.signal(Signal::KILL);
        let status = match status {
            Some(status) => status,
            None => self.child.wait().await,
        };
        self.group = None;
        let _ = timeout(LAST_WORDS, &mut self.errors).await;
        status.map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// Sends a signal to it and to what it has started.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It fails when there is nobody left.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        self.errors.abort();
    }
}

impl Questions {
    /// Whether there is something to be written.
    pub(super) fn is_pending(&self) -> bool {
        !self.prepared.is_empty()
    }

    /// Where the next question is appended; `None` while enough is prepared.
    pub(super) fn space(&mut self) -> Option<&mut Vec<u8>> {
        (self.prepared.len() < PREPARED).then_some(&mut self.prepared)
    }

    /// Writes some of what is prepared. Can be dropped at any time.
    pub(super) async fn write(&mut self) -> io::Result<()> {
        let stdin = self.stdin.as_mut();
        let stdin = stdin.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        let rest = self.prepared.get(self.written..).unwrap_or_default();
        self.written += stdin.write(rest).await?;
        if self.written >= self.prepared.len() {
            self.prepared.clear();
            self.prepared.shrink_to(PREPARED);
            self.written = 0;
        }
        Ok(())
    }
}

impl Answers {
    /// Reads some. `false`: nothing more will come. Can be dropped at any time.
    pub(super) async fn read(&mut self) -> io::Result<bool> {
        let space = self.lines.space();
        space.reserve(PIECE);
        Ok(self.stdout.read_buf(space).await? > 0)
    }

    /// The next line of what has been read.
    pub(super) fn next(&mut self) -> Option<Line> {
        self.lines.next()
    }
}
