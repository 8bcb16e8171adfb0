//! NIP-86 over HTTP: `POST /` with a body of type `application/nostr+json+rpc`, signed with NIP-98.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde_json::{Value, json};
use stentor_auth::Place;
use stentor_auth::nip98::{self, Blame, HttpAuthError, Payload, ReplayGuard, Target, Token};
use stentor_event::PublicKey;
use stentor_serve::{Problem, RequestInfo};

use crate::access::{Actor, audit};
use crate::policy::rate::{Meter, Sender, Thing};
use crate::service::Relay;
use crate::state::{Settings, now};

/// The media type of NIP-86.
const MEDIA_TYPE: &str = "application/nostr+json+rpc";
/// Most bytes of a request.
const MAX_BODY: usize = 64 * 1024;
/// Seconds after which it is worth trying again when the token could not be used up.
const RETRY_SECONDS: u64 = 5;

/// A request as NIP-86 writes it.
#[derive(Debug, Deserialize)]
struct Call {
    method: String,
    #[serde(default)]
    params: Vec<Value>,
}

/// Answers a POST to the relay's URL.
pub(crate) async fn rpc(relay: &Relay, info: &RequestInfo, request: Request<Body>) -> Response {
    if !is_rpc(request.headers()) {
        let detail = format!("POST is for {MEDIA_TYPE} (NIP-86)");
        return Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            .with_detail(detail)
            .into_response();
    }
    let settings = relay.state.settings().clone();
    if let Err(limited) = take(relay, &settings, info) {
        return *limited;
    }
    let authorization = request.headers().get(header::AUTHORIZATION).cloned();
    let body = match Limited::new(request.into_body(), MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Problem::new(StatusCode::PAYLOAD_TOO_LARGE).into_response(),
    };
    let token = match check(authorization.as_ref(), &body, &settings, info) {
        Ok(token) => token,
        Err(error) => return unauthorized(&error),
    };
    let call = match serde_json::from_slice::<Call>(&body) {
        Ok(call) => call,
        Err(error) => return answer(StatusCode::BAD_REQUEST, &Err(format!("no call: {error}"))),
    };
    let by = Actor {
        name: token.key().to_string(),
        address: Some(info.client.to_string()),
    };
    if !may(&settings, &token.key(), &call.method) {
        return forbid(relay, &call, &by).await;
    }
    if let Err(error) = relay.state.access.used_tokens().use_up(&token, now()).await {
        return unauthorized(&error);
    }
    let called = relay
        .management()
        .call(&call.method, &call.params, &by, false, now())
        .await;
    answer(StatusCode::OK, &called.map_err(|error| error.to_string()))
}

/// Whether the body is a call of NIP-86.
fn is_rpc(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok());
    let name = value.and_then(|value| value.split(';').next());
    name.is_some_and(|name| name.trim().eq_ignore_ascii_case(MEDIA_TYPE))
}

/// Takes the call from the rates of AUTH: each costs a verification.
fn take(relay: &Relay, settings: &Settings, info: &RequestInfo) -> Result<(), Box<Response>> {
    let by = (
        settings.config.policy.rate.as_slice(),
        &settings.config.rates,
    );
    let sender = Sender {
        ip: info.scope,
        key: None,
    };
    let taken = relay
        .state
        .meters
        .take(&mut Meter::default(), sender, by, Thing::Auth, 1);
    taken.map_err(|(rule, limited)| {
        relay.state.metrics.limited(Thing::Auth, rule);
        let seconds = HeaderValue::from(limited.retry_after_seconds());
        let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
        Box::new(response)
    })
}

/// Who calls.
fn check(
    authorization: Option<&HeaderValue>,
    body: &[u8],
    settings: &Settings,
    info: &RequestInfo,
) -> Result<Token, HttpAuthError> {
    let request = nip98::Request {
        method: "POST",
        target: Target::Relay,
        place: Place {
            public_urls: &settings.urls,
            local: info.local,
        },
        body,
        payload: Payload::Required,
    };
    let value = authorization.map(HeaderValue::as_bytes).unwrap_or_default();
    nip98::check(value, &request, now())
}

/// Whether this key may call this method.
fn may(settings: &Settings, key: &PublicKey, method: &str) -> bool {
    let admin = settings.config.access.admin(key);
    admin.is_some_and(|admin| method == "supportedmethods" || admin.may(method))
}

/// Refuses a caller who is somebody, but may not do this; the audit log hears of it.
async fn forbid(relay: &Relay, call: &Call, by: &Actor) -> Response {
    let management = relay.management();
    let noted = management
        .note(&call.method, &call.params, by, audit::FORBIDDEN, now())
        .await;
    if let Err(error) = noted {
        tracing::error!(%error, "the audit log");
    }
    let reason = Err("this key may not call this method".to_owned());
    answer(StatusCode::FORBIDDEN, &reason)
}

/// Refuses a caller who may be anybody.
fn unauthorized(error: &HttpAuthError) -> Response {
    match error.blame() {
        Blame::Client => {
            let mut response = answer(StatusCode::UNAUTHORIZED, &Err(error.to_string()));
            let scheme = HeaderValue::from_static("Nostr");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
            response
        }
        Blame::Server => {
            let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, &Err(error.to_string()));
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
            response
        }
    }
}

/// The answer as NIP-86 writes it: a result, or what went wrong.
fn answer(status: StatusCode, called: &Result<Value, String>) -> Response {
    let body = match called {
        Ok(result) => json!({ "result": result }),
        Err(error) => json!({ "error": error }),
    };
    let kind = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    )];
    (status, kind, body.to_string()).into_response()
}
