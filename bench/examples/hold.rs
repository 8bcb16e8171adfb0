//! Puts the events of standard input, one a line and oldest first, into an archive's store, without looking at their signatures: `hold FOLDER`.

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::sync::Arc;

use stentor_event::Event;
use stentor_store::embedded::{Options, Store};
use stentor_store::{EventStore, Keep, Submission};

/// Events submitted together.
const TOGETHER: usize = 4_096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    let options = Options {
        keep: Keep::History,
        ..Options::default()
    };
    let store = Arc::new(Store::open(&PathBuf::from(folder), options)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let mut lines = io::stdin().lock().lines();
    loop {
        let together = lines.by_ref().take(TOGETHER);
        let submissions = together.map(|line| {
            let event = Event::parse(line?.as_bytes())?;
            Ok(Submission {
                event,
                verified: true,
            })
        });
        let submissions = submissions.collect::<Result<Vec<_>, Box<dyn std::error::Error>>>()?;
        let Some(newest) = submissions.last() else {
            return Ok(());
        };
        let now = newest.event.created_at();
        runtime.block_on(store.submit(submissions, now))?;
    }
}
