//! Which messages are recorded, and where the records go.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::counter;
use rand::Rng;
use tokio::sync::mpsc;

use crate::record::Record;

/// Of 2³² random numbers, how many have a message recorded; 0: tracing is off. It is looked at for every message, so it is a number of
/// its own and not behind the cell.
static SHARE: AtomicU64 = AtomicU64::new(0);
static SINK: OnceLock<mpsc::Sender<Record>> = OnceLock::new();

/// All random numbers.
const ALL: u64 = 1 << 32;

/// Has a share of the messages recorded from now on, from 0 (only the program's own jobs) to 1 (all). Records come out of what this
/// gives; at most `queue` of them wait there, and further ones are dropped and counted (`stentor_trace_dropped_total`).
///
/// `None`: somebody has called it before.
#[must_use]
pub fn install(sample: f64, queue: usize) -> Option<mpsc::Receiver<Record>> {
    let (sink, records) = mpsc::channel(queue);
    SINK.set(sink).ok()?;
    SHARE.store(share(sample), Ordering::Relaxed);
    Some(records)
}

// From 0 to 2³²: all of it is positive, and a fraction of a random number is nothing.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn share(sample: f64) -> u64 {
    (sample.clamp(0.0, 1.0) * ALL as f64).ceil() as u64
}

/// Whether the next message is one of the sample; `false` at once when tracing is off.
#[inline]
pub(crate) fn draw() -> bool {
    let share = SHARE.load(Ordering::Relaxed);
    share != 0 && u64::from(rand::rng().random::<u32>()) < share
}

/// Whether records go anywhere.
pub(crate) fn is_installed() -> bool {
    SINK.get().is_some()
}

/// Hands a record on, if there is room for it.
pub(crate) fn hand_on(record: Record) {
    let spans = record.spans() as u64;
    if SINK.get().is_none_or(|sink| sink.try_send(record).is_err()) {
        counter!("stentor_trace_dropped_total", "reason" => "queue").increment(spans);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_the_share_goes_from_none_to_all() {
        assert_eq!((share(0.0), share(-1.0), share(f64::NAN)), (0, 0, 0));
        assert_eq!((share(1.0), share(7.0)), (ALL, ALL));
        assert_eq!(share(0.25), ALL / 4);
        assert_eq!(share(1e-12), 1, "little is not nothing");
    }
}
