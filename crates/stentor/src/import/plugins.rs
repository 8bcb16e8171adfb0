//! The operator's plugins and an import (R4.3). They are asked when they name `Import` among their source types; no other
//! rule of the policy applies to imports (R5.4).

use std::sync::Arc;

use stentor_event::Event;
use stentor_relay::{Relay, Ruling, Source};

use super::judge::Judged;

/// The plugins of a running relay.
#[derive(Clone)]
pub struct Plugins {
    /// Whose they are.
    pub relay: Relay,
    /// What is imported: the name of the file.
    pub what: Arc<str>,
}

impl Plugins {
    /// Takes out what they have something against. The signatures have been verified.
    pub async fn sift(&self, judged: Judged) -> Judged {
        let Judged {
            events,
            lines,
            summary,
        } = judged;
        let asked: Vec<Event> = events.iter().map(|one| one.event.clone()).collect();
        let source = Source::Import(Arc::clone(&self.what));
        let rulings = self.relay.ask_plugins_about_all(&asked, &source).await;
        let mut kept = Judged {
            summary,
            ..Judged::default()
        };
        for ((submission, line), ruling) in events.into_iter().zip(lines).zip(rulings) {
            match ruling {
                Ruling::Accepted => {
                    kept.events.push(submission);
                    kept.lines.push(line);
                }
                Ruling::Refused(reason) => kept.summary.refuse(line, &reason),
                Ruling::Shadowed => kept.summary.refuse(line, "a plugin shadow-rejects it"),
            }
        }
        kept
    }
}
