//! `/api/v1/observatory/…`: what the observatory knows, for programs (O4.2).
//!
//! A request is let in first (`door`), then read as a [`Question`](crate::Question), then answered as JSON or CSV with a weak ETag over
//! the content. What goes wrong is a problem document (RFC 9457). Reading takes the right `observatory:read` unless the configuration
//! makes it public; watches take `observatory:manage`. At most [`AT_ONCE`] requests are answered at once; others wait for a bounded time.

mod door;
mod failure;
mod reads;
mod reference;
mod respond;
mod statistics;
#[cfg(test)]
mod tests;
mod watches;

use std::sync::Arc;

use axum::Router;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use door::Door;
pub(crate) use failure::{Failure, RETRY_SECONDS};

use crate::role::Observatory;

/// Requests that are answered at once.
const AT_ONCE: usize = 16;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) observatory: Observatory,
    door: Option<Arc<dyn Door>>,
    places: Arc<Semaphore>,
}

impl Api {
    /// Of this observatory, with as many places as there are.
    pub(crate) fn new(observatory: Observatory, door: Option<Arc<dyn Door>>) -> Self {
        Self {
            observatory,
            door,
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

/// The operations, each with what the OpenAPI document says of it.
fn operations() -> OpenApiRouter<Api> {
    reference::router()
        .routes(routes!(reads::relays))
        .routes(routes!(reads::relay))
        .routes(routes!(reads::checks))
        .routes(routes!(reads::series))
        .routes(routes!(reads::days))
        .routes(routes!(reads::changes))
        .routes(routes!(reads::relay_coverage))
        .routes(routes!(reads::coverage))
        .routes(routes!(reads::events))
        .routes(routes!(reads::event))
        .routes(routes!(reads::network))
        .routes(routes!(reads::progress))
        .routes(routes!(reads::archiving))
        .routes(routes!(statistics::totals))
        .routes(routes!(statistics::kinds))
        .routes(routes!(statistics::authors))
        .routes(routes!(statistics::new_authors))
        .routes(routes!(statistics::replication))
        .routes(routes!(statistics::relays))
        .routes(routes!(statistics::latency))
        .routes(routes!(statistics::software))
        .routes(routes!(statistics::nips))
        .routes(routes!(statistics::lists))
        .routes(routes!(statistics::coverage))
        .routes(routes!(statistics::checks))
        .routes(routes!(statistics::ranking))
        .routes(routes!(statistics::deliveries))
        .routes(routes!(watches::list, watches::create))
        .routes(routes!(watches::remove))
}

impl Observatory {
    /// The routes, and what the OpenAPI document says of them. Without a door nobody is known: then only what is public is answered.
    pub fn routes(&self, door: Option<Arc<dyn Door>>) -> (Router, utoipa::openapi::OpenApi) {
        let (router, document) = operations().split_for_parts();
        (router.with_state(Api::new(self.clone(), door)), document)
    }
}
