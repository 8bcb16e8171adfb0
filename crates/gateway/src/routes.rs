//! What stands where.

use axum::Router;
use axum::routing::{get, post};
use stentor_serve::headers::{Cors, OriginError, cors};

use crate::state::Gateway;
use crate::stream::{sse, ws};
use crate::{history, jobs, telemetry, tickets};

impl Gateway {
    /// The routes of the gateway, `/api/v1/…`.
    ///
    /// # Errors
    /// [`OriginError`] for an origin in the configuration that is none.
    pub fn routes(&self) -> Result<Router, OriginError> {
        let origins = Cors::allow_list(&self.shared.parts.config.origins)?;
        Ok(Router::new()
            .route("/api/v1/events", get(sse::events))
            .route("/api/v1/events/history", get(history::history))
            .route("/api/v1/ws", get(ws::ws))
            .route("/api/v1/tickets", post(tickets::mint))
            .route("/api/v1/telemetry", telemetry::route())
            .route("/api/v1/jobs", get(jobs::list))
            .route("/api/v1/jobs/{id}", get(jobs::one).delete(jobs::cancel))
            .layer(axum::middleware::from_fn_with_state(origins, cors))
            .with_state(self.clone()))
    }
}
