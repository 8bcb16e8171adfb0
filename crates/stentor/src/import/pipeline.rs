//! The stages of an import and what runs between them.

use std::collections::BTreeMap;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use crossbeam_channel::{Receiver, Sender, bounded};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use stentor_store::{EventStore, Outcome, StoreError};
use tokio::sync::{mpsc, watch};

use super::chunks::{Chunk, Chunks};
use super::judge::{Judged, Rules};
use super::{Plugins, Summary, input};
use crate::clock;
use crate::stop::wished;

/// Batches that the store works on at once: one is written while the next is verified.
const IN_STORE: usize = 4;
/// How long chunks that were read before the wish to stop are still awaited.
const STOP_PATIENCE: Duration = Duration::from_secs(1);
/// White space and escapes can make a line this many times longer than the event in its shortest form.
const LINE_FACTOR: usize = 4;
/// Longest line where the size of events is not limited.
const UNLIMITED_LINE: usize = 64 * 1024 * 1024;

/// An import to be run.
pub struct Import {
    /// Where the events go.
    pub store: Arc<dyn EventStore>,
    /// What a line must satisfy.
    pub rules: Rules,
    /// Plugins that want to be asked (R4.3).
    pub plugins: Option<Plugins>,
    /// Lines to pass over at the beginning.
    pub skip: u64,
    /// Becomes true to end the import early; what was read until then is still finished.
    pub stop: watch::Receiver<bool>,
}

type Judgement = (u64, anyhow::Result<Judged>);
type Submitted = Pin<Box<dyn Future<Output = (Vec<u64>, Result<Vec<Outcome>, StoreError>)> + Send>>;

impl Import {
    /// Runs to the end of the input; `progress` is called now and then with what has become of the lines so far.
    ///
    /// # Errors
    /// When the input cannot be read, or the store cannot write. What was counted until then is durable; running the
    /// same import again takes it up.
    pub async fn run(
        self,
        reader: Box<dyn Read + Send>,
        mut progress: impl FnMut(&Summary) + Send,
    ) -> anyhow::Result<Summary> {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let in_flight = workers * 2 + 2;
        let (judged_in, judged) = mpsc::channel(in_flight);
        // A ticket is taken for each chunk that is read and given back when its turn in the order has come, so that
        // one slow chunk cannot let the others pile up behind it.
        let (ticket_in, ticket) = bounded(in_flight);
        let (chunk_in, chunks) = bounded(workers);
        let rules = Arc::new(self.rules.clone());
        for _ in 0..workers {
            let (chunks, rules, out) = (chunks.clone(), Arc::clone(&rules), judged_in.clone());
            spawn("import-judge", move || judge(&chunks, &rules, &out))?;
        }
        let max_line = match self.rules.event_bytes {
            0 => UNLIMITED_LINE,
            bytes => bytes.saturating_mul(LINE_FACTOR),
        };
        let (skip, stop) = (self.skip, self.stop.clone());
        let reading = Reading {
            ticket_in,
            chunk_in,
            failed: judged_in,
            stop,
        };
        spawn("import-read", move || reading.run(reader, max_line, skip))?;
        let mut collector = Collector {
            store: self.store,
            plugins: self.plugins,
            judged,
            ticket,
            early: BTreeMap::new(),
            next: 0,
            stop: self.stop.clone(),
        };
        let mut summary = collector.collect(&mut progress).await?;
        summary.stopped = *self.stop.borrow();
        Ok(summary)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
        .context("cannot start a thread")
}

/// The first stage.
struct Reading {
    ticket_in: Sender<()>,
    chunk_in: Sender<(u64, Chunk)>,
    failed: mpsc::Sender<Judgement>,
    stop: watch::Receiver<bool>,
}

impl Reading {
    fn run(self, reader: Box<dyn Read + Send>, max_line: usize, skip: u64) {
        let mut index = 0;
        if let Err(error) = self.read(reader, max_line, skip, &mut index) {
            let error = anyhow::Error::from(error).context("reading the input");
            // If nobody listens any more, the import has ended for another reason.
            let _ = self.failed.blocking_send((index, Err(error)));
        }
    }

    fn read(
        &self,
        reader: Box<dyn Read + Send>,
        max_line: usize,
        skip: u64,
        index: &mut u64,
    ) -> std::io::Result<()> {
        let mut chunks = Chunks::new(input::decompress(reader)?, max_line, skip);
        while let Some(chunk) = chunks.next()? {
            let ended = *self.stop.borrow()
                || self.ticket_in.send(()).is_err()
                || self.chunk_in.send((*index, chunk)).is_err();
            if ended {
                break;
            }
            *index += 1;
        }
        Ok(())
    }
}

/// The second stage, on every core.
fn judge(chunks: &Receiver<(u64, Chunk)>, rules: &Rules, out: &mpsc::Sender<Judgement>) {
    for (index, chunk) in chunks {
        if out.blocking_send((index, Ok(rules.judge(&chunk)))).is_err() {
            break;
        }
    }
}

/// The last stage: puts the chunks back in order and hands them to the store.
struct Collector {
    store: Arc<dyn EventStore>,
    plugins: Option<Plugins>,
    judged: mpsc::Receiver<Judgement>,
    ticket: Receiver<()>,
    early: BTreeMap<u64, anyhow::Result<Judged>>,
    next: u64,
    stop: watch::Receiver<bool>,
}

impl Collector {
    async fn collect(
        &mut self,
        progress: &mut (impl FnMut(&Summary) + Send),
    ) -> anyhow::Result<Summary> {
        let mut summary = Summary::default();
        let mut in_store: FuturesOrdered<Submitted> = FuturesOrdered::new();
        let mut reading = true;
        let mut stop = self.stop.clone();
        let stuck = stuck(&mut stop);
        tokio::pin!(stuck);
        while reading || !in_store.is_empty() {
            tokio::select! {
                biased;
                Some((lines, outcomes)) = in_store.next(), if !in_store.is_empty() => {
                    tally(&mut summary, lines, outcomes)?;
                    progress(&summary);
                }
                judged = self.next_in_order(), if reading && in_store.len() < IN_STORE => match judged {
                    Some(judged) => {
                        let judged = match &self.plugins {
                            Some(plugins) => plugins.sift(judged?).await,
                            None => judged?,
                        };
                        summary.add(judged.summary);
                        if judged.events.is_empty() {
                            progress(&summary);
                        } else {
                            in_store.push_back(self.submit(judged.events, judged.lines).await);
                        }
                    }
                    None => reading = false,
                },
                () = &mut stuck, if reading => reading = false,
            }
        }
        Ok(summary)
    }

    /// The chunk whose turn it is. Can be dropped while it waits.
    async fn next_in_order(&mut self) -> Option<anyhow::Result<Judged>> {
        loop {
            if let Some(judged) = self.early.remove(&self.next) {
                self.next += 1;
                // A failed read has taken no ticket.
                let _ = self.ticket.try_recv();
                return Some(judged);
            }
            let (index, judged) = self.judged.recv().await?;
            self.early.insert(index, judged);
        }
    }

    /// Begins a submission. It is polled once here, so that batches reach the store in the order of the input.
    async fn submit(&self, events: Vec<stentor_store::Submission>, lines: Vec<u64>) -> Submitted {
        let store = Arc::clone(&self.store);
        let mut submission: Submitted =
            Box::pin(async move { (lines, store.submit(events, clock::now()).await) });
        let first = std::future::poll_fn(|cx| Poll::Ready(submission.as_mut().poll(cx))).await;
        match first {
            Poll::Ready(done) => Box::pin(std::future::ready(done)),
            Poll::Pending => submission,
        }
    }
}

/// Comes a moment after the wish to stop: a read that still waits then (for a terminal, say) is not waited for.
async fn stuck(stop: &mut watch::Receiver<bool>) {
    wished(stop).await;
    tokio::time::sleep(STOP_PATIENCE).await;
}

fn tally(
    summary: &mut Summary,
    lines: Vec<u64>,
    outcomes: Result<Vec<Outcome>, StoreError>,
) -> anyhow::Result<()> {
    for (line, outcome) in lines.into_iter().zip(outcomes?) {
        summary
            .count(line, outcome)
            .map_err(|why| anyhow!("line {line}: {why}"))?;
    }
    Ok(())
}
