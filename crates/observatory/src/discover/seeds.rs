//! The relays to begin with: those that are built in, those of the configuration, and those of a file of the operator (O1.1).

use std::path::Path;

use tokio::io::AsyncReadExt;

use super::intake::Intake;
use super::source::Source;
use super::text::{self, Note, Text};
use crate::config::Discover;
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;

/// The relays that are built in.
const BUILT_IN: &str = include_str!("seeds.txt");
/// The most bytes of a file of seeds.
const MAX_FILE: u64 = 16 << 20;

/// Reads them when they are new or have changed, for ever.
///
/// # Errors
/// Those of the records. A file that cannot be read is reported and tried again.
pub(super) async fn follow(ground: &Ground, intake: &Intake) -> Result<(), Error> {
    loop {
        read(ground, intake).await?;
        ground.clock.sleep(ground.config.discover.interval()).await;
    }
}

/// Reads what is new or has changed.
///
/// # Errors
/// Those of the records.
pub(super) async fn read(ground: &Ground, intake: &Intake) -> Result<(), Error> {
    let config = &ground.config.discover;
    if config.built_in {
        let seeds = seeds("discover.built_in", Source::BuiltIn, BUILT_IN);
        text::read(ground, intake, seeds, Note::default()).await?;
    }
    let own = config.seeds.join("\n");
    let own = seeds("discover.seeds", Source::Seeds, &own);
    text::read(ground, intake, own, Note::default()).await?;
    let Some(file) = &config.seed_file else {
        return Ok(());
    };
    match read_file(&ground.folder.join(file)).await {
        Ok(content) => {
            let name = "discover.seed_file";
            let seeds = seeds(name, Source::SeedFile, &content);
            text::read(ground, intake, seeds, Note::default()).await
        }
        Err(error) => {
            tracing::warn!(%error, "the file of relays to begin with cannot be read");
            Ok(())
        }
    }
}

/// Whether the file that the configuration names can be read (O5.2).
///
/// # Errors
/// [`Error::File`].
pub(crate) async fn check(config: &Discover, folder: &Path) -> Result<(), Error> {
    match &config.seed_file {
        Some(file) if config.enabled => read_file(&folder.join(file)).await.map(|_| ()),
        _ => Ok(()),
    }
}

async fn read_file(path: &Path) -> Result<String, Error> {
    let failed = |problem: String| Error::File {
        path: path.to_owned(),
        problem,
    };
    let file = tokio::fs::File::open(path).await;
    let file = file.map_err(|error| failed(error.to_string()))?;
    let mut content = String::new();
    let read = file.take(MAX_FILE + 1).read_to_string(&mut content).await;
    read.map_err(|error| failed(error.to_string()))?;
    if content.len() as u64 > MAX_FILE {
        return Err(failed(format!("is larger than {MAX_FILE} bytes")));
    }
    Ok(content)
}

/// What these seeds name. Where they are is left out: the source says which they are, and everybody may read it, who is not to learn
/// where the operator's files are.
fn seeds<'a>(name: &'a str, source: Source, content: &str) -> Text<'a> {
    Text {
        name,
        source,
        found_in: None,
        hash: text::hash(content.as_bytes()),
        urls: lines(content).collect(),
    }
}

/// One URL a line; `#` begins a comment. What is no relay's URL is passed over.
fn lines(content: &str) -> impl Iterator<Item = RelayUrl> {
    content.lines().filter_map(|line| {
        let text = line.split('#').next().unwrap_or_default();
        RelayUrl::parse(text).ok()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn o1_1_the_built_in_list_has_nothing_but_relays() {
        let urls: BTreeSet<_> = lines(BUILT_IN).collect();
        let written = BUILT_IN.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(urls.len(), written.count());
        assert!(urls.len() >= 40 && urls.iter().all(RelayUrl::is_tls));
    }

    #[test]
    fn o1_1_comments_and_nonsense_are_passed_over() {
        let content = "\u{feff}x\n# wss://a.example\n wss://b.example # good\r\n\nhttps://c.example\nwss://d.example";
        let urls: Vec<_> = lines(content).map(|url| url.to_string()).collect();
        assert_eq!(urls, ["wss://b.example/", "wss://d.example/"]);
    }
}
