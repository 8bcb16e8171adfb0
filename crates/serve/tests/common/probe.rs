//! A session that does what the client's messages say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use stentor_serve::{
    CloseCode, CloseFrame, ConnectionInfo, EndReason, Flow, Outbox, Session, SessionFactory,
    SessionIo,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

#[derive(Default)]
pub struct Stats {
    /// Most bytes that were ever pending in a writer.
    pub pending: AtomicUsize,
    /// Messages handed in.
    pub texts: AtomicUsize,
    /// Messages handed in while the session was not ready.
    pub too_early: AtomicUsize,
    /// Releases a session that is busy.
    pub release: parking_lot::Mutex<Option<oneshot::Sender<()>>>,
}

pub struct Probe {
    pub stats: Arc<Stats>,
    opened: UnboundedSender<(Arc<ConnectionInfo>, Outbox)>,
    ended: UnboundedSender<EndReason>,
}

type Opened = UnboundedReceiver<(Arc<ConnectionInfo>, Outbox)>;

impl Probe {
    pub fn new() -> (Self, Opened, UnboundedReceiver<EndReason>) {
        let ((opened, opened_rx), (ended, ended_rx)) = (unbounded_channel(), unbounded_channel());
        (
            Self {
                stats: Arc::default(),
                opened,
                ended,
            },
            opened_rx,
            ended_rx,
        )
    }
}

impl SessionFactory for Probe {
    type Session = ProbeSession;

    fn open(&self, info: &Arc<ConnectionInfo>, outbox: &Outbox) -> ProbeSession {
        let _ = self.opened.send((Arc::clone(info), outbox.clone()));
        ProbeSession {
            stats: Arc::clone(&self.stats),
            ended: self.ended.clone(),
            flood: 0,
            size: 0,
            busy: None,
        }
    }
}

pub struct ProbeSession {
    stats: Arc<Stats>,
    ended: UnboundedSender<EndReason>,
    /// Messages still to be written, and their size.
    flood: usize,
    size: usize,
    busy: Option<oneshot::Receiver<()>>,
}

impl Session for ProbeSession {
    fn on_open(&mut self, io: &mut SessionIo<'_>) -> Flow {
        io.write_text(b"welcome");
        Flow::Continue
    }

    fn on_text(&mut self, text: &str, io: &mut SessionIo<'_>) -> Flow {
        self.stats.texts.fetch_add(1, Ordering::SeqCst);
        if self.busy.is_some() {
            self.stats.too_early.fetch_add(1, Ordering::SeqCst);
        }
        let mut words = text.split(' ');
        match words.next() {
            Some("flood") => {
                self.flood = words.next().unwrap().parse().unwrap();
                self.size = words.next().unwrap().parse().unwrap();
            }
            Some("busy") => {
                let (release, busy) = oneshot::channel();
                self.busy = Some(busy);
                *self.stats.release.lock() = Some(release);
                io.write_text(b"busy");
            }
            Some("bye") => return Flow::Close(CloseFrame::new(CloseCode::NORMAL, "as asked")),
            Some("sink") => {}
            _ => io.write_parts(&[b"echo ", text.as_bytes()]),
        }
        Flow::Continue
    }

    fn poll_work(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) -> Flow {
        if let Some(busy) = &mut self.busy
            && std::pin::Pin::new(busy).poll(cx) != Poll::Pending
        {
            self.busy = None;
            io.write_text(b"released");
        }
        while self.flood > 0 && io.has_room() {
            self.flood -= 1;
            io.write_text(&vec![b'f'; self.size]);
        }
        self.stats.pending.fetch_max(io.pending(), Ordering::SeqCst);
        Flow::Continue
    }

    fn ready_for_input(&self) -> bool {
        self.busy.is_none()
    }

    fn is_idle(&self) -> bool {
        self.flood == 0 && self.busy.is_none()
    }

    fn on_close(&mut self, reason: &EndReason) {
        let _ = self.ended.send(reason.clone());
    }
}
