//! The OpenAPI document: what stands at its head. The operations come from the handlers.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use crate::reference::EnvelopeSchema;
use crate::reference::answers::ProblemSchema;
use crate::state::Gateway;

/// What holds for all operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stentor",
        description = "What happens in a node, for programs: streams, history, webhooks, jobs.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "events", description = "What happens: live, and what has happened."),
        (name = "webhooks", description = "What happens, sent to an address."),
        (name = "jobs", description = "Long work."),
        (name = "credentials", description = "Tickets, tokens, and who has used them."),
    ),
    security(("bearer" = []), ("nostr" = []), ("ticket" = [])),
    components(schemas(EnvelopeSchema, ProblemSchema)),
    modifiers(&Credentials),
)]
struct Document;

/// What a request can show.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An API key, a token of this node or of an issuer that it knows.",
            ))
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let nostr = ApiKeyValue::with_description(
            "authorization",
            "`Nostr` and an event of kind 27235 in base64 (NIP-98).",
        );
        components.add_security_scheme("nostr", SecurityScheme::ApiKey(ApiKey::Header(nostr)));
        let ticket =
            ApiKeyValue::with_description("ticket", "A stream ticket; opens streams alone.");
        components.add_security_scheme("ticket", SecurityScheme::ApiKey(ApiKey::Query(ticket)));
    }
}

/// A router that adds what the handlers say to the document.
pub(crate) fn router() -> OpenApiRouter<Gateway> {
    OpenApiRouter::with_openapi(Document::openapi())
}
