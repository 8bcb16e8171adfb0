//! What is written comes back.

use stentor_event::{Filter, Kind};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use stentor_sql::{Dialect, Transaction};

use super::ground::{Archive, DAY, PART, RELAYS, event, files, whole};
use crate::export::out::Wish;
use crate::export::{Format, Selection};
use crate::provenance::forget;

async fn sqlite() -> House {
    House::new(Dialect::Sqlite).await
}

both_engines!(o4_3_what_was_exported_is_the_same_when_it_is_taken_in);

async fn o4_3_what_was_exported_is_the_same_when_it_is_taken_in(house: House) {
    let one = Archive::filled(house, 300).await;
    for format in [Format::Jsonl, Format::Parquet] {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().to_str().unwrap();
        let done = one.export(to, whole(format), PART).await.unwrap();
        assert_eq!(
            (done.done, done.total, done.events, done.pairs),
            (300, 300, 300, 600)
        );
        let other = Archive::new(sqlite().await).await;
        let (taken, broken) = other.import(to).await.unwrap();
        assert_eq!(broken, Vec::<String>::new());
        assert_eq!(
            (taken.events, taken.pairs, taken.done, taken.total),
            (300, 600, 900, 900)
        );
        assert_eq!(
            (taken.invalid, taken.refused.len(), taken.candidates),
            (0, 0, 0)
        );
        assert_eq!(other.contents().await, one.contents().await);
        let (again, _) = other.import(to).await.unwrap();
        assert_eq!((again.events, again.duplicates), (0, 300));
        assert_eq!((again.pairs, again.known_pairs), (0, 600));
    }
}

#[tokio::test]
async fn o4_3_the_same_archive_gives_the_same_bytes() {
    let archive = Archive::filled(sqlite().await, 400).await;
    for format in [Format::Jsonl, Format::Parquet] {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&one, &other] {
            let to = folder.path().to_str().unwrap();
            archive.export(to, whole(format), PART).await.unwrap();
        }
        assert_eq!(files(one.path()), files(other.path()));
        let names = files(one.path());
        let end = format.extension();
        for name in [
            format!("events/day=2024-05-01/kind=30023/part-00000.{end}"),
            format!("provenance/chunk=00000/part-00000.{end}"),
            format!("relays.{end}"),
            format!("coverage.{end}"),
            "manifest.json".to_owned(),
        ] {
            assert!(names.contains_key(&name), "{name} of {names:?}");
        }
        // Five days of three kinds, and the four others.
        assert_eq!(names.len(), 15 + 4);
    }
}

#[tokio::test]
async fn o4_3_only_what_has_changed_is_written_again() {
    let archive = Archive::filled(sqlite().await, 300).await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    archive
        .export(to, whole(Format::Jsonl), PART)
        .await
        .unwrap();
    let first = files(folder.path());
    let modified = |name: &str| {
        folder
            .path()
            .join(name)
            .metadata()
            .unwrap()
            .modified()
            .unwrap()
    };
    let stamp = modified("manifest.json");
    let again = archive
        .export(to, whole(Format::Jsonl), PART)
        .await
        .unwrap();
    assert_eq!(
        (again.events, again.files, again.kept, again.done),
        (0, 0, 18, 300)
    );
    assert_eq!(modified("manifest.json"), stamp, "nothing was touched");
    // One more event: its day and kind, who holds it, and the relays' counts are new.
    let more = event(1_000);
    archive.add(vec![more.clone()]).await;
    let day = (more.created_at().0 / 86_400 - DAY / 86_400) + 1;
    let third = archive
        .export(to, whole(Format::Jsonl), PART)
        .await
        .unwrap();
    assert_eq!((third.files, third.events), (3, 101 / 5 + 1));
    let mut changed: Vec<String> = files(folder.path())
        .into_iter()
        .collect::<std::collections::BTreeSet<_>>()
        .difference(&first.into_iter().collect())
        .map(|(name, _)| name.clone())
        .collect();
    changed.sort();
    let kind = more.kind().0;
    let file = format!("events/day=2024-05-{day:02}/kind={kind}/part-00000.jsonl.zst");
    assert_eq!(
        changed,
        [
            &file,
            "manifest.json",
            "provenance/chunk=00000/part-00000.jsonl.zst",
            "relays.jsonl.zst"
        ]
    );
    // What has left is no longer there.
    let gone: Vec<_> = (0..300)
        .map(event)
        .filter(|event| event.kind().0 == 7)
        .map(|event| event.id())
        .collect();
    let numbers = archive.ground.archive.numbers(&gone).await.unwrap();
    let numbers: Vec<u64> = numbers
        .into_iter()
        .map(|number| number.unwrap().0)
        .collect();
    archive.ground.archive.remove(&gone).await.unwrap();
    // Who follows the archive's changes does this.
    let forgotten = archive.ground.records.write(move |tx| forget(tx, &numbers));
    forgotten.await.unwrap();
    let fourth = archive
        .export(to, whole(Format::Jsonl), PART)
        .await
        .unwrap();
    assert!(fourth.removed >= 4, "{fourth:?}");
    let fresh = tempfile::tempdir().unwrap();
    archive
        .export(fresh.path().to_str().unwrap(), whole(Format::Jsonl), PART)
        .await
        .unwrap();
    assert_eq!(files(folder.path()), files(fresh.path()));
    // Another form takes the place of the first.
    archive
        .export(to, whole(Format::Parquet), PART)
        .await
        .unwrap();
    assert!(
        files(folder.path())
            .keys()
            .all(|name| !name.ends_with(".zst"))
    );
}

#[tokio::test]
async fn o4_3_days_and_kinds_can_be_chosen() {
    let archive = Archive::filled(sqlite().await, 300).await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    let selection = Selection {
        since: Some(DAY + 86_400),
        until: Some(DAY + 3 * 86_400 - 1),
        kinds: vec![7, 1, 1],
    };
    let wish = Wish {
        selection: selection.clone(),
        ..whole(Format::Jsonl)
    };
    let done = archive.export(to, wish.clone(), PART).await.unwrap();
    let chosen = (0..300).map(event).filter(|event| {
        let view = event.view();
        let filter = Filter {
            since: selection.since.map(stentor_event::Timestamp),
            until: selection.until.map(stentor_event::Timestamp),
            kinds: Some(vec![Kind(1), Kind(7)]),
            ..Filter::default()
        };
        filter.matches(&view)
    });
    let chosen = chosen.count() as u64;
    assert_eq!(
        (done.events, done.total, done.pairs),
        (chosen, chosen, 2 * chosen)
    );
    let events = files(folder.path())
        .into_keys()
        .filter(|name| name.starts_with("events"));
    assert_eq!(events.count(), 4);
    let other = Archive::new(sqlite().await).await;
    let (taken, _) = other.import(to).await.unwrap();
    assert_eq!(
        (taken.events, taken.pairs, taken.pairs_without_event),
        (chosen, 2 * chosen, 0)
    );
    let backwards = Wish {
        selection: Selection {
            since: Some(2),
            until: Some(1),
            kinds: Vec::new(),
        },
        ..wish
    };
    assert!(archive.export(to, backwards, PART).await.is_err());
}

#[tokio::test]
async fn o4_3_large_days_are_written_in_parts() {
    let archive = Archive::new(sqlite().await).await;
    let key = crate::testing::key(9);
    let large = |number: u64| {
        stentor_event::EventBuilder::new(Kind(1), stentor_event::Timestamp(DAY + number % 100))
            .content(format!("{number} {}", "x".repeat(2_000)))
            .sign(&key)
    };
    archive.add((0..2_000).map(large).collect()).await;
    for format in [Format::Jsonl, Format::Parquet] {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().to_str().unwrap();
        archive.export(to, whole(format), PART).await.unwrap();
        let names = files(folder.path());
        let parts = names
            .keys()
            .filter(|name| name.starts_with("events"))
            .count();
        assert!((4..=6).contains(&parts), "{names:?}");
        let other = Archive::new(sqlite().await).await;
        let (taken, broken) = other.import(to).await.unwrap();
        assert_eq!((taken.events, broken.len()), (2_000, 0));
        assert_eq!(other.contents().await, archive.contents().await);
        let again = archive.export(to, whole(format), PART).await.unwrap();
        assert_eq!((again.files, again.done), (0, 2_000));
    }
}

#[tokio::test]
async fn o4_3_relays_that_are_not_known_become_candidates() {
    let archive = Archive::filled(sqlite().await, 30).await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    archive
        .export(to, whole(Format::Parquet), PART)
        .await
        .unwrap();
    let other = Archive::new(sqlite().await).await;
    let change = |sql: &'static str| {
        let write = move |tx: &mut Transaction<'_>| tx.execute(sql, (RELAYS[2],));
        other.ground.records.write(write)
    };
    change("DELETE FROM observatory_relays WHERE url = ?")
        .await
        .unwrap();
    let (taken, _) = other.import(to).await.unwrap();
    assert_eq!((taken.events, taken.candidates), (30, 1));
    assert_eq!((taken.pairs, taken.pairs_without_relay), (45, 15));
    let (found,): (String,) = other
        .ground
        .records
        .fetch_one(
            "SELECT found_by FROM observatory_relays WHERE url = ? AND state = 'candidate'",
            (RELAYS[2],),
        )
        .await
        .unwrap();
    assert_eq!(found, "export");
    change("UPDATE observatory_relays SET state = 'relay' WHERE url = ?")
        .await
        .unwrap();
    let (again, _) = other.import(to).await.unwrap();
    assert_eq!(
        (again.pairs, again.known_pairs, again.candidates),
        (15, 45, 0)
    );
}

#[tokio::test]
async fn o4_3_one_export_at_a_time_writes_to_a_folder() {
    let archive = Archive::filled(sqlite().await, 30).await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    let held = archive.place(to).prepare().await.unwrap();
    let refused = archive.export(to, whole(Format::Jsonl), PART).await;
    assert!(refused.unwrap_err().to_string().contains("another export"));
    drop(held);
    archive
        .export(to, whole(Format::Jsonl), PART)
        .await
        .unwrap();
}
