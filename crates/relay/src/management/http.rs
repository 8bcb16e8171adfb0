//! NIP-86 over HTTP: `POST /` with a body of type `application/nostr+json+rpc`, signed with NIP-98.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde_json::{Value, json};
use stentor_auth::Place;
use stentor_auth::nip98::{self, Blame, HttpAuthError, Payload, ReplayGuard, Target, Token};
use stentor_event::PublicKey;
use stentor_serve::{Problem, RequestInfo};

use crate::access::Actor;
use crate::access::audit::{Class, FORBIDDEN};
use crate::policy::rate::{Meter, Sender, Thing};
use crate::service::Relay;
use crate::state::{Settings, now};

/// The media type of NIP-86.
const MEDIA_TYPE: &str = "application/nostr+json+rpc";
/// Most bytes of a request.
const MAX_BODY: usize = 64 * 1024;
/// Characters of an error in the audit log.
const OUTCOME_CHARS: usize = 300;
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
    let asked = Asked {
        authorization,
        body,
        client: info.client,
        local: info.local,
    };
    // What has begun is done and written down, also when the caller goes away at once.
    let relay = relay.clone();
    let answered = tokio::spawn(async move { asked.answer(&relay, &settings).await });
    answered.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call of NIP-86");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response()
    })
}

/// A call, with what is needed to judge it.
struct Asked {
    authorization: Option<HeaderValue>,
    body: Bytes,
    client: IpAddr,
    local: Option<SocketAddr>,
}

impl Asked {
    async fn answer(&self, relay: &Relay, settings: &Settings) -> Response {
        let call = serde_json::from_slice::<Call>(&self.body);
        let token = match self.check(settings) {
            Ok(token) => token,
            Err(error) => {
                // Who has signed nothing is nobody, and leaves no line.
                if let Some(key) = nip98::signer(self.value()) {
                    let by = self.refused(settings, &key);
                    note(relay, call.as_ref().ok(), &by, &error.to_string()).await;
                }
                return unauthorized(&error);
            }
        };
        let key = token.key();
        let call = match call {
            Ok(call) => call,
            Err(error) => {
                let reason = format!("no call: {error}");
                note(relay, None, &self.refused(settings, &key), &reason).await;
                return answer(StatusCode::BAD_REQUEST, &Err(reason));
            }
        };
        if !may(settings, &key, &call.method) {
            note(relay, Some(&call), &self.refused(settings, &key), FORBIDDEN).await;
            let reason = Err("this key may not call this method".to_owned());
            return answer(StatusCode::FORBIDDEN, &reason);
        }
        if let Err(error) = relay.state.access.used_tokens().use_up(&token, now()).await {
            let by = self.refused(settings, &key);
            note(relay, Some(&call), &by, &error.to_string()).await;
            return unauthorized(&error);
        }
        let by = Actor::key(&key, self.client, Class::Call);
        let called = relay
            .management()
            .call(&call.method, &call.params, &by, false, now())
            .await;
        answer(StatusCode::OK, &called.map_err(|error| error.to_string()))
    }

    fn value(&self) -> &[u8] {
        let value = self.authorization.as_ref();
        value.map(HeaderValue::as_bytes).unwrap_or_default()
    }

    /// Who calls.
    fn check(&self, settings: &Settings) -> Result<Token, HttpAuthError> {
        let request = nip98::Request {
            method: "POST",
            target: Target::Relay,
            place: Place {
                public_urls: &settings.urls,
                local: self.local,
            },
            body: &self.body,
            payload: Payload::Required,
        };
        nip98::check(self.value(), &request, now())
    }

    /// Who has signed a call that is refused.
    fn refused(&self, settings: &Settings, key: &PublicKey) -> Actor {
        let class = match settings.config.access.admin(key) {
            Some(_) => Class::Refused,
            None => Class::Stranger,
        };
        Actor::key(key, self.client, class)
    }
}

/// Writes a refused call into the audit log; without a call when the body is none.
async fn note(relay: &Relay, call: Option<&Call>, by: &Actor, outcome: &str) {
    let (method, params) = call.map_or(("", &[][..]), |call| (&call.method, &call.params));
    let outcome: String = outcome.chars().take(OUTCOME_CHARS).collect();
    let management = relay.management();
    let noted = management.note(method, params, by, &outcome, now()).await;
    if let Err(error) = noted {
        tracing::error!(%error, "the audit log");
    }
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

/// Whether this key may call this method.
fn may(settings: &Settings, key: &PublicKey, method: &str) -> bool {
    let admin = settings.config.access.admin(key);
    admin.is_some_and(|admin| method == "supportedmethods" || admin.may(method))
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
