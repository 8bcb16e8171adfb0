//! Which page is where.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use stentor_console::assets;
use tokio::sync::Semaphore;

use super::{Pages, archive, coverage, events, live, map, overview, relay, relays, shell, sign_in};
use crate::api::{Api, Door};
use crate::role::Observatory;

impl Observatory {
    /// The pages, with their style and script. Without a door nobody is known: then there is something to see only if it is public.
    pub fn pages(&self, door: Option<Arc<dyn Door>>) -> Router {
        let pages = Pages {
            api: Api::new(self.clone(), door),
            streams: Arc::new(Semaphore::new(live::MOST)),
            shared: Arc::default(),
        };
        Router::new()
            .route("/observatory", get(overview::page))
            .route("/observatory/map", get(map::page))
            .route("/observatory/coverage", get(coverage::page))
            .route("/observatory/archive", get(archive::page))
            .route("/observatory/events", get(events::list))
            .route("/observatory/events/{id}", get(events::one))
            .route(relays::PATH, get(relays::page))
            .route("/observatory/relays/{relay}", get(relay::page))
            .route("/observatory/live", get(live::live))
            .route(
                "/observatory/sign-in",
                get(sign_in::form).post(sign_in::enter),
            )
            .route("/observatory/sign-out", post(sign_in::leave))
            .route("/observatory/{*rest}", get(shell::nothing))
            .with_state(pages)
            .merge(assets::router())
    }
}
