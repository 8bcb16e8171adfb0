//! What was ended early goes on, and what got lost comes back.

use std::fs;
use std::path::Path;

use stentor_sql::Dialect;
use stentor_sql::testing::House;

use super::ground::{Archive, PART, event, files, whole};
use crate::export::Format;
use crate::export::manifest::{FILE, OLD_FILE};

async fn archive() -> Archive {
    Archive::filled(House::new(Dialect::Sqlite).await, 300).await
}

/// Exports to a folder that was never used, and holds it against another one.
async fn is_as_new(archive: &Archive, format: Format, folder: &Path) {
    let fresh = tempfile::tempdir().unwrap();
    let to = fresh.path().to_str().unwrap();
    archive.export(to, whole(format), PART).await.unwrap();
    assert_eq!(files(folder), files(fresh.path()));
}

#[tokio::test]
async fn o4_3_files_that_got_lost_are_written_again() {
    let archive = archive().await;
    for format in [Format::Jsonl, Format::Parquet] {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().to_str().unwrap();
        let first = archive.export(to, whole(format), PART).await.unwrap();
        let end = format.extension();
        let path = |name: &str| folder.path().join(format!("{name}.{end}"));
        fs::remove_file(path("events/day=2024-05-01/kind=1/part-00000")).unwrap();
        fs::remove_dir_all(folder.path().join("events/day=2024-05-02/kind=7")).unwrap();
        fs::write(path("provenance/chunk=00000/part-00000"), "half").unwrap();
        fs::remove_file(path("relays")).unwrap();
        let again = archive.export(to, whole(format), PART).await.unwrap();
        assert_eq!((again.files, again.kept, again.removed), (4, 14, 0));
        assert_eq!(again.manifest, first.manifest);
        is_as_new(&archive, format, folder.path()).await;
        let third = archive.export(to, whole(format), PART).await.unwrap();
        assert_eq!((third.files, third.kept), (0, 18));
    }
}

#[tokio::test]
async fn o4_3_an_update_that_was_ended_goes_on() {
    for format in [Format::Jsonl, Format::Parquet] {
        for is_killed in [false, true] {
            let archive = archive().await;
            let folder = tempfile::tempdir().unwrap();
            let to = folder.path().to_str().unwrap();
            archive.export(to, whole(format), PART).await.unwrap();
            let (stated, memory) = (folder.path().join(FILE), folder.path().join(OLD_FILE));
            let manifest = fs::read(&stated).unwrap();
            // Six of fifteen days and kinds change, who holds what, and the relays' counts.
            archive.add((2_000..2_006).map(event).collect()).await;
            let done = archive.ended(to, whole(format), 2).await;
            assert_eq!((done.files, done.stopped), (2, true));
            assert!(memory.exists() && !stated.exists());
            if is_killed {
                // Then the memory is that of the beginning.
                fs::write(&memory, manifest).unwrap();
            }
            let again = archive.export(to, whole(format), PART).await.unwrap();
            assert_eq!((again.files, again.kept, again.removed), (6, 12, 0));
            assert_eq!(again.done, 306);
            let read_again = if is_killed { 6 * 21 } else { 4 * 21 };
            assert_eq!(again.events, read_again, "of days and kinds that changed");
            assert!(stated.exists() && !memory.exists());
            is_as_new(&archive, format, folder.path()).await;
        }
    }
}

#[tokio::test]
async fn o4_3_a_file_that_was_written_over_before_the_end_is_not_believed() {
    for is_killed in [false, true] {
        let archive = archive().await;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().to_str().unwrap();
        let wish = whole(Format::Jsonl);
        archive.export(to, wish.clone(), PART).await.unwrap();
        let manifest = fs::read(folder.path().join(FILE)).unwrap();
        // It is of the first day and kind, which is written, and what it was before is right again.
        let more = event(990);
        archive.add(vec![more.clone()]).await;
        let done = archive.ended(to, wish.clone(), 1).await;
        assert_eq!(done.files, 1);
        archive.ground.archive.remove(&[more.id()]).await.unwrap();
        if is_killed {
            fs::write(folder.path().join(OLD_FILE), manifest).unwrap();
        }
        // Of the same length, but other bytes.
        let damaged = "events/day=2024-05-05/kind=7/part-00000.jsonl.zst";
        let damaged = folder.path().join(damaged);
        let mut bytes = fs::read(&damaged).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&damaged, bytes).unwrap();
        archive.export(to, wish, PART).await.unwrap();
        is_as_new(&archive, Format::Jsonl, folder.path()).await;
    }
}

#[tokio::test]
async fn o4_3_another_form_can_be_given_up() {
    let archive = archive().await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    let (one, other) = (whole(Format::Jsonl), whole(Format::Parquet));
    archive.export(to, one.clone(), PART).await.unwrap();
    archive.ended(to, other, 2).await;
    let again = archive.export(to, one, PART).await.unwrap();
    assert_eq!((again.files, again.kept, again.removed), (0, 18, 2));
    is_as_new(&archive, Format::Jsonl, folder.path()).await;
}

#[tokio::test]
async fn o4_3_a_first_export_that_was_ended_goes_on() {
    let archive = archive().await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    let wish = whole(Format::Parquet);
    let done = archive.ended(to, wish.clone(), 5).await;
    assert_eq!((done.files, done.events), (5, 100));
    // Ended again before anything is new: nothing of it is forgotten.
    let second = archive.ended(to, wish.clone(), 2).await;
    assert_eq!((second.files, second.kept, second.events), (2, 5, 40));
    let last = archive.export(to, wish, PART).await.unwrap();
    assert_eq!((last.files, last.kept, last.events), (11, 7, 160));
    is_as_new(&archive, Format::Parquet, folder.path()).await;
}

#[tokio::test]
async fn o4_3_an_export_that_was_ended_has_no_manifest() {
    let archive = archive().await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    // Ends after some files: the first export, and then one to a place where another had been.
    for _ in 0..2 {
        let done = archive.ended(to, whole(Format::Jsonl), 3).await;
        assert!(done.stopped && done.manifest.is_none());
        let names = files(folder.path());
        assert!(
            !names.contains_key("manifest.json") && names.len() >= 3,
            "{names:?}"
        );
        let other = Archive::new(House::new(Dialect::Sqlite).await).await;
        assert!(other.import(to).await.is_err(), "not finished");
        // A process that was killed has left other things, too.
        std::fs::create_dir_all(folder.path().join(".unfinished")).unwrap();
        std::fs::write(folder.path().join(".unfinished/x"), "half").unwrap();
        let left = folder.path().join("events/day=2001-01-01/kind=1");
        std::fs::create_dir_all(&left).unwrap();
        std::fs::write(left.join("part-00000.jsonl.zst"), "half").unwrap();
        std::fs::write(folder.path().join("events/mine"), "mine").unwrap();
        archive
            .export(to, whole(Format::Jsonl), PART)
            .await
            .unwrap();
        let names = files(folder.path());
        assert!(!left.exists() && !names.keys().any(|name| name.contains("unfinished")));
        assert!(names.contains_key("manifest.json") && names.contains_key("events/mine"));
        let (taken, broken) = other.import(to).await.unwrap();
        assert_eq!((taken.events, broken.len()), (300, 0));
        // The next turn begins with other events.
        archive.add((1_000..1_300).map(event).collect()).await;
        archive
            .ground
            .archive
            .remove(
                &(1_000..1_300)
                    .map(|number| event(number).id())
                    .collect::<Vec<_>>(),
            )
            .await
            .unwrap();
        archive.add((2_000..2_200).map(event).collect()).await;
        let gone: Vec<_> = (2_000..2_200).map(|number| event(number).id()).collect();
        let clear = archive
            .export(to, whole(Format::Jsonl), PART)
            .await
            .unwrap();
        assert!(clear.files > 3);
        archive.ground.archive.remove(&gone).await.unwrap();
    }
}
