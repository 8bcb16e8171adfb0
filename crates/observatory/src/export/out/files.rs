//! Files of an export at its place: what is kept, put there and removed, and what is said of them.
//!
//! The order is what makes an interruption harmless: first there is the memory, then the manifest goes, files come and go, the new
//! manifest comes, and last the memory goes.

use super::before::Before;
use super::{Ended, Export};
use crate::error::Error;
use crate::export::encoder::Encoded;
use crate::export::manifest::{self, FILE, Hash, Manifest, OLD_FILE};
use crate::export::name::Name;
use crate::export::place::Place;

/// What there is to be known of the place while it is written to.
pub(super) struct There {
    /// What was there before.
    before: Before,
    /// Whether a manifest is there: until the first change.
    is_stated: bool,
    /// Whether a memory is there.
    is_remembered: bool,
}

impl There {
    /// Looks at a place.
    ///
    /// # Errors
    /// Those of [`Before::look`].
    pub async fn look(place: &Place) -> Result<Self, Error> {
        let before = Before::look(place).await?;
        let is_stated = before.is_stated();
        Ok(Self {
            is_stated,
            is_remembered: !is_stated && before.manifest.is_some(),
            before,
        })
    }
}

impl Export<'_> {
    /// Keeps the files of the group that this name is the first of, if they are there and were made of this; whether it does.
    pub(super) async fn keep(&mut self, first: Name, content: &Hash) -> Result<bool, Ended> {
        let (before, format) = (&self.there.before, self.wish.format);
        let files = before.group(first, format, content);
        for (name, file) in &files {
            self.going_on()?;
            if !before.has(self.place, (*name, format), file).await? {
                return Ok(false);
            }
        }
        self.done.kept += files.len() as u64;
        let is_there = !files.is_empty();
        self.new.files.extend(files);
        Ok(is_there)
    }

    /// Puts a file there, unless the same one is.
    pub(super) async fn put(
        &mut self,
        file: Encoded,
        name: Name,
        (content, created_at): (Hash, Option<(u64, u64)>),
    ) -> Result<(), Error> {
        let entry = manifest::File {
            rows: file.rows,
            bytes: file.bytes,
            sha256: file.sha256,
            content,
            created_at,
        };
        if self.new.files.len() >= manifest::MOST_FILES {
            let problem = format!(
                "more than {} files: choose days or kinds",
                manifest::MOST_FILES
            );
            return Err(Error::Invalid(problem));
        }
        self.new.files.insert(name, entry);
        let (before, format) = (&self.there.before, self.wish.format);
        if before.has(self.place, (name, format), &entry).await? {
            self.done.kept += 1;
            return Ok(());
        }
        self.change().await?;
        self.done.files += 1;
        self.done.bytes += file.bytes;
        self.place.put(file, name, format).await?;
        self.tell();
        Ok(())
    }

    /// Removes what is no longer a part of the export.
    pub(super) async fn remove_old(&mut self) -> Result<(), Ended> {
        for (name, format) in self.there.before.gone(&self.new) {
            self.going_on()?;
            self.change().await?;
            self.place.remove(name, format).await?;
            self.done.removed += 1;
        }
        Ok(())
    }

    /// Says what is there: the export is finished.
    pub(super) async fn state(&mut self) -> Result<(), Error> {
        let bytes = text(&self.new)?;
        self.done.manifest = Some(manifest::name(&bytes));
        let there = &self.there;
        if !there.is_stated || there.before.manifest.as_ref() != Some(&self.new) {
            self.place.put_manifest(FILE, bytes, &self.scratch).await?;
        }
        if there.is_remembered {
            self.place.remove_manifest(OLD_FILE).await?;
        }
        Ok(())
    }

    /// Leaves what is known of the place, when the export ends early.
    pub(super) async fn remember(&self) -> Result<(), Error> {
        if self.there.is_stated || self.new.files.is_empty() {
            return Ok(());
        }
        let bytes = text(&self.there.before.with(&self.new))?;
        let place = self.place;
        place.put_manifest(OLD_FILE, bytes, &self.scratch).await
    }

    /// Says that what is there no longer is what its manifest says.
    async fn change(&mut self) -> Result<(), Error> {
        if !self.there.is_stated {
            return Ok(());
        }
        if let Some(old) = &self.there.before.manifest {
            let bytes = text(old)?;
            let scratch = &self.scratch;
            self.place.put_manifest(OLD_FILE, bytes, scratch).await?;
            self.there.is_remembered = true;
        }
        self.place.remove_manifest(FILE).await?;
        self.there.is_stated = false;
        Ok(())
    }
}

fn text(manifest: &Manifest) -> Result<Vec<u8>, Error> {
    let bytes = manifest.write();
    bytes.map_err(|error| Error::Invalid(error.to_string()))
}
