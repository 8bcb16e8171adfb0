//! Random numbers with a seed.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::embedded::group::now_ms;

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    /// True once in `count` times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// The seed from the environment, or one of the clock.
pub fn seed() -> u64 {
    let given = std::env::var("STENTOR_SEED").ok();
    given.map_or_else(now_ms, |text| text.parse().unwrap())
}

/// A folder in memory where there is such a thing, so that nothing waits for a disk.
pub fn scratch() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

/// The folder of a store in a scratch folder.
pub fn store_in(scratch: &TempDir) -> PathBuf {
    let folder: &Path = scratch.path();
    folder.canonicalize().unwrap().join("store")
}
