//! Compaction of the log: what belongs to events that are gone is given back to the system.
//!
//! A segment is copied without the bodies of what is gone. Numbers, removals and the order of the feed stay. Then the
//! locator is pointed to the copy and the original is deleted; who still reads from it keeps its memory. The manifest
//! names the pair meanwhile, so that a crash at any point is finished or undone when the store is opened.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::core::Core;
use super::disk::DiskFile;
use super::files;
use super::log::{Address, BatchBuffer, RecordKind, Replayed, SEGMENT_HEADER, Segment, walk};
use super::state::Place;
use crate::StoreError;

/// Share of a segment, in percent, that must be gone for it to be compacted by itself.
pub const DUE_PERCENT: u64 = 30;

/// Bytes that are written at once.
const WRITE_BYTES: usize = 1 << 20;

/// Segments of which at least this share can be given back, worst first. Only what lies before the checkpoint is looked
/// at: the tail of the log may have to be read again.
pub fn due(core: &Core, percent: u64) -> Vec<Arc<Segment>> {
    let Some(checkpoint) = core.manifest.lock().checkpoint.address else {
        return Vec::new();
    };
    let checkpoint = Address::unpack(checkpoint);
    let active = core.log.active();
    let live = core.counters.lock().live_bytes().clone();
    let segments = core.log.segments();
    let share = |segment: &Arc<Segment>| {
        let bytes = segment.content().ok()?.len().max(1) as u64;
        let end = Address {
            segment: segment.order,
            offset: bytes as u32,
        };
        if segment.id == active || (!segment.is_copy() && end > checkpoint) {
            return None;
        }
        let live = live.get(&segment.id).copied().unwrap_or(0).max(0) as u64;
        let kept = live + u64::from(segment.overhead).max(SEGMENT_HEADER as u64);
        let share = bytes.saturating_sub(kept) * 100 / bytes;
        (share >= percent.max(1)).then(|| (share, segment.clone()))
    };
    let mut due: Vec<_> = segments.values().filter_map(share).collect();
    due.sort_by_key(|(share, _)| std::cmp::Reverse(*share));
    due.into_iter().map(|(_, segment)| segment).collect()
}

/// Copies a segment without what is gone, and puts the copy in its place. Returns the bytes won.
pub fn compact(core: &Core, old: &Segment) -> Result<u64, StoreError> {
    let before = old.content()?.len() as u64;
    let id = core.log.take_id();
    let path = Segment::path(&core.log.folder, id);
    let temporary = files::temporary(&path);
    let copied =
        copy(core, old, id, &temporary).inspect_err(|_| drop(files::remove(&temporary)))?;
    files::publish(&temporary, &path)?;
    let new =
        Segment::open(&path, 0)?.ok_or_else(|| files::corrupt(&path, 0, "the copy is empty"))?;
    core.update_manifest(|manifest| manifest.moving = Some((old.id, id)))
        .inspect_err(|_| drop(files::remove(&path)))?;
    core.log.insert(Arc::new(new));
    finish(core, old.id, id)?;
    Ok(before.saturating_sub(copied))
}

/// Writes the copy; returns its length.
fn copy(core: &Core, old: &Segment, id: u32, path: &Path) -> Result<u64, StoreError> {
    let snapshot = core.snapshot();
    let file = DiskFile::create(path)?;
    let mut length = SEGMENT_HEADER as u64;
    let mut overhead = SEGMENT_HEADER as u64;
    let mut buffer = BatchBuffer::default();
    let mut out: Vec<u8> = Vec::with_capacity(WRITE_BYTES);
    walk(
        old,
        old.content()?,
        SEGMENT_HEADER,
        &mut |batch: Replayed<'_>| {
            buffer.clear();
            let mut events = 0;
            for (_, record) in &batch.records {
                let (kind, body) = match record.kind {
                    RecordKind::Added if !snapshot.is_there(record.number) => {
                        (RecordKind::Erased, &[][..])
                    }
                    kind => (kind, record.body),
                };
                buffer.push(kind, record.number, body);
                if kind == RecordKind::Added {
                    events += record.length() as u64;
                }
            }
            buffer.close(batch.first_seq, batch.time_ms);
            overhead += buffer.bytes().len() as u64 - events;
            out.extend_from_slice(buffer.bytes());
            if out.len() < WRITE_BYTES {
                return Ok(());
            }
            file.write_at(&out, length)?;
            length += out.len() as u64;
            out.clear();
            Ok(())
        },
    )?;
    file.write_at(&out, length)?;
    length += out.len() as u64;
    let overhead = u32::try_from(overhead).unwrap_or(u32::MAX);
    file.write_at(&Segment::header(id, old.order, overhead), 0)?;
    file.sync()?;
    Ok(length)
}

/// Points everything from the old segment to its copy, and deletes the old one.
fn finish(core: &Core, old: u32, new: u32) -> Result<(), StoreError> {
    let segments = core.log.segments();
    let path = Segment::path(&core.log.folder, new);
    let copy = segments
        .get(&new)
        .ok_or_else(|| files::corrupt(&path, 0, "the copy is missing"))?;
    walk(
        copy,
        copy.content()?,
        SEGMENT_HEADER,
        &mut |batch: Replayed<'_>| {
            relocate(core, old, &batch);
            Ok(())
        },
    )?;
    core.locator.sync()?;
    core.feed.sync()?;
    core.log.forget(old);
    core.counters.lock().moved(old, new);
    files::remove(&Segment::path(&core.log.folder, old))?;
    // Were the old one back after a power cut without the manifest naming the pair, the copy would be taken for one
    // that was never put in place.
    files::sync_dir(&core.log.folder)?;
    core.update_manifest(|manifest| manifest.moving = None)
}

fn relocate(core: &Core, old: u32, batch: &Replayed<'_>) {
    let mut seq = batch.first_seq;
    for (address, record) in &batch.records {
        match record.kind {
            RecordKind::Added => {
                let word = core.locator.get(record.number);
                let place = match Place::from_word(word) {
                    Place::At(place) if place.segment == old => address.pack(),
                    // Gone since the copy was made; or moved before a crash, but perhaps not durably.
                    _ => word,
                };
                core.locator.exchange(record.number, word, place);
            }
            RecordKind::Removed => core.feed.set(2 * seq + 1, address.pack()),
            RecordKind::Erased => {}
            RecordKind::Cursor | RecordKind::Commit => continue,
        }
        seq += 1;
    }
}

/// Finishes a compaction that an error has interrupted.
pub fn resume(core: &Core) -> Result<(), StoreError> {
    let moving = core.manifest.lock().moving;
    match moving {
        Some((old, new)) => finish(core, old, new),
        None => Ok(()),
    }
}

/// Finishes or undoes a compaction that a crash interrupted.
pub fn finish_moving(core: &Core) -> Result<(), StoreError> {
    let moving = core.manifest.lock().moving;
    let segments = core.log.segments();
    match moving {
        Some((old, new)) if !segments.contains_key(&new) && segments.contains_key(&old) => {
            // The copy was taken back, as the manifest seemed not to have been written.
            core.update_manifest(|manifest| manifest.moving = None)?;
        }
        Some((old, new)) => finish(core, old, new)?,
        None => {}
    }
    let mut seen = BTreeSet::new();
    for segment in segments
        .values()
        .filter(|segment| core.log.segments().contains_key(&segment.id))
    {
        // Of two with the same content the later one is a copy that was never put in place.
        if !seen.insert(segment.order) {
            tracing::warn!(
                segment = segment.id,
                "removing an unfinished copy of a log segment"
            );
            core.log.forget(segment.id);
            files::remove(&segment.path)?;
        }
    }
    Ok(())
}
