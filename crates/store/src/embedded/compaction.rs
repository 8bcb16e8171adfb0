//! Compaction of the log: what belongs to events that are gone is given back to the system.
//!
//! A segment is copied without the bodies of what is gone. Numbers, removals and the order of the feed stay. Then the
//! locator is pointed to the copy and the original is deleted; who still reads from it keeps its memory. The manifest
//! names the pair meanwhile, so that a crash at any point is finished or undone when the store is opened.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use super::core::Core;
use super::files::{self, failing};
use super::log::{Address, BatchBuffer, RecordKind, Replayed, SEGMENT_HEADER, Segment, walk};
use super::state::Place;
use crate::StoreError;

/// Share of a segment, in percent, that must be gone for it to be compacted by itself.
pub const DUE_PERCENT: u64 = 30;

/// Segments of which at least this share is gone, worst first. Only what lies before the checkpoint is looked at: the
/// tail of the log may have to be read again.
pub fn due(core: &Core, percent: u64) -> Vec<Arc<Segment>> {
    let checkpoint = core.manifest.lock().checkpoint.address.map(Address::unpack);
    let active = core.log.active();
    let live = core.counters.lock().live_bytes().clone();
    let segments = core.log.segments();
    let mut due: Vec<(u64, Arc<Segment>)> = segments
        .values()
        .filter(|segment| segment.id != active)
        .filter_map(|segment| {
            let bytes = segment.content().ok()?.len().max(1) as u64;
            let end = Address {
                segment: segment.id,
                offset: bytes as u32,
            };
            if !segment.is_copy() && checkpoint.is_none_or(|checkpoint| end > checkpoint) {
                return None;
            }
            let gone = bytes.saturating_sub(live.get(&segment.id).copied().unwrap_or(0));
            Some((gone * 100 / bytes, segment.clone()))
        })
        .filter(|(share, _)| *share >= percent)
        .collect();
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
    let new = Segment::open(&path, false)?
        .ok_or_else(|| files::corrupt(&path, 0, "the copy is empty"))?;
    core.log.insert(Arc::new(new));
    core.update_manifest(|manifest| manifest.moving = Some((old.id, id)))?;
    finish(core, old.id, id)?;
    Ok(before.saturating_sub(copied))
}

/// Writes the copy; returns its length.
fn copy(core: &Core, old: &Segment, id: u32, path: &std::path::Path) -> Result<u64, StoreError> {
    let snapshot = core.snapshot();
    let file = File::create(path).map_err(failing("creating", path))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let mut length = SEGMENT_HEADER as u64;
    out.write_all(&Segment::header(id, old.order))
        .map_err(failing("writing", path))?;
    let mut buffer = BatchBuffer::default();
    walk(
        old,
        old.content()?,
        SEGMENT_HEADER,
        &mut |batch: Replayed<'_>| {
            buffer.clear();
            for (_, record) in &batch.records {
                let gone = record.kind == RecordKind::Added && !snapshot.is_there(record.number);
                let (kind, body) = if gone {
                    (RecordKind::Erased, &[][..])
                } else {
                    (record.kind, record.body)
                };
                buffer.push(kind, record.number, body);
            }
            buffer.close(batch.first_seq, batch.time_ms);
            length += buffer.bytes().len() as u64;
            out.write_all(buffer.bytes())
                .map_err(failing("writing", path))
        },
    )?;
    let file = out
        .into_inner()
        .map_err(|e| failing("writing", path)(e.into_error()))?;
    file.sync_all().map_err(failing("syncing", path))?;
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
    core.update_manifest(|manifest| manifest.moving = None)
}

fn relocate(core: &Core, old: u32, batch: &Replayed<'_>) {
    let mut seq = batch.first_seq;
    for (address, record) in &batch.records {
        match record.kind {
            RecordKind::Added => core
                .locator
                .update(record.number, |word| match Place::from_word(word) {
                    Place::At(place) if place.segment == old => address.pack(),
                    // Gone since the copy was made.
                    _ => word,
                }),
            RecordKind::Removed => core.feed.set(2 * seq + 1, address.pack()),
            RecordKind::Erased => {}
            RecordKind::Cursor | RecordKind::Commit => continue,
        }
        seq += 1;
    }
}

/// Finishes or undoes a compaction that a crash interrupted.
pub fn finish_moving(core: &Core) -> Result<(), StoreError> {
    let moving = core.manifest.lock().moving;
    let segments = core.log.segments();
    if let Some((old, new)) = moving {
        finish(core, old, new)?;
    }
    let mut seen = BTreeSet::new();
    for segment in segments
        .values()
        .filter(|segment| moving.is_none_or(|(old, _)| segment.id != old))
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
