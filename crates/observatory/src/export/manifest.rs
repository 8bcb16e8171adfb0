//! The manifest: what an export consists of. It is written last, so that an export without one is not finished.
//!
//! Its bytes are a function of what is exported: no time of writing is in it, its files are in the order of their names. Its
//! SHA-256 therefore names the export.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stentor_event::hexadecimal;
use thiserror::Error;

use super::name::{Format, Name};

/// The name of its file.
pub(super) const FILE: &str = "manifest.json";
/// The version of the format that is described in `docs/research.md`.
const VERSION: u32 = 1;
/// The most bytes of a manifest that is read: those of the most files.
pub(super) const MOST_BYTES: u64 = 512 << 20;
/// The most files of an export. A thousand days of a thousand kinds are as many.
pub(super) const MOST_FILES: usize = 1_000_000;

/// What was exported: all conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Events of this second or later, in Unix time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<u64>,
    /// Events of this second or earlier, in Unix time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<u64>,
    /// Events of these kinds, ascending; none: of all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub kinds: Vec<u16>,
}

/// A SHA-256, in hex.
pub(super) type Hash = [u8; 32];

/// A file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct File {
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Hash,
    /// What tells whether it has to be written anew: the SHA-256 of what its rows are identified by, over all parts.
    pub content: Hash,
    /// The least and the greatest time of its events.
    pub created_at: Option<(u64, u64)>,
}

/// What an export consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// What has written it.
    pub made_with: String,
    /// The form of its tables.
    pub format: Format,
    /// What was exported.
    pub selection: Selection,
    /// Whether who holds what is a part of it.
    pub provenance: bool,
    /// Its files.
    pub files: BTreeMap<Name, File>,
}

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// Not JSON, or not of this shape.
    #[error("the manifest cannot be read: {0}")]
    Form(String),
    /// Of another version.
    #[error("the manifest has version {0}; this program knows 1")]
    Version(u32),
    /// A file that no export has.
    #[error("the manifest names {0:?}, which no export has")]
    Name(String),
    /// A file twice.
    #[error("the manifest names {0} twice")]
    Twice(String),
    /// Too many files.
    #[error("the manifest names more than {MOST_FILES} files")]
    Files,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    version: u32,
    made_with: String,
    format: Format,
    selection: Selection,
    provenance: bool,
    #[serde(borrow)]
    files: Vec<WrittenFile<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile<'a> {
    #[serde(borrow)]
    path: std::borrow::Cow<'a, str>,
    rows: u64,
    bytes: u64,
    #[serde(with = "hex")]
    sha256: Hash,
    #[serde(with = "hex")]
    content: Hash,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    min_created_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    max_created_at: Option<u64>,
}

impl Manifest {
    /// Reads it. Strict: what is not written like this is no manifest of ours.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let form = |error: serde_json::Error| ManifestError::Form(error.to_string());
        let versioned: Versioned = serde_json::from_slice(bytes).map_err(form)?;
        if versioned.version != VERSION {
            return Err(ManifestError::Version(versioned.version));
        }
        let written: Written<'_> = serde_json::from_slice(bytes).map_err(form)?;
        if written.files.len() > MOST_FILES {
            return Err(ManifestError::Files);
        }
        let mut files = BTreeMap::new();
        for file in written.files {
            let name = Name::parse(&file.path, written.format)
                .ok_or_else(|| ManifestError::Name(file.path.to_string()))?;
            let known = File {
                rows: file.rows,
                bytes: file.bytes,
                sha256: file.sha256,
                content: file.content,
                created_at: file.min_created_at.zip(file.max_created_at),
            };
            if files.insert(name, known).is_some() {
                return Err(ManifestError::Twice(file.path.to_string()));
            }
        }
        Ok(Self {
            made_with: written.made_with,
            format: written.format,
            selection: written.selection,
            provenance: written.provenance,
            files,
        })
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`ManifestError::Form`] does not occur: all of it can be written.
    pub fn write(&self) -> Result<Vec<u8>, ManifestError> {
        let files = self.files.iter().map(|(name, file)| WrittenFile {
            path: name.path(self.format).into(),
            rows: file.rows,
            bytes: file.bytes,
            sha256: file.sha256,
            content: file.content,
            min_created_at: file.created_at.map(|(min, _)| min),
            max_created_at: file.created_at.map(|(_, max)| max),
        });
        let written = Written {
            version: VERSION,
            made_with: self.made_with.clone(),
            format: self.format,
            selection: self.selection.clone(),
            provenance: self.provenance,
            files: files.collect(),
        };
        let bytes = serde_json::to_vec_pretty(&written);
        let mut bytes = bytes.map_err(|error| ManifestError::Form(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Rows of a table.
    pub fn rows(&self, table: &str) -> u64 {
        let files = self.files.iter().filter(|(name, _)| name.table() == table);
        files.fold(0, |sum: u64, (_, file)| sum.saturating_add(file.rows))
    }
}

/// By what a manifest of these bytes is named: their SHA-256, in hex.
pub(super) fn name(bytes: &[u8]) -> String {
    hexadecimal::encode(&Sha256::digest(bytes))
}

/// Hashes in hex.
mod hex {
    use std::borrow::Cow;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Hash, hexadecimal};

    pub fn serialize<S: Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hexadecimal::encode(hash))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
        let text: Cow<'de, str> = Deserialize::deserialize(from)?;
        hexadecimal::decode_array(text.as_bytes())
            .ok_or_else(|| D::Error::custom("a hash is 64 lower-case hex digits"))
    }
}

#[cfg(test)]
mod tests {
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
}
