//! Who makes a request: somebody else knows.

use std::pin::Pin;
use std::sync::Arc;

use axum::response::Response;
use http::request::Parts;
use stentor_auth::{Principal, Scope};
use stentor_event::VisibilityRules;
use stentor_serve::RequestInfo;

use super::Api;
use super::failure::Failure;

/// Knows who makes a request, and what is private. The observatory knows neither itself.
pub trait Door: Send + Sync + 'static {
    /// Who makes a request with this body; else the answer to it.
    fn who<'a>(
        &'a self,
        head: &'a Parts,
        info: &'a RequestInfo,
        body: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Principal, Response>> + Send + 'a>>;

    /// What is private, by the configuration in force.
    fn rules(&self) -> Arc<VisibilityRules>;
}

impl Api {
    /// Lets a request in that reads what is not for operators.
    pub async fn reader(&self, head: &Parts, info: &RequestInfo) -> Result<(), Failure> {
        if self.observatory.ground.config.public {
            return Ok(());
        }
        self.holder_of(Scope::ObservatoryRead, head, info, &[])
            .await
            .map(drop)
    }

    /// Who makes a request, if that is somebody with the scope.
    pub async fn holder_of(
        &self,
        scope: Scope,
        head: &Parts,
        info: &RequestInfo,
        body: &[u8],
    ) -> Result<Principal, Failure> {
        let Some(door) = &self.door else {
            return Err(Failure::NoDoor);
        };
        let principal = door
            .who(head, info, body)
            .await
            .map_err(|answer| Failure::Answered(Box::new(answer)))?;
        if principal.scopes.allow(scope) {
            Ok(principal)
        } else {
            Err(Failure::Scope(scope))
        }
    }

    /// What is private.
    pub fn rules(&self) -> Arc<VisibilityRules> {
        match &self.door {
            Some(door) => door.rules(),
            // Nobody reads the configuration anew then: what held at the start holds.
            None => self.observatory.ground.rules.clone(),
        }
    }
}
