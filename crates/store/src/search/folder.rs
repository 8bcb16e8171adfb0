//! The files of the index: opened, checked, made anew.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use stentor_event::Kind;
use tantivy::directory::MmapDirectory;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, TantivyError};

use super::error::SearchError;
use super::position::{Position, Unfit};
use super::schema::{Fields, tokenizers};
use crate::EventStore;

/// Segments of like size from which on they are merged. A commit makes one, so this bounds how many a search visits.
const MERGED_TOGETHER: usize = 8;
/// Segments with fewer documents count as of like size.
const SMALL: u32 = 5_000;
/// Segments with more documents are merged no more: it would take the disk for long and win little.
const LARGE: usize = 5_000_000;
/// A segment is written anew when this share of it is of events that are gone.
const GONE: f32 = 0.3;

/// An open index.
pub(super) struct Opened {
    pub(super) writer: IndexWriter,
    pub(super) reader: IndexReader,
    pub(super) position: Position,
}

/// Opens the index in this folder. One that is not there is made; one that is damaged, of another version or not of this
/// store, is made anew, which the log tells.
pub(super) async fn open(
    folder: &Path,
    fields: &Fields,
    memory: usize,
    store: &dyn EventStore,
    kinds: &[Kind],
) -> Result<Opened, SearchError> {
    if !folder.join("meta.json").exists() {
        return make(folder, fields, memory, kinds);
    }
    let unfit = match existing(folder, fields, memory) {
        Ok(opened) => match opened.position.check(store, kinds).await? {
            None => return Ok(opened),
            Some(unfit) => unfit,
        },
        Err(Fault::Unfit(unfit)) => unfit,
        Err(Fault::Failed(error)) => return Err(error),
    };
    tracing::warn!(folder = %folder.display(), reason = %unfit, "the search index is built anew");
    make(folder, fields, memory, kinds)
}

/// Makes an empty index in place of what is there.
pub(super) fn make(
    folder: &Path,
    fields: &Fields,
    memory: usize,
    kinds: &[Kind],
) -> Result<Opened, SearchError> {
    let failed = |error: io::Error| SearchError::Index(format!("{}: {error}", folder.display()));
    empty(folder).map_err(failed)?;
    let directory = MmapDirectory::open(folder).map_err(TantivyError::from)?;
    let index = Index::create(directory, fields.schema.clone(), IndexSettings::default())?;
    let mut opened = with_writer(index, memory, Position::start(kinds))?;
    opened.commit()?;
    Ok(opened)
}

/// Removes what is in the folder, or makes it. The folder itself stays: it may be a link to another disk.
fn empty(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What is wrong with an index, or with the machine.
enum Fault {
    Unfit(Unfit),
    Failed(SearchError),
}

impl From<TantivyError> for Fault {
    fn from(error: TantivyError) -> Self {
        use TantivyError::{InvalidArgument, IoError, LockFailure, SystemError};
        match error {
            LockFailure(..) | SystemError(_) | InvalidArgument(_) => Self::Failed(error.into()),
            IoError(ref cause) if is_of_the_machine(cause) => Self::Failed(error.into()),
            error => Self::Unfit(Unfit::Damaged(error.to_string())),
        }
    }
}

/// Whether an error says something of the machine, such as a full disk, rather than of what the files hold.
fn is_of_the_machine(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, NotFound, Other, UnexpectedEof};
    !matches!(error.kind(), InvalidData | NotFound | Other | UnexpectedEof)
}

/// Opens what is there. Every file is read and compared with its checksum: what reads a damaged one later may do anything.
fn existing(folder: &Path, fields: &Fields, memory: usize) -> Result<Opened, Fault> {
    let index = Index::open_in_dir(folder)?;
    let metas = index.load_metas()?;
    let position = Position::read(metas.payload.as_deref()).map_err(Fault::Unfit)?;
    if index.schema() != fields.schema {
        return Err(Fault::Unfit(Unfit::Damaged(
            "its fields are not those expected".into(),
        )));
    }
    if let Some(file) = index.validate_checksum()?.into_iter().next() {
        return Err(Fault::Unfit(Unfit::Damaged(format!(
            "{} has a wrong checksum",
            file.display()
        ))));
    }
    Ok(with_writer(index, memory, position)?)
}

fn with_writer(mut index: Index, memory: usize, position: Position) -> tantivy::Result<Opened> {
    index.set_tokenizers(tokenizers());
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(memory)
        .num_worker_threads(1)
        .num_merge_threads(1)
        .build();
    let writer: IndexWriter = index.writer_with_options(options)?;
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(MERGED_TOGETHER);
    policy.set_min_layer_size(SMALL);
    policy.set_max_docs_before_merge(LARGE);
    policy.set_del_docs_ratio_before_merge(GONE);
    writer.set_merge_policy(Box::new(policy));
    let reader = index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .try_into()?;
    Ok(Opened {
        writer,
        reader,
        position,
    })
}

impl Opened {
    /// Makes what was added and deleted durable, together with the position.
    pub(super) fn commit(&mut self) -> tantivy::Result<()> {
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&self.position.write());
        commit.commit()?;
        self.reader.reload()
    }
}
