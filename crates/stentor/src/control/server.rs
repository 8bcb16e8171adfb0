//! The side of the control socket that answers: part of the running node.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use super::address;
use super::frame::{self, MAX_PAYLOAD, Tag};
use super::handover::{self, Estate};
use super::job::{self, Job, Link, Workshop};
use crate::stop::wished;

/// Jobs at once; more wait in the backlog of the socket.
const MAX_JOBS: usize = 16;
/// How long a client may take until it has said what it wants: it keeps a place meanwhile.
const FIRST: Duration = Duration::from_secs(10);
/// Pieces of input or output between the socket and the job.
const PIECES: usize = 4;

/// A control socket that nobody can reach yet. Dropped, it is gone.
pub struct Draft {
    socket: NamedTempFile<UnixListener>,
    path: PathBuf,
}

impl Draft {
    /// Puts it in its place. What a node that died has left there is replaced, so the caller must hold the store.
    ///
    /// # Errors
    /// When it cannot be put there.
    pub fn publish(self) -> anyhow::Result<Server> {
        let Self { socket, path } = self;
        let listener = socket.persist(&path).map_err(|failed| failed.error);
        let listener = listener.with_context(|| cannot_make(&path))?;
        Ok(Server { listener, path })
    }
}

/// The listening control socket.
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

fn cannot_make(path: &Path) -> String {
    format!("cannot make the control socket {}", path.display())
}

impl Server {
    /// Binds the socket, where nobody can connect yet; afterwards only the owner of the process can.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn bind(path: &Path, private_folder: &Path) -> anyhow::Result<Draft> {
        // Made where nobody else can reach it until its mode is right.
        let bind = |draft: &Path| -> io::Result<UnixListener> {
            let listener = UnixListener::bind(address::of(draft)?.path())?;
            fs::set_permissions(draft, fs::Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        let made = tempfile::Builder::new()
            .prefix("control.")
            .make_in(private_folder, bind);
        Ok(Draft {
            socket: made.with_context(|| cannot_make(path))?,
            path: path.to_owned(),
        })
    }

    /// Answers until `stop` becomes true; then lets running jobs end early and returns when they have.
    pub async fn run(
        self,
        workshop: Arc<Workshop>,
        estate: Arc<Estate>,
        mut stop: watch::Receiver<bool>,
    ) {
        let places = Arc::new(Semaphore::new(MAX_JOBS));
        let mut jobs = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = wished(&mut stop) => break,
                Some(_) = jobs.join_next(), if !jobs.is_empty() => continue,
                accepted = self.accept(&places) => accepted,
            };
            let Some((socket, place)) = accepted else {
                continue;
            };
            let (workshop, stop) = (Arc::clone(&workshop), stop.clone());
            let estate = Arc::clone(&estate);
            jobs.spawn(async move {
                let _place = place;
                if let Err(error) = answer(socket, workshop, &estate, stop).await {
                    warn!(%error, "control socket");
                }
            });
        }
        // From here on commands must not find a node that no longer answers.
        if let Err(error) = fs::remove_file(&self.path) {
            warn!(%error, "removing the control socket");
        }
        while jobs.join_next().await.is_some() {}
    }

    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> Option<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        match self.listener.accept().await {
            Ok((socket, _)) => Some((socket, place)),
            Err(error) => {
                warn!(%error, "control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
                None
            }
        }
    }
}

/// Carries one job.
async fn answer(
    mut socket: UnixStream,
    workshop: Arc<Workshop>,
    estate: &Estate,
    node_stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let payload = match first_frame(&mut socket, FIRST, node_stop.clone()).await? {
        Some((Tag::Job, payload)) => payload,
        // Only looked whether a node runs.
        None => return Ok(()),
        Some(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "no job")),
    };
    let job: Job = match serde_json::from_slice(&payload) {
        Ok(job) => job,
        Err(error) => {
            let text = format!(
                "the running node is of another version and does not know this job: {error}"
            );
            return frame::send(&mut socket, Tag::Failed, text.as_bytes()).await;
        }
    };
    if matches!(job, Job::TakeOver) {
        return handover::give(&mut socket, estate).await;
    }
    let (reader, mut writer) = socket.into_split();
    info!(job = name(&job), "job begins");
    let (input_in, input) = mpsc::channel(PIECES);
    let (output, mut output_out) = mpsc::channel(PIECES);
    let (progress, mut progress_out) = watch::channel(Value::Null);
    let (stop_in, stop) = watch::channel(false);
    let kind = name(&job);
    let link = Link {
        input: Some(Box::new(Pieces::new(input))),
        output,
        progress,
        stop,
    };
    let mut done = tokio::spawn(job::tracked::run(workshop, job, link));
    let listening = tokio::spawn(listen(reader, input_in, stop_in, node_stop));
    let result = pump(&mut writer, &mut output_out, &mut progress_out).await;
    if result.is_err() {
        // The client is gone: the job notices by its closed ends.
        drop(output_out);
        listening.abort();
    }
    let finished = (&mut done).await.map_err(io::Error::other)?;
    listening.abort();
    result?;
    info!(job = kind, ok = finished.is_ok(), "job ends");
    match finished {
        Ok(value) => frame::send_result(&mut writer, &serde_json::to_vec(&value)?).await,
        Err(error) => {
            let text = format!("{error:#}").into_bytes();
            let shown = text.get(..MAX_PAYLOAD).unwrap_or(&text);
            frame::send(&mut writer, Tag::Failed, shown).await
        }
    }
}

/// What a client says first; `None` when it goes away, or the node ends, before.
async fn first_frame(
    socket: &mut UnixStream,
    patience: Duration,
    mut node_stop: watch::Receiver<bool>,
) -> io::Result<Option<(Tag, Vec<u8>)>> {
    let first = tokio::select! {
        first = timeout(patience, frame::receive(socket)) => first,
        () = wished(&mut node_stop) => return Ok(None),
    };
    first.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn name(job: &Job) -> &'static str {
    match job {
        Job::Import(_) => "import",
        Job::Export(_) => "export",
        Job::Explain { .. } => "explain",
        Job::Admin { .. } => "admin",
        Job::Letting(_) => "letting",
        Job::Stats => "stats",
        Job::Verify { .. } => "verify",
        Job::Compact { .. } => "compact",
        Job::RebuildSearch => "search_rebuild",
        Job::Backup { .. } => "backup",
        Job::Sync(_) => "sync",
        Job::Mirrors => "mirrors",
        Job::TakeOver => "take over",
        Job::Retention { .. } => "retention",
        Job::Observe(_) => "observe",
    }
}

/// Sends output and progress until the job has let go of both.
async fn pump(
    writer: &mut OwnedWriteHalf,
    output: &mut mpsc::Receiver<Vec<u8>>,
    progress: &mut watch::Receiver<Value>,
) -> io::Result<()> {
    let mut reporting = true;
    loop {
        tokio::select! {
            data = output.recv() => match data {
                Some(data) => {
                    for piece in data.chunks(MAX_PAYLOAD) {
                        frame::send(writer, Tag::Data, piece).await?;
                    }
                }
                None => return Ok(()),
            },
            changed = progress.changed(), if reporting => {
                reporting = changed.is_ok();
                let text = serde_json::to_vec(&*progress.borrow_and_update())?;
                if reporting {
                    frame::send(writer, Tag::Progress, &text).await?;
                }
            }
        }
    }
}

/// Receives the input, and the wish to stop: of the client, or of the whole node.
async fn listen(
    mut reader: OwnedReadHalf,
    input: mpsc::Sender<io::Result<Vec<u8>>>,
    stop: watch::Sender<bool>,
    mut node_stop: watch::Receiver<bool>,
) {
    let mut input = Some(input);
    loop {
        let received = tokio::select! {
            received = frame::receive(&mut reader) => received,
            () = wished(&mut node_stop) => break,
        };
        match received {
            Ok(Some((Tag::Data, piece))) => {
                if let Some(sender) = &input {
                    // A job that takes no more input has ended, and says so by itself.
                    let _ = sender.send(Ok(piece)).await;
                }
            }
            Ok(Some((Tag::End, _))) => input = None,
            Ok(Some((Tag::Stop, _))) => break,
            Ok(Some(_) | None) | Err(_) => {
                if let Some(sender) = input.take() {
                    let gone = io::Error::new(io::ErrorKind::UnexpectedEof, "the client went away");
                    let _ = sender.send(Err(gone)).await;
                }
                break;
            }
        }
    }
    stop.send_replace(true);
    // Nobody can be told to stop by a closed channel: keep it until the job has ended.
    stop.closed().await;
}

/// Pieces from the socket as a stream of bytes, for a thread.
struct Pieces {
    receiver: mpsc::Receiver<io::Result<Vec<u8>>>,
    current: io::Cursor<Vec<u8>>,
}

impl Pieces {
    fn new(receiver: mpsc::Receiver<io::Result<Vec<u8>>>) -> Self {
        Self {
            receiver,
            current: io::Cursor::new(Vec::new()),
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.current.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.receiver.blocking_recv() {
                Some(piece) => self.current = io::Cursor::new(piece?),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn p5_a_client_that_says_nothing_keeps_no_place() {
        let (_silent, mut socket) = UnixStream::pair().unwrap();
        let (stop, stopped) = watch::channel(false);
        let patience = Duration::from_millis(10);
        let late = first_frame(&mut socket, patience, stopped.clone()).await;
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        stop.send_replace(true);
        // Without end, but for that of the node.
        let ended = first_frame(&mut socket, Duration::MAX, stopped).await;
        assert_eq!(ended.unwrap(), None);
    }
}
