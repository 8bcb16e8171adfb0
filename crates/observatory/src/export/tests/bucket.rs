//! Exports in S3.

use std::sync::atomic::Ordering;

use stentor_sql::Dialect;
use stentor_sql::testing::House;

use super::ground::{Archive, PART, event, files, whole};
use super::server::{self, ACCESS, Store};
use crate::config::{Config, Export};
use crate::export::{Format, Place};

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
        let names = files(folder.path()).into_keys();
        let stored = |name: String| {
            let bytes = std::fs::read(folder.path().join(&name)).unwrap();
            (format!("/bucket/deep/in%20it/{name}"), bytes)
        };
        assert_eq!(*store.objects.lock(), names.map(stored).collect());
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
    let left = std::fs::read_dir(&archive.ground.folder).unwrap();
    assert!(left.into_iter().all(|entry| {
        !entry
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .starts_with("export-")
    }));
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
