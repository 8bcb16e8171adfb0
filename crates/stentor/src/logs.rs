//! Logging to standard error.

use std::fmt;
use std::io::IsTerminal;

use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{FmtSpan, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{LogConfig, LogFormat};

/// Begins to log as configured. Can be called once; later calls change nothing.
pub fn start(config: &LogConfig) {
    let terminal = std::io::stderr().is_terminal();
    let filter = EnvFilter::builder().parse_lossy(&config.level);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(terminal);
    let started = match config.format {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .map_event_format(|lines| Correlated {
                lines,
                add: |line, connection| format!("{{\"connection\":{connection},{}", json(line)),
            })
            .try_init(),
        LogFormat::Human | LogFormat::Auto => builder
            .with_target(false)
            .map_event_format(|lines| Correlated {
                lines: lines.with_ansi(terminal),
                add: |line, connection| format!("{} connection={connection}\n", line.trim_end()),
            })
            .try_init(),
    };
    // Only a second call fails, and it has nothing to do.
    drop(started);
}

/// What follows the opening brace of an object.
fn json(line: &str) -> &str {
    line.strip_prefix('{').unwrap_or(line)
}

/// Lines that name the connection whose task says them. Whoever logs need not know it.
struct Correlated<L> {
    lines: L,
    /// Adds the number of a connection to a whole line.
    add: fn(&str, u64) -> String,
}

impl<S, N, L> FormatEvent<S, N> for Correlated<L>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'fields> FormatFields<'fields> + 'static,
    L: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(connection) = stentor_trace::connection() else {
            return self.lines.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.lines
            .format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&(self.add)(&line, connection.get()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// Where lines are kept.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Kept {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[tokio::test]
    async fn p3_a_line_names_the_connection_whose_task_says_it() {
        let kept = Kept::default();
        let lines = tracing_subscriber::fmt()
            .with_writer(kept.clone())
            .json()
            .flatten_event(true)
            .map_event_format(|lines| Correlated {
                lines,
                add: |line, connection| format!("{{\"connection\":{connection},{}", json(line)),
            })
            .finish();
        let _guard = tracing::subscriber::set_default(lines);
        tracing::warn!("outside");
        stentor_trace::InConnection::new(7, async { tracing::warn!(work = 3, "{{inside}}") }).await;
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let [outside, inside] = lines.as_slice() else {
            panic!("{text}");
        };
        assert!(outside.get("connection").is_none(), "{outside}");
        assert_eq!(
            (&inside["connection"], &inside["work"]),
            (&7.into(), &3.into())
        );
        assert_eq!(inside["message"], "{inside}");
    }
}
