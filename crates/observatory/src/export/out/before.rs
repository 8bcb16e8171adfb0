//! What is at the place of an export before it begins.
//!
//! An export that was finished has a manifest, which vouches for its files. An update takes that away with its first change, and leaves
//! it as a memory under another name. The memory is what an export that was ended early goes on by, but it vouches for nothing: any
//! file may have been written over since, and files may be there that it does not know. So the place is listed then, and a file is
//! believed once its bytes are what they should be.

use crate::error::Error;
use crate::export::manifest::{self, FILE, Hash, Manifest, OLD_FILE};
use crate::export::name::{Format, Name};
use crate::export::place::{Found, Place};

/// What is at a place.
pub(super) struct Before {
    /// What an earlier export has said of its files.
    pub manifest: Option<Manifest>,
    /// The files that were found, where no manifest vouches for them.
    found: Option<Found>,
}

impl Before {
    /// Looks at a place.
    ///
    /// # Errors
    /// Those of the place; something else has the name of a manifest.
    pub async fn look(place: &Place) -> Result<Self, Error> {
        if let Some(manifest) = place.manifest(FILE).await? {
            return Ok(Self {
                manifest: Some(manifest),
                found: None,
            });
        }
        Ok(Self {
            manifest: place.manifest(OLD_FILE).await?,
            found: Some(place.list().await?),
        })
    }

    /// Whether a manifest vouches for what is there.
    pub const fn is_stated(&self) -> bool {
        self.found.is_none()
    }

    /// The files of the group that this name is the first of, if all of them are said to be made of this.
    pub fn group(
        &self,
        first: Name,
        format: Format,
        content: &Hash,
    ) -> Vec<(Name, manifest::File)> {
        let old = self.manifest.iter().filter(|old| old.format == format);
        let files = old.flat_map(|old| old.files.range(first..));
        let files = files.take_while(|(name, _)| name.first() == first);
        let files: Vec<_> = files.map(|(name, file)| (*name, *file)).collect();
        let is_same = files.iter().all(|(_, file)| file.content == *content);
        if is_same { files } else { Vec::new() }
    }

    /// Whether this very file is there.
    ///
    /// # Errors
    /// Those of the place.
    pub async fn has(
        &self,
        place: &Place,
        (name, format): (Name, Format),
        file: &manifest::File,
    ) -> Result<bool, Error> {
        if let Some(found) = &self.found {
            let is_alike = found.get(&(name, format)) == Some(&file.bytes);
            return Ok(is_alike && place.has_same(name, format, file.sha256).await?);
        }
        let old = self.manifest.iter().filter(|old| old.format == format);
        let old = old.filter_map(|old| old.files.get(&name)).next();
        let is_same = old.is_some_and(|old| (old.sha256, old.bytes) == (file.sha256, file.bytes));
        Ok(is_same && place.has(name, format, file.bytes).await?)
    }

    /// The files that are no part of what is there now.
    pub fn gone(&self, now: &Manifest) -> Vec<(Name, Format)> {
        let is_gone = |(name, format): &(Name, Format)| {
            *format != now.format || !now.files.contains_key(name)
        };
        if let Some(found) = &self.found {
            return found.keys().copied().filter(is_gone).collect();
        }
        let named = |old: &Manifest| {
            let format = old.format;
            let names = old.files.keys().map(move |name| (*name, format));
            names.filter(is_gone).collect()
        };
        self.manifest.as_ref().map(named).unwrap_or_default()
    }

    /// What there is to be known, for an export that goes on, of what is there when one has ended early: what that has dealt with, and
    /// what was known of all else.
    pub fn with(&self, now: &Manifest) -> Manifest {
        let mut known = now.clone();
        let old = self.manifest.iter().filter(|old| old.format == now.format);
        let old = old.flat_map(|old| &old.files);
        // Parts of two exports do not make a group, though each of them is there.
        let old = old.filter(|(name, _)| !now.files.contains_key(&name.first()));
        known.files.extend(old.map(|(name, file)| (*name, *file)));
        if known.files.len() > manifest::MOST_FILES {
            return now.clone();
        }
        known
    }
}
