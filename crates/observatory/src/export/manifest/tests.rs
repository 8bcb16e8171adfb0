//! Manifests are written and read.

use proptest::prelude::*;

use super::*;

fn manifest(files: BTreeMap<Name, File>) -> Manifest {
    Manifest {
        made_with: "stentor 1".into(),
        format: Format::Jsonl,
        selection: Selection {
            since: Some(1),
            until: None,
            kinds: vec![1, 7],
        },
        provenance: true,
        files,
    }
}

fn file(number: u8) -> File {
    File {
        rows: 1,
        bytes: u64::from(number),
        sha256: [number; 32],
        content: [!number; 32],
        created_at: (number > 3).then_some((1, 2)),
    }
}

fn refused(change: impl Fn(&str) -> String) -> ManifestError {
    let manifest = manifest([(Name::Relays, file(1))].into());
    let text = String::from_utf8(manifest.write().unwrap()).unwrap();
    Manifest::parse(change(&text).as_bytes()).unwrap_err()
}

#[test]
fn o4_3_what_is_no_manifest_is_refused() {
    let path = "relays.jsonl.zst";
    let named = refused(|text| text.replace(path, "../../etc/x.jsonl.zst"));
    assert_eq!(named, ManifestError::Name("../../etc/x.jsonl.zst".into()));
    let version = refused(|text| text.replace("\"version\": 1", "\"version\": 2, \"more\": 1"));
    assert_eq!(version, ManifestError::Version(2));
    let form = |error: ManifestError| matches!(error, ManifestError::Form(_));
    assert!(form(refused(|text| text[..text.len() / 2].to_owned())));
    assert!(form(refused(|text| text.replace("0101", "0G01"))));
    assert!(form(refused(|text| text.replace("\"rows\"", "\"sows\""))));
    assert!(form(refused(
        |text| text.replace("\"rows\": 1", "\"rows\": -1")
    )));
    let twice = |text: &str| {
        let (head, tail) = text.split_once("[\n    {").unwrap();
        let (entry, _) = tail.split_once("\n    }").unwrap();
        format!("{head}[\n    {{{entry}\n    }},\n    {{{tail}")
    };
    // The first list of the text is that of the kinds, written on lines of its own: the files come after it.
    let twice = refused(|text| {
        twice(&text.replace(
            "\"kinds\": [\n      1,\n      7\n    ]",
            "\"kinds\": [1, 7]",
        ))
    });
    assert_eq!(twice, ManifestError::Twice(path.into()));
}

proptest! {
    #[test]
    fn o4_3_a_manifest_comes_back(names in proptest::collection::btree_map((0..30_000_u32, any::<u16>(), 0..9_u32), any::<u8>(), 0..20)) {
        let files = names.into_iter().map(|((day, kind, part), number)| (Name::Events { day, kind, part }, file(number)));
        let manifest = manifest(files.collect());
        let bytes = manifest.write().unwrap();
        prop_assert_eq!(Manifest::parse(&bytes).unwrap(), manifest);
    }

    #[test]
    fn o4_3_nothing_panics(bytes: Vec<u8>) {
        let _ = Manifest::parse(&bytes);
    }
}
