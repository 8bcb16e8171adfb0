//! Rule `bursts`: nearly the same text again and again, whoever writes it (R4.2).

mod fingerprint;
mod table;

use std::sync::Arc;

use parking_lot::Mutex;

use super::super::Verdict;
use super::{WriteRule, Writing};
use crate::config::{self, Action, KindSet};

use fingerprint::fingerprint;
use table::Table;

struct Bursts {
    table: Mutex<Table>,
    min_chars: usize,
    kinds: KindSet,
    action: Action,
}

/// The rule; none when any number of copies is taken.
pub(super) fn rule(config: &config::Bursts) -> Option<Arc<dyn WriteRule>> {
    if config.copies == 0 {
        return None;
    }
    Some(Arc::new(Bursts {
        table: Mutex::new(Table::new(
            config.texts,
            config.copies as usize,
            config.window_seconds,
        )),
        min_chars: config.min_chars,
        kinds: config.kinds.clone(),
        action: config.action,
    }))
}

impl WriteRule for Bursts {
    /// Counts the text, the signature not being verified yet: an event that turns out to be nobody's has used up one of
    /// the copies of *its text*, which harms nobody who writes another.
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let event = writing.event;
        if !self.kinds.contains(event.kind()) {
            return Verdict::Pass;
        }
        let Some(print) = fingerprint(&event.view().content(), self.min_chars) else {
            return Verdict::Pass;
        };
        if self.table.lock().take(print, &event.id(), writing.now) {
            return Verdict::Pass;
        }
        match self.action {
            Action::Refuse => {
                Verdict::refuse("blocked: nearly the same text has come too often just now")
            }
            Action::Shadow => Verdict::Shadow,
            Action::Review => Verdict::Review("nearly the same text has come often".into()),
        }
    }
}
