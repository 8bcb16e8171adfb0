//! The files of the index: found again, made anew when they do not fit.

use std::fs;
use std::path::Path;

use super::house::{House, SetUp};
use crate::common::make::{Alice, draft, note};
use stentor_store::search::Search;

async fn with_notes() -> House {
    let house = House::new().await;
    house
        .keep(
            &(0..50)
                .map(|at| note(Alice, at, &format!("word number{at}")))
                .collect::<Vec<_>>(),
        )
        .await;
    assert_eq!(house.search("word").await.len(), 50);
    house
}

/// The payload in the index's own file.
fn change_meta(folder: &Path, from: &str, to: &str) {
    let path = folder.join("search/meta.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).unwrap();
}

/// How many files were there before and are there still.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".term")).collect();
    names.sort();
    names
}

fn done(search: &Search) -> u64 {
    search.progress().seq.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_an_index_goes_on_where_it_ended() {
    let house = with_notes().await;
    let before = files(&house.index());
    let house = house.restart(|_, _| {}).await;
    assert_eq!(house.search("word").await.len(), 50);
    assert_eq!(files(&house.index()), before, "nothing was made anew");
    house.keep(&[note(Alice, 60, "word again")]).await;
    assert_eq!(house.search("word").await.len(), 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_an_index_that_does_not_fit_is_made_anew() {
    type Accident = fn(&Path, &mut SetUp);
    let accidents: [(&str, Accident); 7] = [
        ("lost", |folder, _| {
            fs::remove_dir_all(folder.join("search")).unwrap()
        }),
        ("other version", |folder, _| {
            change_meta(folder, r#"{\"version\":1"#, r#"{\"version\":999"#)
        }),
        ("no position", |folder, _| {
            change_meta(folder, r#"\"seq\""#, r#"\"sea\""#)
        }),
        ("not readable", |folder, _| {
            fs::write(folder.join("search/meta.json"), "{").unwrap()
        }),
        ("ahead of the store", |folder, _| {
            change_meta(folder, r#"\"seq\":50"#, r#"\"seq\":51"#)
        }),
        ("of another store", |folder, _| {
            change_meta(folder, r#"\"number\":50"#, r#"\"number\":49"#)
        }),
        ("other kinds", |_, set_up| set_up.kinds = vec![1, 7]),
    ];
    for (what, accident) in accidents {
        let house = with_notes().await;
        let before = files(&house.index());
        let house = house.restart(accident).await;
        assert_eq!(house.search("word").await.len(), 50, "{what}");
        assert_eq!(house.search("number7").await, ["word number7"], "{what}");
        assert_ne!(files(&house.index()), before, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_damage_in_any_file_is_found_when_it_is_opened() {
    let kinds = ["term", "idx", "fast", "fieldnorm"];
    for (number, kind) in kinds.into_iter().enumerate() {
        for cut in [false, true] {
            let house = with_notes().await;
            let house = house
                .restart(|folder, _| {
                    let entries = fs::read_dir(folder.join("search"))
                        .unwrap()
                        .map(|entry| entry.unwrap().path());
                    let path = entries
                        .into_iter()
                        .find(|path| path.extension().is_some_and(|end| end == kind))
                        .unwrap();
                    let mut bytes = fs::read(&path).unwrap();
                    let at = (number * 7) % (bytes.len() / 2);
                    bytes[at] ^= 0x20;
                    bytes.truncate(if cut { bytes.len() / 2 } else { bytes.len() });
                    // The files of the index are mapped: another one takes the place.
                    fs::remove_file(&path).unwrap();
                    fs::write(&path, bytes).unwrap();
                })
                .await;
            assert_eq!(house.search("word").await.len(), 50, "{kind} {cut}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_a_rebuild_brings_everything_back() {
    let house = with_notes().await;
    let before = files(&house.index());
    let last = std::sync::Mutex::new((0, 0));
    house
        .search
        .rebuild(&|done, total| *last.lock().unwrap() = (done, total))
        .await;
    assert_eq!(*last.lock().unwrap(), (50, 50));
    assert_eq!(done(&house.search), 50);
    assert_ne!(files(&house.index()), before);
    assert_eq!(house.search("word").await.len(), 50);
    assert_eq!(house.search.lag(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_kinds_that_become_private_leave_the_index() {
    let house = House::new().await;
    house
        .keep(&[draft(Alice, 30_023, 1).tag("d", "x").content("word").sign()])
        .await;
    assert_eq!(house.search("word").await, ["word"]);
    let house = house.restart(|_, set_up| set_up.kinds = vec![1]).await;
    assert_eq!(house.search("word").await, [] as [&str; 0]);
}
