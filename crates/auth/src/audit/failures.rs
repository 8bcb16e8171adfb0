//! Failures, gathered so that a flood of them is a few lines. Pure.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use stentor_event::Timestamp;
use stentor_net::client::IpScope;
use stentor_net::limit::{Bucket, Rate};

use super::AuditLine;
use crate::Category;

/// Seconds in which failures of a kind from an address are one line.
const WINDOW: u64 = 60;
/// Kinds and addresses that are told apart at once.
const MOST: usize = 500;
/// Lines of failures in the long run, and at once.
const LINES: Rate = Rate::per_second(1).with_burst(120);

/// What has failed within the last minute.
#[derive(Default)]
pub(super) struct Failures {
    gathered: HashMap<(Category, Option<IpScope>), Gathered>,
    lines: Bucket,
}

/// Failures after the first one that has its line.
struct Gathered {
    since: Timestamp,
    line: AuditLine,
    count: u64,
}

impl Failures {
    /// Counts a failure. The line, when it is to be written at once.
    pub fn add(
        &mut self,
        category: Category,
        client: IpAddr,
        line: AuditLine,
        now: Timestamp,
    ) -> Option<AuditLine> {
        let own = (category, Some(IpScope::from(client)));
        if let Some(gathered) = self.gathered.get_mut(&own) {
            gathered.take(&line, 1);
            return None;
        }
        if self.gathered.len() < MOST {
            let (first, count) = match self.may_write(now) {
                true => (Some(line.clone()), 0),
                false => (None, 1),
            };
            self.gathered.insert(
                own,
                Gathered {
                    since: now,
                    line,
                    count,
                },
            );
            return first;
        }
        self.add_to_others(category, line, 1, now);
        None
    }

    /// Counts failures that there is no room for by themselves.
    fn add_to_others(&mut self, category: Category, line: AuditLine, count: u64, now: Timestamp) {
        let others = self.gathered.entry((category, None)).or_insert(Gathered {
            since: now,
            line: AuditLine {
                address: None,
                credential: None,
                surface: None,
                ..line.clone()
            },
            count: 0,
        });
        others.count += count;
        others.line.at = line.at;
    }

    /// The lines of those whose minute is over. What there may be no line for goes into a common one.
    pub fn over(&mut self, now: Timestamp) -> Vec<AuditLine> {
        let is_over =
            |_: &_, gathered: &mut Gathered| gathered.since.0.saturating_add(WINDOW) <= now.0;
        let over: Vec<_> = self
            .gathered
            .extract_if(is_over)
            .filter(|(_, gathered)| gathered.count > 0)
            .collect();
        let mut lines = Vec::new();
        for ((category, scope), gathered) in over {
            // The common lines are one for each category and minute, and are always written.
            if scope.is_none() || self.may_write(now) {
                lines.push(AuditLine {
                    count: gathered.count,
                    ..gathered.line
                });
            } else {
                self.add_to_others(category, gathered.line, gathered.count, now);
            }
        }
        lines
    }

    fn may_write(&mut self, now: Timestamp) -> bool {
        self.lines
            .take(LINES, Duration::from_secs(now.0), 1)
            .is_ok()
    }
}

impl Gathered {
    /// One more; the line says the newest.
    fn take(&mut self, line: &AuditLine, count: u64) {
        self.count += count;
        self.line.at = line.at;
        self.line.credential.clone_from(&line.credential);
    }
}
