//! The test of power cuts.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tempfile::TempDir;

use super::check::{Found, check};
use super::dice::{Dice, scratch, seed, store_in};
use super::platter::{Cut, Platter};
use super::workload::{History, Mark, Workload};

/// Moments at which the power is cut.
pub fn moments() -> usize {
    let given = std::env::var("STENTOR_POWER_CUTS").ok();
    given.map_or(200, |text| text.parse().unwrap())
}

/// Moments in each workload.
pub const EACH: usize = 25;

#[test]
fn what_was_acknowledged_outlives_a_power_cut() {
    let seed = seed();
    println!("seed {seed}: set STENTOR_SEED to repeat it");
    for round in 0..moments().div_ceil(EACH) {
        let mut dice = Dice(seed ^ ((round as u64) << 32));
        let folder = scratch();
        let root = store_in(&folder);
        let workload = Workload::begin(&root, &mut dice, Found::default());
        let history = workload.run(70);
        for position in positions(&history, &mut dice, EACH) {
            let (found, after) = cut_and_check(&history, &mut dice, position);
            // The power may fail again while the store recovers, and after that.
            if found.platter.is_some() || dice.one_in(5) {
                again(&after, found, &mut dice);
            }
        }
    }
}

/// Random moments, early ones first.
pub fn positions(history: &History, dice: &mut Dice, count: usize) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..count)
        .map(|_| dice.below(history.ops.len() + 1))
        .collect();
    positions.sort_unstable();
    positions
}

/// Cuts the power at this position, and checks what is found.
pub fn cut_and_check(history: &History, dice: &mut Dice, position: usize) -> (Found, TempDir) {
    let mut platter = history.platter.clone();
    history.ops[..position]
        .iter()
        .for_each(|op| platter.apply(op));
    let cut = match dice.below(8) {
        0 => Cut::Kill,
        1 => Cut::Nothing,
        2..5 => Cut::Blocks(512),
        _ => Cut::Blocks(4096),
    };
    let folder = scratch();
    let to = store_in(&folder);
    platter.cut(cut, dice, &history.root, &to);
    let copy = scratch();
    platter_copy(&to, &store_in(&copy));
    match catch_unwind(AssertUnwindSafe(|| check(&to, history, position))) {
        Ok(found) if cut == Cut::Kill => (killed(found, platter, history, position, &copy), copy),
        Ok(found) => (found, copy),
        Err(panic) => {
            let kept = copy.keep();
            println!(
                "{cut:?} after {position} of {} operations; the folder: {}",
                history.ops.len(),
                kept.display()
            );
            resume_unwind(panic)
        }
    }
}

/// After a process was killed, all that it did is seen by the next one, but no more of it is durable than before.
fn killed(
    found: Found,
    platter: Platter,
    history: &History,
    position: usize,
    folder: &TempDir,
) -> Found {
    let mut marks = history.marks.iter().rev();
    let acknowledged = marks.find(|mark| mark.position <= position).unwrap();
    let mark = Mark {
        position: 0,
        ..acknowledged.clone()
    };
    let platter = Some(platter.renamed(&history.root, &store_in(folder)));
    Found {
        platter,
        mark,
        ..found
    }
}

/// Opens a store after a power cut, uses it for a little, and cuts the power again.
fn again(folder: &TempDir, found: Found, dice: &mut Dice) {
    let root = store_in(folder);
    let feed = found.feed.clone();
    let history = Workload::begin(&root, dice, found).run(6);
    assert!(history.feed.starts_with(&feed));
    for position in positions(&history, dice, 3) {
        cut_and_check(&history, dice, position);
    }
}

fn platter_copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            platter_copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
