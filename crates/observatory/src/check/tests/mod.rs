//! Checks of small relays on loopback, each with a manner of its own.

mod cycle;
mod proxy;
mod server;
mod tls;
mod visits;

use std::sync::Arc;

use stentor_sql::testing::House;

use super::attempt::Visitor;
use super::findings::{Findings, Verdict};
use crate::config::Config;
use crate::ground::Ground;

/// A configuration for tests: an answer has a second, there is no second visit.
fn config() -> Config {
    let mut config = Config::default();
    config.check.answer_seconds = 1;
    config.check.retries = 0;
    config
}

async fn ground() -> (House, Arc<Ground>) {
    ground_with(config()).await
}

async fn ground_with(config: Config) -> (House, Arc<Ground>) {
    let house = House::new(stentor_sql::Dialect::Sqlite).await;
    let ground = crate::testing::ground(&house, config).await;
    (house, ground)
}

async fn visit(ground: &Arc<Ground>, url: &str) -> Findings {
    let visitor = Visitor {
        ground: ground.clone(),
        places: ground.places.clone(),
    };
    visitor.visit(url).await
}

/// The word for why a relay is offline.
fn reason(findings: &Findings) -> String {
    match &findings.verdict {
        Verdict::Offline { reason, .. } => reason.word().into_owned(),
        other => format!("{other:?}"),
    }
}
