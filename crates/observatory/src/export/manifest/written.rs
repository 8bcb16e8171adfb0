//! The manifest as it is written, and read again: strictly.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stentor_event::hexadecimal;

use super::{File, Hash, MOST_FILES, Manifest, ManifestError, Selection, VERSION};
use crate::export::name::{Format, Name};

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
