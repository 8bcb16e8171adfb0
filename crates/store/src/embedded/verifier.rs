//! The threads that verify signatures: most of what an event costs.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::batch::WriteBatch;
use super::committer::Job;

/// Signatures that one thread takes at a time: enough to make the hand-over cheap, few enough to spread a batch.
pub const CHUNK: usize = 8;

struct Chunk {
    batch: Arc<WriteBatch>,
    from: usize,
}

/// The pool. Ends when it is dropped, after what was handed in.
pub struct Verifier {
    chunks: Sender<Chunk>,
    threads: Vec<JoinHandle<()>>,
}

impl Verifier {
    /// Starts this many threads (0: one a core), which hand finished batches to `committer`.
    pub fn start(threads: usize, committer: &Sender<Job>) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = if threads == 0 { cores } else { threads };
        // Bounded by the number of events that may wait (`Options::waiting_events`).
        let (sender, receiver) = unbounded();
        let spawn = |number| {
            let (receiver, committer) = (receiver.clone(), committer.clone());
            std::thread::Builder::new()
                .name(format!("verify-{number}"))
                .spawn(move || run(&receiver, &committer))
        };
        let threads = (0..count).map(spawn).collect::<Result<_, _>>()?;
        Ok(Self {
            chunks: sender,
            threads,
        })
    }

    /// Hands in a batch that has something to verify.
    pub fn submit(&self, batch: &Arc<WriteBatch>) {
        for from in (0..batch.to_verify.len()).step_by(CHUNK) {
            // Cannot fail: the threads live as long as the sender.
            let _ = self.chunks.send(Chunk {
                batch: batch.clone(),
                from,
            });
        }
    }

    /// Waits until all that was handed in is verified.
    pub fn finish(self) {
        drop(self.chunks);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn run(chunks: &Receiver<Chunk>, committer: &Sender<Job>) {
    while let Ok(Chunk { batch, from }) = chunks.recv() {
        let end = (from + CHUNK).min(batch.to_verify.len());
        let places = batch.to_verify.get(from..end).unwrap_or_default();
        if batch.verify(places) {
            let _ = committer.send(Job::Write(batch));
        }
    }
}
