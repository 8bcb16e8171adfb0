//! Telling of long work: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far some work has got, on standard error.
pub struct Progress {
    form: Form,
    started: Instant,
}

enum Form {
    Bar(ProgressBar),
    Lines { title: String, last: Instant },
}

impl Progress {
    /// Begins; `total` is in the same unit as what [`Self::at`] is told.
    pub fn new(title: &str, total: Option<u64>) -> Self {
        let started = Instant::now();
        let form = if std::io::stderr().is_terminal() {
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let template = if total.is_some() {
                "{prefix} {bar:30} {percent:>3}% {msg}"
            } else {
                "{prefix} {spinner} {msg}"
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            Form::Bar(bar.with_prefix(title.to_owned()))
        } else {
            Form::Lines {
                title: title.to_owned(),
                last: started,
            }
        };
        Self { form, started }
    }

    /// Says how far the work has got; `message` is only made when it is shown.
    pub fn at(&mut self, position: u64, message: impl FnOnce(Duration) -> String) {
        let elapsed = self.started.elapsed();
        match &mut self.form {
            Form::Bar(bar) => {
                bar.set_position(position);
                bar.set_message(message(elapsed));
            }
            Form::Lines { title, last } => {
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    eprintln!("{title}: {}", message(elapsed));
                }
            }
        }
    }

    /// Ends and takes the bar away.
    pub fn finish(&mut self) -> Duration {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
        self.started.elapsed()
    }
}

/// How many a second.
pub fn rate(count: u64, elapsed: Duration) -> u64 {
    let seconds = elapsed.as_secs_f64();
    if seconds < 0.001 {
        return count;
    }
    // Counts and rates are far below 2^52.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    let rate = (count as f64 / seconds) as u64;
    rate
}
