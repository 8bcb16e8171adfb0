//! What is broken is named, and nothing of it taken.

use std::path::Path;

use sha2::{Digest, Sha256};
use stentor_event::hexadecimal;
use stentor_sql::Dialect;
use stentor_sql::testing::House;

use super::ground::{Archive, PART, event, whole};
use crate::export::Format;

async fn sqlite() -> House {
    House::new(Dialect::Sqlite).await
}

const FILE: &str = "events/day=2024-05-01/kind=1/part-00000";

/// Has a manifest say that a file is what it is now.
fn vouch(folder: &Path, file: &str) {
    let path = folder.join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let bytes = std::fs::read(folder.join(file)).unwrap();
    let entries = manifest["files"].as_array_mut().unwrap();
    let entry = entries
        .iter_mut()
        .find(|entry| entry["path"] == file)
        .unwrap();
    entry["bytes"] = bytes.len().into();
    entry["sha256"] = hexadecimal::encode(&Sha256::digest(&bytes)).into();
    std::fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
}

/// Breaks the file of a day and kind, has the manifest vouch for it or not, and takes the export in.
async fn taken(format: Format, vouched: bool, break_it: impl Fn(&Path)) -> (u64, Vec<String>, u64) {
    let archive = Archive::filled(sqlite().await, 150).await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    archive.export(to, whole(format), PART).await.unwrap();
    let file = format!("{FILE}.{}", format.extension());
    break_it(&folder.path().join(&file));
    if vouched {
        vouch(folder.path(), &file);
    }
    let other = Archive::new(sqlite().await).await;
    let (taken, broken) = other.import(to).await.unwrap();
    assert!(broken.iter().all(|name| *name == file), "{broken:?}");
    let (ids, _) = other.contents().await;
    assert_eq!(ids.len() as u64, taken.events);
    (taken.events, broken, taken.invalid)
}

#[tokio::test]
async fn o4_3_files_that_are_not_what_the_manifest_says_are_refused() {
    for format in [Format::Jsonl, Format::Parquet] {
        let missing = |path: &Path| std::fs::remove_file(path).unwrap();
        let truncated = |path: &Path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        };
        let changed = |path: &Path| {
            let mut bytes = std::fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(path, bytes).unwrap();
        };
        let breaks: [&dyn Fn(&Path); 3] = [&missing, &truncated, &changed];
        for break_it in breaks {
            let (events, broken, invalid) = taken(format, false, break_it).await;
            // One of fifteen days and kinds has ten events.
            assert_eq!((events, broken.len(), invalid), (140, 1, 0));
        }
    }
}

#[tokio::test]
async fn o4_3_files_that_lie_are_refused_though_the_manifest_vouches_for_them() {
    for format in [Format::Jsonl, Format::Parquet] {
        let truncated = |path: &Path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() * 2 / 3]).unwrap();
        };
        let nothing = |path: &Path| std::fs::write(path, "").unwrap();
        let other = |path: &Path| {
            let bytes: Vec<u8> = (0..5_000_u32).map(|n| (n * n % 251) as u8).collect();
            std::fs::write(path, bytes).unwrap();
        };
        let another_table = |path: &Path| {
            let root = path.ancestors().nth(4).unwrap();
            let name = format!("provenance/chunk=00000/part-00000.{}", format.extension());
            std::fs::copy(root.join(name), path).unwrap();
        };
        let breaks: [&dyn Fn(&Path); 4] = [&truncated, &nothing, &other, &another_table];
        for break_it in breaks {
            let (events, broken, invalid) = taken(format, true, break_it).await;
            assert_eq!((events, broken.len(), invalid), (140, 1, 0));
        }
    }
}

#[tokio::test]
async fn o4_3_bytes_that_were_changed_in_parquet_do_no_harm() {
    // Any byte of a small file, with a manifest that vouches for it: rows that come of it are judged one by one.
    let archive = Archive::new(sqlite().await).await;
    archive.add((0..5).map(event).collect()).await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    archive
        .export(to, whole(Format::Parquet), PART)
        .await
        .unwrap();
    let (ids, _) = archive.contents().await;
    let file = format!("{FILE}.parquet");
    let path = folder.path().join(&file);
    let good = std::fs::read(&path).unwrap();
    let other = Archive::new(sqlite().await).await;
    for place in (0..good.len()).step_by(good.len() / 60) {
        let mut bytes = good.clone();
        bytes[place] = bytes[place].wrapping_add(1);
        std::fs::write(&path, bytes).unwrap();
        vouch(folder.path(), &file);
        other.import(to).await.unwrap();
        let (found, _) = other.contents().await;
        assert!(found.is_subset(&ids), "byte {place}");
    }
}

#[tokio::test]
async fn o4_3_events_of_an_export_are_not_believed() {
    let swap = |path: &Path| {
        let bytes = zstd::decode_all(&std::fs::read(path).unwrap()[..]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        // Another content, another signature, something else.
        lines[0] = lines[0].replace("ü", "u");
        let (head, sig) = lines[1].rsplit_once("\"sig\":\"").unwrap();
        let sig = format!("{}{}", &sig[2..4], &sig[2..]);
        lines[1] = format!("{head}\"sig\":\"{sig}");
        lines[2] = r#"{"id":1}"#.to_owned();
        let text = lines.join("\n") + "\n";
        std::fs::write(path, zstd::encode_all(text.as_bytes(), 3).unwrap()).unwrap();
    };
    let (events, broken, invalid) = taken(Format::Jsonl, true, swap).await;
    assert_eq!(
        (events, broken.len(), invalid),
        (147, 0, 2),
        "two are no events, one is forged"
    );
}

#[tokio::test]
async fn o4_3_a_manifest_of_something_else_is_not_written_over() {
    let archive = Archive::filled(sqlite().await, 30).await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    let manifest = folder.path().join("manifest.json");
    std::fs::write(&manifest, r#"{"name":"an app"}"#).unwrap();
    let refused = archive.export(to, whole(Format::Jsonl), PART).await;
    assert!(refused.unwrap_err().to_string().contains("manifest"));
    assert_eq!(std::fs::read(&manifest).unwrap(), br#"{"name":"an app"}"#);
    assert!(archive.import(to).await.is_err());
}
