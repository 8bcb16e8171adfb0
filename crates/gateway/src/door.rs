//! Who makes a request, before anything else is done for it (G2.2).

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use stentor_auth::{Principal, RequestHead, Surface};
use stentor_bus::Interest;
use stentor_serve::RequestInfo;

use crate::failure::Failure;
use crate::state::{Gateway, Shared};

/// Who opens a stream, and what came with it.
pub(crate) struct Visitor {
    pub principal: Principal,
    /// Of a ticket's stream.
    pub lease: Option<stentor_auth::Lease>,
    /// Where the stream goes on, as text.
    pub last: Option<String>,
}

impl Gateway {
    /// Who makes a request with this body, for other parts of the node; else the answer to it.
    ///
    /// # Errors
    /// The answer: a problem document.
    pub async fn who(
        &self,
        head: &Parts,
        info: &RequestInfo,
        body: &[u8],
    ) -> Result<Principal, Response> {
        let known = self.shared.principal(head, info, body).await;
        known.map_err(IntoResponse::into_response)
    }
}

impl Shared {
    /// Who makes a request without a body, or with this one.
    pub async fn principal(
        &self,
        head: &Parts,
        info: &RequestInfo,
        body: &[u8],
    ) -> Result<Principal, Failure> {
        let path = head.uri.path_and_query();
        let request = RequestHead {
            method: head.method.as_str(),
            path_and_query: path.map_or("/", http::uri::PathAndQuery::as_str),
            headers: &head.headers,
            place: stentor_auth::Place {
                public_urls: &self.parts.urls,
                local: info.local,
            },
            body,
            client: info.client,
        };
        let now = self.now();
        Ok(self.parts.auth.authenticate(&request, now).await?)
    }

    /// Who opens a stream: with a ticket, or as for any request.
    pub async fn visitor(
        &self,
        head: &Parts,
        info: &RequestInfo,
        surface: Surface,
        ticket: Option<&str>,
        last: Option<&str>,
    ) -> Result<Visitor, Failure> {
        let Some(ticket) = ticket else {
            let principal = self.principal(head, info, &[]).await?;
            return Ok(Visitor {
                principal,
                lease: None,
                last: last.map(str::to_owned),
            });
        };
        let (auth, now) = (&self.parts.auth, self.now());
        let redeemed = auth.redeem(ticket, surface, last, info.client, now).await?;
        Ok(Visitor {
            principal: redeemed.principal,
            lease: Some(redeemed.lease),
            last: redeemed.cursor,
        })
    }

    /// Whether the principal may see anything of what is wanted.
    pub fn permit(&self, principal: &Principal, interest: &Interest) -> Result<(), Failure> {
        let audience = self.audience(principal);
        let may = |family| audience.rights.iter().any(|(of, _)| *of == family);
        let mut wanted = stentor_bus::EventType::ALL
            .iter()
            .filter(|one| interest.names(**one));
        // Whoever names no types gets those that may be seen; who names some is told if none of them may be.
        if wanted.any(|one| may(one.family())) {
            Ok(())
        } else {
            Err(Failure::Scope("events:…:read of these types"))
        }
    }
}
