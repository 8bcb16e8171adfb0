//! Questions answered: the one place where what can be asked meets the readers.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use stentor_event::VisibilityRules;
use utoipa::ToSchema;

use super::archiving::{self, ArchivingPage};
use super::check::{ChangePage, CheckPage, DayPage, SeriesAnswer};
use super::coverage::CoveragePage;
use super::csv::{Shape, Table};
use super::parameters::{AskError, wrong};
use super::place::{Part, Place};
use super::question::{Asked, Question};
use super::relays::RelayPage;
use super::rows::json;
use super::{check, coverage, detail, events, network, relays};
use crate::alert::Watch;
use crate::archive;
use crate::error::Error;
use crate::role::Observatory;

/// How long an answer may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The answer, one object.
    pub body: Value,
    shape: Option<Shape>,
}

impl Answer {
    /// A list as CSV (RFC 4180) with a header row; nothing where the answer is no list.
    #[must_use]
    pub fn csv(&self) -> Option<String> {
        self.shape.map(|shape| shape.csv(&self.body))
    }

    /// A list below `rows` in the answer, with these columns.
    pub(super) fn rows(
        answer: &impl Serialize,
        rows: &'static str,
        columns: &'static [&'static str],
    ) -> Self {
        Self {
            body: json(answer),
            shape: Some(Shape { rows, columns }),
        }
    }

    pub(super) fn one(answer: &impl Serialize) -> Self {
        Self {
            body: json(answer),
            shape: None,
        }
    }

    fn list<T: Table + Serialize>(answer: &T) -> Self {
        Self {
            body: json(answer),
            shape: Some(Shape::of::<T>()),
        }
    }
}

/// A page of watches.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct WatchPage {
    /// The oldest first.
    pub watches: Vec<Watch>,
    /// The `after` of the next page; none behind the last.
    pub next: Option<String>,
}

impl Table for WatchPage {
    const ROWS: &'static str = "watches";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "url",
        "recipient",
        "made_ms",
        "made_by",
        "state",
        "down_since_ms",
    ];
}

impl Observatory {
    /// Answers a question with what everybody may see by these rules. Takes 20 seconds at most.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is none, or a cursor is none; else those of the records and the archive.
    pub async fn answer(
        &self,
        question: &Question,
        rules: Arc<VisibilityRules>,
    ) -> Result<Answer, Error> {
        self.ask(question, rules)
            .await
            .map_err(|error| match error {
                AskError::Failed(error) => error,
                other => Error::Invalid(other.to_string()),
            })
    }

    pub(crate) async fn ask(
        &self,
        question: &Question,
        rules: Arc<VisibilityRules>,
    ) -> Result<Answer, AskError> {
        let answered = tokio::time::timeout(DEADLINE, self.read(&question.0, rules));
        answered.await.unwrap_or(Err(AskError::TooLong))
    }

    async fn read(&self, asked: &Asked, rules: Arc<VisibilityRules>) -> Result<Answer, AskError> {
        let ground = &self.ground;
        let (records, now_ms) = (&ground.records, ground.clock.now_ms());
        Ok(match asked {
            Asked::Relays(query) => {
                Answer::list::<RelayPage>(&relays::relays(records, query).await?)
            }
            Asked::Relay(name) => Answer::one(&detail::relay(records, name).await?),
            Asked::Checks(name, back) => {
                let relay = name.find(records).await?;
                Answer::list::<CheckPage>(&check::checks(records, relay, back).await?)
            }
            Asked::Series(name, range) => {
                let relay = name.find(records).await?;
                let series = check::series(records, relay, range, now_ms).await?;
                Answer::list::<SeriesAnswer>(&series)
            }
            Asked::Days(name, days) => {
                let relay = name.find(records).await?;
                Answer::list::<DayPage>(&check::days(records, relay, *days, now_ms).await?)
            }
            Asked::Changes(name, back) => {
                let relay = name.find(records).await?;
                Answer::list::<ChangePage>(&check::changes(records, relay, back).await?)
            }
            Asked::Coverage(name, query) => {
                let relay = match name {
                    Some(name) => Some(name.find(records).await?),
                    None => None,
                };
                Answer::list::<CoveragePage>(&coverage::coverage(records, relay, query).await?)
            }
            Asked::Events(query) => Answer::one(&events::events(ground, query, rules).await?),
            Asked::Event(id) => Answer::one(&events::event(ground, *id, rules).await?),
            Asked::Network => Answer::one(&network::network(ground).await?),
            Asked::Progress => Answer::one(&archive::progress(ground).await?),
            Asked::Archiving(query) => {
                Answer::list::<ArchivingPage>(&archiving::archiving(ground, query).await?)
            }
            Asked::Statistic(statistic) => statistic.answer(ground, rules).await?,
            Asked::Watches(back) => Answer::list::<WatchPage>(&self.watch_page(back).await?),
        })
    }

    async fn watch_page(&self, back: &check::Back) -> Result<WatchPage, AskError> {
        let after = match &back.after {
            None => None,
            Some(after) => {
                let place = Place::read(after, "watches", b"t");
                match place.map_err(|error| wrong("after", error))?.pop() {
                    Some(Part::Text(id)) => Some(id),
                    _ => None,
                }
            }
        };
        let limit = back.limit.min(499);
        let mut watches = self.watches(after.as_deref(), limit + 1).await?;
        let more = watches.len() > limit as usize;
        watches.truncate(limit as usize);
        let next = watches.last().filter(|_| more).map(|last| {
            let parts = vec![Part::Text(last.id.clone())];
            let list = "watches".to_owned();
            Place { list, parts }.text()
        });
        Ok(WatchPage { watches, next })
    }
}
