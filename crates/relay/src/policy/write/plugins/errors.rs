//! What a plugin writes to its standard error goes to the log: line by line, bounded in length and number.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;

use super::lines::{Line, Lines};

/// Bytes of a line that are logged.
const LINE_BYTES: usize = 1_024;
/// Bytes that are read at once.
const PIECE: usize = 4 * 1024;
/// The time for which a number of lines is allowed.
const SECOND: Duration = Duration::from_secs(1);

/// Logs what comes, at most so many lines in a second, until nothing more comes.
pub(super) async fn log(mut stderr: ChildStderr, plugin: String, per_second: u32) {
    let mut lines = Lines::new(LINE_BYTES);
    let mut allowance = Allowance::new(per_second, Instant::now());
    loop {
        let space = lines.space();
        space.reserve(PIECE);
        let more = stderr.read_buf(space).await.is_ok_and(|bytes| bytes > 0);
        while let Some(line) = lines.next() {
            write(&line, &plugin, &mut allowance);
        }
        if !more {
            // The last line may have no end.
            if let Some(line) = lines.rest() {
                write(&line, &plugin, &mut allowance);
            }
            return;
        }
    }
}

fn write(line: &Line, plugin: &str, allowance: &mut Allowance) {
    match allowance.take(Instant::now()) {
        None => {}
        Some(0) => tracing::info!(plugin, "{}", printable(&line.text)),
        Some(missing) => tracing::info!(plugin, missing, "{}", printable(&line.text)),
    }
}

/// The text without what could move a terminal's cursor or forge a line of the log.
pub(super) fn printable(text: &BytesMut) -> String {
    let text = String::from_utf8_lossy(text);
    text.replace(
        |letter: char| letter.is_control() && letter != '\t',
        "\u{fffd}",
    )
}

/// How many lines may be logged.
#[derive(Debug)]
pub(super) struct Allowance {
    per_second: u32,
    since: Instant,
    used: u32,
    missing: u64,
}

impl Allowance {
    /// So many lines in a second.
    pub(super) const fn new(per_second: u32, now: Instant) -> Self {
        Self {
            per_second,
            since: now,
            used: 0,
            missing: 0,
        }
    }

    /// Whether a line may be logged, and how many could not be since the last one.
    pub(super) fn take(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.since) >= SECOND {
            (self.since, self.used) = (now, 0);
        }
        if self.used >= self.per_second {
            self.missing += 1;
            return None;
        }
        self.used += 1;
        Some(std::mem::take(&mut self.missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_3_the_log_is_not_flooded() {
        let now = Instant::now();
        let mut allowance = Allowance::new(2, now);
        let taken: Vec<_> = (0..5).map(|_| allowance.take(now)).collect();
        assert_eq!(taken, [Some(0), Some(0), None, None, None]);
        assert_eq!(allowance.take(now + SECOND), Some(3));
        assert_eq!(allowance.take(now + SECOND), Some(0));
        assert_eq!(Allowance::new(0, now).take(now), None);
    }

    #[test]
    fn r4_3_the_log_is_not_forged() {
        let text = BytesMut::from(&b"a\x1b[2Jb\rc\td\xff"[..]);
        assert_eq!(printable(&text), "a\u{fffd}[2Jb\u{fffd}c\td\u{fffd}");
    }
}
