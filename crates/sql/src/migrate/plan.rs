//! Which step comes next, decided from what was recorded.

use sha2::{Digest, Sha256};

use super::{Migrations, Step};
use crate::Dialect;

/// Why tables are not touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// A newer program made them.
    #[error(
        "the tables of {role} have version {found}; this program knows up to {known}: use a newer stentor"
    )]
    Newer {
        /// The role.
        role: String,
        /// The version found.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// A step that was done is not the one that this program has.
    #[error(
        "step {version} ({name}) of the tables of {role} was made by another text than this program has"
    )]
    Changed {
        /// The role.
        role: String,
        /// The step.
        version: i64,
        /// Its name as recorded.
        name: String,
    },
    /// Of the steps that were done, one is not recorded.
    #[error("step {version} of the tables of {role} is missing, though later ones were done")]
    Missing {
        /// The role.
        role: String,
        /// The step.
        version: i64,
    },
    /// The list of steps is at fault: versions must be 1, 2, 3 …
    #[error("step {version} of {role} is not in its place")]
    Order {
        /// The role.
        role: String,
        /// The step.
        version: i64,
    },
}

/// SHA-256 of the text of a step.
pub fn checksum(step: &Step, dialect: Dialect) -> [u8; 32] {
    Sha256::digest(step.text(dialect)).into()
}

/// Whether the versions are 1, 2, 3 …
pub fn check_order(migrations: &Migrations) -> Result<(), MigrationError> {
    let mut expected = 1..;
    let wrong = migrations
        .steps
        .iter()
        .find(|step| expected.next() != Some(step.version));
    match wrong {
        Some(step) => Err(MigrationError::Order {
            role: migrations.role.into(),
            version: step.version,
        }),
        None => Ok(()),
    }
}

/// The step after those recorded: (version, name, checksum), by ascending version.
pub fn next(
    migrations: &Migrations,
    dialect: Dialect,
    done: &[(i64, String, Vec<u8>)],
) -> Result<Option<Step>, MigrationError> {
    let role = || migrations.role.to_owned();
    let known = migrations.steps.last().map_or(0, |step| step.version);
    if let Some((found, _, _)) = done.last().filter(|(version, _, _)| *version > known) {
        return Err(MigrationError::Newer {
            role: role(),
            found: *found,
            known,
        });
    }
    let mut steps = migrations.steps.iter();
    for (version, name, recorded) in done {
        let Some(step) = steps.next() else { break };
        if step.version != *version {
            return Err(MigrationError::Missing {
                role: role(),
                version: step.version,
            });
        }
        if checksum(step, dialect) != recorded.as_slice() {
            return Err(MigrationError::Changed {
                role: role(),
                version: *version,
                name: name.clone(),
            });
        }
    }
    Ok(steps.next().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 2] = [
        Step::new(1, "first", "A"),
        Step::each(2, "second", "B", "C"),
    ];
    const MIGRATIONS: Migrations = Migrations {
        role: "test",
        steps: &STEPS,
    };

    fn done(dialect: Dialect, count: usize) -> Vec<(i64, String, Vec<u8>)> {
        let record = |step: &Step| {
            (
                step.version,
                step.name.into(),
                checksum(step, dialect).to_vec(),
            )
        };
        STEPS.iter().take(count).map(record).collect()
    }

    #[test]
    fn steps_follow_each_other() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            let next = |count| next(&MIGRATIONS, dialect, &done(dialect, count)).unwrap();
            assert_eq!(next(0).unwrap().version, 1);
            assert_eq!(next(1).unwrap().version, 2);
            assert!(next(2).is_none());
        }
    }

    #[test]
    fn tables_of_a_newer_program_are_refused() {
        let mut done = done(Dialect::Sqlite, 2);
        done.push((3, "third".into(), Vec::new()));
        let error = next(&MIGRATIONS, Dialect::Sqlite, &done).unwrap_err();
        assert!(matches!(
            error,
            MigrationError::Newer {
                found: 3,
                known: 2,
                ..
            }
        ));
    }

    #[test]
    fn another_text_and_a_gap_are_refused() {
        // As if it had been done on the other database.
        let other = done(Dialect::Postgres, 2);
        let error = next(&MIGRATIONS, Dialect::Sqlite, &other).unwrap_err();
        assert!(matches!(error, MigrationError::Changed { version: 2, .. }));
        let gap = done(Dialect::Sqlite, 2).split_off(1);
        let error = next(&MIGRATIONS, Dialect::Sqlite, &gap).unwrap_err();
        assert!(matches!(error, MigrationError::Missing { version: 1, .. }));
    }

    #[test]
    fn versions_count_up_from_one() {
        MIGRATIONS.check().unwrap();
        for steps in [
            &[Step::new(2, "", "")] as &[Step],
            &[Step::new(1, "", ""), Step::new(1, "", "")],
            &[Step::new(1, "", ""), Step::new(3, "", "")],
        ] {
            let list = Box::leak(steps.to_vec().into_boxed_slice());
            let migrations = Migrations {
                role: "test",
                steps: list,
            };
            assert!(matches!(
                migrations.check(),
                Err(MigrationError::Order { .. })
            ));
        }
    }
}
