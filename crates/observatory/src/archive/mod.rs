//! The archive: fetches what relays hold and keeps account of what was asked for and what came of it (O3).
//!
//! `service` gives relays their turns: `due` reads from the records who is due, `agenda` decides whose turn it is. A `turn` connects (a
//! `visit`), and goes through windows of time, which `plan` chooses: what is new, what was never asked for, what failed before, and a
//! slice of the past once more. A window is asked for by comparison (NIP-77, `by_comparison`) or by REQ (`by_req`, whose questions and
//! verdicts are the pure `walk`). Events go through the `intake` into the archive's store as they come. When a window is done, `settle`
//! writes down in one transaction what is covered (`coverage`), who holds what, and how the relay stands (`standing`); only then the
//! next one is asked for. `live` follows the best relays, `retention` lets go of what is too old, and `progress` tells how far it all is.
//!
//! Limits: `archive.parallel` turns at once, each of `archive.turn_seconds`; bytes that wait, for all connections together; events a
//! second of each relay; memory of what is known; events of one comparison; intervals of a relay. Whatever a relay does wrong ends in a
//! reason in its coverage. An error of the records or of the store ends the service, which is started again; what was settled stays.

mod activity;
mod agenda;
mod answer_sieve;
mod believing;
mod by_comparison;
mod by_req;
mod coverage;
mod coverage_table;
mod due;
mod intake;
mod leaving;
mod live;
mod metrics;
mod own;
mod plan;
mod progress;
mod retention;
mod said;
mod service;
mod settle;
mod standing;
#[cfg(test)]
mod tests;
mod turn;
mod visit;
mod walk;
mod work;

#[cfg(test)]
pub(crate) use activity::Pace;
pub(crate) use activity::{Activity, Sample, Task};
pub(crate) use intake::{fault, refusal};
pub(crate) use progress::{Progress, progress};
pub(crate) use said::kept;
pub(crate) use service::run;
pub(crate) use visit::is_named;
