//! `stentor export`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::access::{self, Running};
use crate::cli::Common;
use crate::control::{ExportJob, Exported, Job};
use crate::import::Compression;
use crate::layout::Layout;
use crate::output::{self, bytes, grouped};
use crate::progress::{Progress, rate};

/// Writes events out, newest first, private ones included: one JSON object a line. Through the running node where there
/// is one.
#[derive(Debug, Args)]
pub struct Export {
    /// Only what matches this filter (NIP-01, as JSON); several are a union
    #[arg(long, value_name = "JSON")]
    filter: Vec<String>,
    /// Where to; `-` is standard output. A name that ends on .zst or .gz is compressed so
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Prints what was done as one JSON object, on standard error when the events go to standard output
    #[arg(long)]
    json: bool,
}

impl Export {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let loaded = common.load()?;
        crate::filters::parse(&self.filter)?;
        let access = access::open(&Layout::new(&common.data), &loaded.config, false).await?;
        let target = Target::open(&self.output)?;
        let running = access.begin(
            Job::Export(ExportJob {
                filters: self.filter,
            }),
            None,
        );
        let mut progress = Progress::new("export", None);
        let result = write_all(running, target, &mut progress).await;
        let elapsed = progress.finish();
        let done = result?;
        let text = if self.json {
            serde_json::to_string(&done)?
        } else {
            let speed = grouped(rate(done.events, elapsed));
            format!(
                "{} events, {} ({speed}/s)",
                grouped(done.events),
                bytes(done.bytes)
            )
        };
        if self.output.as_os_str() == "-" {
            eprintln!("{text}");
            return Ok(());
        }
        Ok(output::line(&text)?)
    }
}

async fn write_all(
    mut running: Running,
    mut target: Target,
    progress: &mut Progress,
) -> anyhow::Result<Exported> {
    loop {
        let data = tokio::select! {
            data = running.output.recv() => data,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                bail!("interrupted; {} is not complete", target.name);
            }
        };
        let Some(data) = data else { break };
        target =
            tokio::task::spawn_blocking(move || target.write(&data).map(|()| target)).await??;
        let done: Exported =
            serde_json::from_value(running.progress.borrow().clone()).unwrap_or_default();
        progress.at(done.events, |elapsed| {
            let speed = grouped(rate(done.events, elapsed));
            format!("{} events, {speed}/s", grouped(done.events))
        });
    }
    let done = running.done.await??;
    tokio::task::spawn_blocking(move || target.finish()).await??;
    Ok(serde_json::from_value(done)?)
}

/// Where the lines go.
struct Target {
    name: String,
    writer: Writer,
    file: Option<File>,
}

enum Writer {
    Plain(Box<dyn Write + Send>),
    Gzip(flate2::write::GzEncoder<Box<dyn Write + Send>>),
    Zstd(zstd::stream::write::Encoder<'static, Box<dyn Write + Send>>),
}

/// Standard output, whose reader may have enough at any time.
struct Stdout;

impl Write for Stdout {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        io::stdout().write(data).map_err(output::closing)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush().map_err(output::closing)
    }
}

impl Target {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let (file, raw): (_, Box<dyn Write + Send>) = if path.as_os_str() == "-" {
            (None, Box::new(Stdout))
        } else {
            let file =
                File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            (
                Some(file.try_clone()?),
                Box::new(io::BufWriter::with_capacity(1 << 20, file)),
            )
        };
        let writer = match Compression::by_name(path) {
            Compression::None => Writer::Plain(raw),
            Compression::Gzip => Writer::Gzip(flate2::write::GzEncoder::new(
                raw,
                flate2::Compression::default(),
            )),
            Compression::Zstd => Writer::Zstd(zstd::stream::write::Encoder::new(raw, 0)?),
        };
        Ok(Self {
            name: path.display().to_string(),
            writer,
            file,
        })
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        match &mut self.writer {
            Writer::Plain(writer) => writer.write_all(data),
            Writer::Gzip(writer) => writer.write_all(data),
            Writer::Zstd(writer) => writer.write_all(data),
        }
    }

    /// Ends the archive and makes it durable.
    fn finish(self) -> io::Result<()> {
        let mut raw = match self.writer {
            Writer::Plain(writer) => writer,
            Writer::Gzip(writer) => writer.finish()?,
            Writer::Zstd(writer) => writer.finish()?,
        };
        raw.flush()?;
        self.file.map_or(Ok(()), |file| file.sync_all())
    }
}
