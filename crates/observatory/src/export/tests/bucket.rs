//! Exports in S3.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use stentor_sql::Dialect;
use stentor_sql::testing::House;
use tokio::sync::watch;

use super::ground::{Archive, PART, event, files, whole};
use super::server::{self, ACCESS, Store};
use crate::config::{Config, Export};
use crate::export::out::{self, Exported, Wish};
use crate::export::{Format, Place, Selection};

const TO: &str = "s3://bucket/deep/in it";

/// An archive whose configuration leads to a server of its own.
async fn archive(events: u64) -> (Archive, std::sync::Arc<Store>) {
    let (url, store) = server::start().await;
    let house = House::new(Dialect::Sqlite).await;
    std::fs::write(house.folder().join("access"), format!("{ACCESS}\n")).unwrap();
    std::fs::write(house.folder().join("secret"), "abc").unwrap();
    let export = Export {
        endpoint: Some(url),
        region: "eu-test-1".into(),
        access_key_file: Some("access".into()),
        secret_key_file: Some("secret".into()),
        ..Export::default()
    };
    let config = Config {
        export,
        ..Config::default()
    };
    let archive = Archive::with(house, config).await;
    archive.add((0..events).map(event).collect()).await;
    (archive, store)
}

#[tokio::test]
async fn o4_3_a_bucket_gets_what_a_folder_gets() {
    let (archive, store) = archive(200).await;
    for format in [Format::Jsonl, Format::Parquet] {
        let folder = tempfile::tempdir().unwrap();
        let local = folder.path().to_str().unwrap();
        archive.export(local, whole(format), PART).await.unwrap();
        archive.export(TO, whole(format), PART).await.unwrap();
        assert_eq!(*store.objects.lock(), objects(folder.path()));
        let before = store.requests.lock().len();
        let again = archive.export(TO, whole(format), PART).await.unwrap();
        assert_eq!((again.files, again.removed), (0, 0));
        assert_eq!(
            store.requests.lock().len(),
            before + 1,
            "the manifest was looked at"
        );
        let other = Archive::new(House::new(Dialect::Sqlite).await).await;
        let place = archive.place(TO);
        let (taken, broken) = other.import_from(place).await.unwrap();
        assert_eq!((taken.events, taken.pairs, broken.len()), (200, 400, 0));
        assert_eq!(other.contents().await, archive.contents().await);
    }
    // Nothing is left in the data folder.
    assert_eq!(files(&archive.ground.folder.join("exporting")).len(), 0);
}

/// The objects that what is in a folder would be.
fn objects(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = files(folder).into_keys();
    let stored = |name: String| {
        let bytes = std::fs::read(folder.join(&name)).unwrap();
        (format!("/bucket/deep/in%20it/{name}"), bytes)
    };
    names.map(stored).collect()
}

/// A wish for events of these kinds.
fn of(kinds: &[u16]) -> Wish {
    let selection = Selection {
        kinds: kinds.to_vec(),
        ..Selection::default()
    };
    Wish {
        selection,
        ..whole(Format::Parquet)
    }
}

/// Exports all as lines of JSON to the bucket, and to this folder.
async fn both(archive: &Archive, folder: &str) {
    for place in [TO, folder] {
        let done = archive.export(place, whole(Format::Jsonl), PART).await;
        done.unwrap();
    }
}

/// Exports until so many files were written; then the server answers by nothing but 403.
async fn broken_off(archive: &Archive, store: &Store, wish: Wish, files: u64) {
    let (_stop, never) = watch::channel(false);
    let report = |done: &Exported| *store.forbidding.lock() = done.files >= files;
    let (place, going) = (
        archive.place(TO),
        (&never, &report as &(dyn Fn(&_) + Send + Sync)),
    );
    let done = out::run(&archive.ground, (wish, PART), &place, going).await;
    assert!(done.is_err());
    *store.forbidding.lock() = false;
}

#[tokio::test]
async fn o4_3_an_update_of_a_bucket_that_broke_off_goes_on() {
    let (archive, store) = archive(300).await;
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().to_str().unwrap();
    archive
        .export(TO, whole(Format::Jsonl), PART)
        .await
        .unwrap();
    // Six of fifteen days and kinds change, who holds what, and the relays' counts.
    archive.add((2_000..2_006).map(event).collect()).await;
    broken_off(&archive, &store, whole(Format::Jsonl), 2).await;
    let again = archive.export(TO, whole(Format::Jsonl), PART).await;
    let again = again.unwrap();
    assert_eq!((again.files, again.kept, again.removed), (6, 12, 0));
    archive
        .export(local, whole(Format::Jsonl), PART)
        .await
        .unwrap();
    assert_eq!(*store.objects.lock(), objects(folder.path()));
}

#[tokio::test]
async fn o4_3_an_object_that_was_written_over_before_the_end_is_not_believed() {
    let (archive, store) = archive(300).await;
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().to_str().unwrap();
    both(&archive, local).await;
    archive.add(vec![event(990)]).await;
    broken_off(&archive, &store, whole(Format::Jsonl), 1).await;
    archive
        .ground
        .archive
        .remove(&[event(990).id()])
        .await
        .unwrap();
    // Another export has put something of the same length there.
    let name = "/bucket/deep/in%20it/events/day=2024-05-05/kind=7/part-00000.jsonl.zst";
    store.objects.lock().get_mut(name).unwrap().reverse();
    store.hashes.lock().insert(name.to_owned(), "0".repeat(64));
    both(&archive, local).await;
    assert_eq!(*store.objects.lock(), objects(folder.path()));
}

#[tokio::test]
async fn o4_3_nothing_stays_in_a_bucket_that_the_manifest_does_not_name() {
    let (archive, store) = archive(300).await;
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().to_str().unwrap();
    // One that was never finished, one that was, and an update of that which broke off after what the first two did not have.
    broken_off(&archive, &store, whole(Format::Jsonl), 12).await;
    archive.export(TO, of(&[1, 7]), PART).await.unwrap();
    broken_off(&archive, &store, of(&[7, 30_023]), 2).await;
    let foreign = "/bucket/deep/in%20it/events/mine".to_owned();
    store
        .objects
        .lock()
        .insert(foreign.clone(), b"mine".to_vec());
    archive.export(TO, of(&[1]), PART).await.unwrap();
    assert!(store.objects.lock().remove(&foreign).is_some());
    archive.export(local, of(&[1]), PART).await.unwrap();
    assert_eq!(*store.objects.lock(), objects(folder.path()));
}

#[tokio::test]
async fn o4_3_a_key_that_must_not_list_is_told_what_it_lacks() {
    let (archive, store) = archive(20).await;
    *store.hiding.lock() = true;
    let refused = archive.export(TO, whole(Format::Jsonl), PART).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("manifest.json: 403") && refused.contains("s3:ListBucket"),
        "{refused}"
    );
    assert_eq!(store.objects.lock().len(), 0);
}

#[tokio::test]
async fn o4_3_one_export_at_a_time_goes_from_a_node_to_buckets() {
    let (archive, _) = archive(0).await;
    // A process that was killed has left something.
    let folder = archive.ground.folder.join("exporting");
    std::fs::create_dir_all(folder.join("unfinished")).unwrap();
    std::fs::write(folder.join("unfinished/x"), "half").unwrap();
    let held = archive.place(TO).prepare().await.unwrap();
    assert_eq!(files(&folder).len(), 0);
    let refused = archive.export("s3://another", whole(Format::Jsonl), PART);
    let refused = refused.await.unwrap_err().to_string();
    assert!(refused.contains("another export to a bucket"), "{refused}");
    drop(held);
    archive
        .export(TO, whole(Format::Jsonl), PART)
        .await
        .unwrap();
}

#[tokio::test]
async fn o4_3_what_passes_is_tried_again_and_what_does_not_is_told() {
    let (archive, store) = archive(20).await;
    store.failing.store(2, Ordering::Relaxed);
    archive
        .export(TO, whole(Format::Jsonl), PART)
        .await
        .unwrap();
    let name = "/bucket/deep/in%20it/events/day=2024-05-01/kind=1/part-00000.jsonl.zst";
    store.objects.lock().remove(name).unwrap();
    let other = Archive::new(House::new(Dialect::Sqlite).await).await;
    let (_, broken) = other.import_from(archive.place(TO)).await.unwrap();
    assert_eq!(
        broken,
        ["events/day=2024-05-01/kind=1/part-00000.jsonl.zst"]
    );
    *store.forbidding.lock() = true;
    let refused = archive
        .export(TO, whole(Format::Jsonl), PART)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("403") && refused.to_string().contains("AccessDenied"),
        "{refused}"
    );
}

#[tokio::test]
async fn o4_3_places_that_cannot_be_used_are_refused() {
    let (archive, _) = archive(0).await;
    let ground = &archive.ground;
    let place = |name: &str, config: &Export| {
        Place::new(name, config, &ground.folder, &ground.dialer).map(|place| place.name())
    };
    assert_eq!(
        place("s3://bucket/", &ground.config.export).unwrap(),
        "s3://bucket"
    );
    for name in [
        "s3://",
        "s3:///x",
        "s3://b/../c",
        "s3://../c",
        "s3://b/a//b",
    ] {
        assert!(place(name, &ground.config.export).is_err(), "{name}");
    }
    let missing = place("s3://bucket", &Export::default()).unwrap_err();
    assert!(
        missing.to_string().contains("observatory.export.endpoint"),
        "{missing}"
    );
}
