//! The side of the control socket that asks.

use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};

use super::address;
use super::frame::{self, MAX_RESULT, Tag};
use super::handover::{self, Succession};
use super::job::{Job, Link};
use crate::stop::wished;

/// Bytes of input sent at once.
const PIECE: usize = 256 * 1024;

/// A connection to the running node.
pub struct Client {
    socket: UnixStream,
}

/// Connects to the node that runs on this data folder; `None` when none does.
///
/// # Errors
/// When there is one that does not let us in.
pub async fn connect(path: &Path) -> anyhow::Result<Option<Client>> {
    let result = async { UnixStream::connect(address::of(path)?.path()).await }.await;
    match result {
        Ok(socket) => Ok(Some(Client { socket })),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error)
            .with_context(|| format!("cannot reach the running node at {}", path.display())),
    }
}

impl Client {
    /// Asks the node for its listening sockets, to take its place.
    ///
    /// # Errors
    /// When it does not pass them.
    pub async fn take_over(self) -> anyhow::Result<Succession> {
        let asked = handover::ask(self.socket).await;
        asked.context("taking over from the running node")
    }

    /// Has the node do a job.
    ///
    /// # Errors
    /// What the node says went wrong, or that it went away.
    pub async fn run(self, job: &Job, link: Link) -> anyhow::Result<Value> {
        let (reader, mut writer) = self.socket.into_split();
        frame::send(&mut writer, Tag::Job, &serde_json::to_vec(job)?).await?;
        let Link {
            input,
            output,
            progress,
            stop,
        } = link;
        let sending = tokio::spawn(send(writer, input, stop));
        let result = receive(reader, output, progress).await;
        sending.abort();
        result
    }
}

/// Sends the input, then waits to pass on the wish to stop.
async fn send(
    mut writer: OwnedWriteHalf,
    input: Option<Box<dyn Read + Send>>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut pieces = input.map(pieces);
    loop {
        tokio::select! {
            biased;
            () = wished(&mut stop) => {
                frame::send(&mut writer, Tag::Stop, &[]).await?;
                break;
            }
            piece = next(&mut pieces), if pieces.is_some() => match piece {
                Some(piece) => frame::send(&mut writer, Tag::Data, &piece?).await?,
                None => {
                    frame::send(&mut writer, Tag::End, &[]).await?;
                    pieces = None;
                }
            },
        }
    }
    // The node takes a closed connection for a client that has gone; it is kept open until the answer is here.
    writer.flush().await?;
    std::future::pending().await
}

async fn next(
    pieces: &mut Option<mpsc::Receiver<io::Result<Vec<u8>>>>,
) -> Option<io::Result<Vec<u8>>> {
    match pieces {
        Some(pieces) => pieces.recv().await,
        None => None,
    }
}

/// Reads the input on a thread of its own: standard input cannot be waited for otherwise.
fn pieces(mut input: Box<dyn Read + Send>) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let read = input.read(&mut piece);
            let last = !matches!(read, Ok(count) if count > 0);
            let sent = match read {
                Ok(0) => break,
                Ok(count) => {
                    piece.truncate(count);
                    sender.blocking_send(Ok(piece))
                }
                Err(error) => sender.blocking_send(Err(error)),
            };
            if last || sent.is_err() {
                break;
            }
        }
    });
    receiver
}

async fn receive(
    mut reader: OwnedReadHalf,
    output: mpsc::Sender<Vec<u8>>,
    progress: watch::Sender<Value>,
) -> anyhow::Result<Value> {
    let mut result = Vec::new();
    while let Some((tag, payload)) = frame::receive(&mut reader)
        .await
        .context("the control socket")?
    {
        match tag {
            Tag::Progress => {
                progress.send_replace(serde_json::from_slice(&payload)?);
            }
            Tag::Data => output
                .send(payload)
                .await
                .map_err(|_| anyhow!("nobody takes the data"))?,
            Tag::Part if result.len() + payload.len() <= MAX_RESULT => result.extend(payload),
            Tag::Done if result.is_empty() => return Ok(serde_json::from_slice(&payload)?),
            Tag::Done => {
                result.extend(payload);
                return Ok(serde_json::from_slice(&result)?);
            }
            Tag::Failed => bail!("{}", String::from_utf8_lossy(&payload)),
            Tag::Job | Tag::End | Tag::Sockets | Tag::Stop | Tag::Part => {
                bail!("the node does not speak this version's protocol")
            }
        }
    }
    bail!("the node went away before the job was done")
}
