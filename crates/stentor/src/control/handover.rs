//! Passing the listening sockets to a successor: connections wait in their backlog while one node ends and the next begins, and
//! nobody is refused.
//!
//! The successor asks with [`Job::TakeOver`]; the node answers with a frame that carries the descriptors and their names. Nothing
//! has changed yet: only when the successor says that it is ready does the node end, and one that goes away before has done no
//! harm.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, bail};
use parking_lot::Mutex;
use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use stentor_serve::ListeningSocket;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{info, warn};

use super::frame::{self, HEAD, Tag};
use super::job::Job;

/// Most sockets that are passed. Linux takes 253 descriptors in one message.
const MOST: usize = 192;
/// How long a successor may take until it is ready.
const READY: Duration = Duration::from_secs(60);

/// A listening socket and the name of its listener.
#[derive(Debug)]
pub struct Named {
    /// The listener.
    pub name: String,
    /// The socket.
    pub socket: ListeningSocket,
}

/// What a successor takes over.
pub struct Estate {
    sockets: Mutex<Vec<Named>>,
    /// How long this node may take to let go of the store.
    ending: Box<dyn Fn() -> Duration + Send + Sync>,
    taken: watch::Sender<bool>,
}

/// What is said beside the descriptors.
#[derive(Debug, Serialize, Deserialize)]
struct Inventory {
    sockets: Vec<Entry>,
    ending_ms: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    /// Whether the file of the Unix socket becomes the successor's to remove.
    file: bool,
}

impl Estate {
    /// These sockets; `ending` tells how long the node may take to end.
    pub fn new(sockets: Vec<Named>, ending: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self {
            sockets: Mutex::new(sockets),
            ending: Box::new(ending),
            taken: watch::Sender::new(false),
        }
    }

    /// Waits until a successor has taken over.
    pub async fn taken(&self) {
        // The sender lives in `self`, so this cannot fail.
        let _ = self.taken.subscribe().wait_for(|taken| *taken).await;
    }

    /// Closes the handles: this node listens no more, and nobody can take over.
    pub fn close(&self) {
        self.sockets.lock().clear();
    }

    /// Gives the sockets to a successor for good, which keeps those of these listeners. `false` if another has them.
    fn give(&self, kept: &[String]) -> bool {
        // Held until all is said: the node closes its handles as soon as it hears that it is to end.
        let sockets = self.sockets.lock();
        if *self.taken.borrow() {
            return false;
        }
        let kept = sockets.iter().filter(|named| kept.contains(&named.name));
        kept.filter_map(|named| named.socket.file())
            .for_each(|file| file.leave());
        self.taken.send_replace(true);
        true
    }

    /// The descriptors, and what is said beside them.
    fn inventory(&self) -> io::Result<(Vec<OwnedFd>, Inventory)> {
        let sockets = self.sockets.lock();
        let fds = sockets
            .iter()
            .map(|named| named.socket.as_fd().try_clone_to_owned());
        let entry = |named: &Named| Entry {
            name: named.name.clone(),
            file: named.socket.file().is_some(),
        };
        let inventory = Inventory {
            sockets: sockets.iter().map(entry).collect(),
            ending_ms: u64::try_from((self.ending)().as_millis()).unwrap_or(u64::MAX),
        };
        Ok((fds.collect::<io::Result<_>>()?, inventory))
    }
}

/// The side of the node that runs: answers [`Job::TakeOver`].
pub(super) async fn give(socket: &mut UnixStream, estate: &Estate) -> io::Result<()> {
    let (fds, inventory) = estate.inventory()?;
    if fds.is_empty() || fds.len() > MOST {
        return frame::send(
            socket,
            Tag::Failed,
            b"there are no sockets that could be passed",
        )
        .await;
    }
    let payload = serde_json::to_vec(&inventory)?;
    let head = frame::head(Tag::Sockets, &payload)?;
    let sent = send_with(socket, &head, &fds).await?;
    socket
        .write_all(head.get(sent..).unwrap_or_default())
        .await?;
    socket.write_all(&payload).await?;
    drop(fds);
    info!("a successor has the sockets");
    let Ok(Ok(Some((Tag::End, kept)))) = timeout(READY, frame::receive(socket)).await else {
        warn!("the successor went away before it was ready");
        return Ok(());
    };
    if estate.give(&serde_json::from_slice::<Vec<String>>(&kept)?) {
        frame::send(socket, Tag::Done, b"null").await
    } else {
        frame::send(socket, Tag::Failed, b"another successor has taken over").await
    }
}

/// A predecessor whose sockets are here, and which goes on until [`Succession::begin`].
pub struct Succession {
    /// The sockets.
    pub sockets: Vec<Named>,
    /// The listeners whose sockets' files are passed on too, to be adopted once the predecessor ends.
    pub files: Vec<String>,
    /// How long the predecessor may take to let go of the store.
    pub ending: Duration,
    socket: UnixStream,
}

/// The side of the successor: asks for the sockets.
///
/// # Errors
/// When the node does not pass them.
pub(super) async fn ask(mut socket: UnixStream) -> anyhow::Result<Succession> {
    frame::send(&mut socket, Tag::Job, &serde_json::to_vec(&Job::TakeOver)?).await?;
    let (head, fds) = receive_with(&mut socket).await?;
    let payload = match frame::body(head, &mut socket).await? {
        (Tag::Sockets, payload) => payload,
        (Tag::Failed, payload) => bail!("{}", String::from_utf8_lossy(&payload)),
        _ => bail!("the node does not speak this version's protocol"),
    };
    let inventory: Inventory = serde_json::from_slice(&payload)?;
    if inventory.sockets.len() != fds.len() {
        bail!("the node has passed other sockets than it says");
    }
    let files = inventory.sockets.iter().filter(|entry| entry.file);
    let files = files.map(|entry| entry.name.clone()).collect();
    let named = |(entry, fd): (Entry, OwnedFd)| -> anyhow::Result<Named> {
        let socket = ListeningSocket::from_fd(fd);
        let socket = socket.with_context(|| format!("the socket of {}", entry.name))?;
        let name = entry.name;
        Ok(Named { name, socket })
    };
    let pairs = inventory.sockets.into_iter().zip(fds);
    let sockets = pairs.map(named).collect::<anyhow::Result<Vec<_>>>();
    Ok(Succession {
        sockets: sockets?,
        files,
        ending: Duration::from_millis(inventory.ending_ms),
        socket,
    })
}

impl Succession {
    /// Has the predecessor end; the sockets of these listeners are kept. From here on, connections wait for this process.
    ///
    /// # Errors
    /// When it does not: another successor was faster, or it is gone.
    pub async fn begin(mut self, kept: &[String]) -> anyhow::Result<()> {
        frame::send(&mut self.socket, Tag::End, &serde_json::to_vec(kept)?).await?;
        match frame::receive(&mut self.socket).await? {
            Some((Tag::Done, _)) => Ok(()),
            Some((Tag::Failed, text)) => bail!("{}", String::from_utf8_lossy(&text)),
            _ => bail!("the running node went away"),
        }
    }
}

/// Sends bytes with descriptors beside the first of them; how many bytes were taken.
async fn send_with(socket: &UnixStream, bytes: &[u8], fds: &[OwnedFd]) -> io::Result<usize> {
    let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
    let send = || {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "too many sockets",
            ));
        }
        let parts = [IoSlice::new(bytes)];
        Ok(sendmsg(socket, &parts, &mut control, SendFlags::empty())?)
    };
    socket.async_io(Interest::WRITABLE, send).await
}

/// Receives the head of a frame and the descriptors beside it.
async fn receive_with(socket: &mut UnixStream) -> io::Result<([u8; HEAD], Vec<OwnedFd>)> {
    let mut head = [0; HEAD];
    let mut fds = Vec::new();
    let receive = || {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut head)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = recvmsg(&*socket, &mut parts, &mut control, flags)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(passed) = message {
                fds.extend(passed);
            }
        }
        Ok(received.bytes)
    };
    let count = socket.async_io(Interest::READABLE, receive).await?;
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    socket
        .read_exact(head.get_mut(count..).unwrap_or_default())
        .await?;
    Ok((head, fds))
}
