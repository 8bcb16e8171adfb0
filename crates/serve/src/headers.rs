//! Security headers on every answer, and CORS by allow list.

use axum::response::Response;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use thiserror::Error;

/// Set on every answer that does not set its own.
const SECURITY: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// Adds the security headers that are not there; `secure` is whether the client's connection is encrypted (only then may HTTPS be
/// demanded for the future).
pub fn add_security_headers(headers: &mut HeaderMap, secure: bool) {
    for (name, value) in SECURITY {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if secure {
        let value = HeaderValue::from_static("max-age=31536000");
        headers
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(value);
    }
}

/// Which origins may read answers from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origins {
    Any,
    List(Vec<HeaderValue>),
}

/// A CORS policy. Credentials are never allowed across origins: nothing here uses cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    origins: Origins,
    methods: HeaderValue,
    headers: HeaderValue,
}

/// An origin in the configuration that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not an origin such as https://example.org: {0}")]
pub struct OriginError(String);

impl Cors {
    /// Any origin: for documents that are public anyway, as NIP-11 asks.
    #[must_use]
    pub fn any() -> Self {
        Self::with(Origins::Any)
    }

    /// These origins only; `*` among them is [`Cors::any`].
    ///
    /// # Errors
    /// [`OriginError`]: one is not `scheme://host[:port]`.
    pub fn allow_list<S: AsRef<str>>(origins: &[S]) -> Result<Self, OriginError> {
        if origins.iter().any(|origin| origin.as_ref() == "*") {
            return Ok(Self::any());
        }
        let parse = |origin: &S| {
            let text = origin.as_ref();
            let rest = text.split_once("://").map(|(_, rest)| rest);
            let valid = rest
                .is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', '?', '#', ' ', ',']));
            let value = HeaderValue::from_str(&text.to_ascii_lowercase())
                .ok()
                .filter(|_| valid);
            value.ok_or_else(|| OriginError(text.to_owned()))
        };
        Ok(Self::with(Origins::List(
            origins.iter().map(parse).collect::<Result<_, _>>()?,
        )))
    }

    fn with(origins: Origins) -> Self {
        Self {
            origins,
            methods: HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS"),
            headers: HeaderValue::from_static("accept, authorization, content-type, last-event-id"),
        }
    }

    /// Adds what the policy says about a request's `Origin` to an answer.
    pub fn apply(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        match (&self.origins, origin) {
            (Origins::Any, _) => {
                headers.insert(
                    header::ACCESS_CONTROL_ALLOW_ORIGIN,
                    HeaderValue::from_static("*"),
                );
            }
            (Origins::List(list), origin) => {
                headers.append(header::VARY, HeaderValue::from_static("origin"));
                if let Some(origin) = origin.filter(|origin| list.contains(origin)) {
                    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                }
            }
        }
        if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        }
    }

    /// The answer to a preflight request, if this is one.
    #[must_use]
    pub fn preflight(&self, method: &Method, request: &HeaderMap) -> Option<Response> {
        if method != Method::OPTIONS || !request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            return None;
        }
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        self.apply(request.get(header::ORIGIN), headers);
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("86400"),
        );
        Some(response)
    }
}

/// Middleware that applies a policy: `router.layer(axum::middleware::from_fn_with_state(cors, headers::cors))`.
pub async fn cors(
    axum::extract::State(policy): axum::extract::State<Cors>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    if let Some(preflight) = policy.preflight(request.method(), request.headers()) {
        return preflight;
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = next.run(request).await;
    policy.apply(origin.as_ref(), response.headers_mut());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(cors: &Cors, origin: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        cors.apply(Some(&HeaderValue::from_static(origin)), &mut headers);
        let value = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn cors_is_an_allow_list() {
        let cors = Cors::allow_list(&["https://a.example", "http://localhost:3000"]).unwrap();
        assert_eq!(
            allowed(&cors, "https://a.example").as_deref(),
            Some("https://a.example")
        );
        assert_eq!(allowed(&cors, "https://a.example.evil"), None);
        assert_eq!(
            allowed(&Cors::any(), "https://b.example").as_deref(),
            Some("*")
        );
        for wrong in ["a.example", "https://a.example/", "https://", "https://a b"] {
            assert!(Cors::allow_list(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn security_headers_do_not_override() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'"),
        );
        add_security_headers(&mut headers, false);
        assert_eq!(
            headers[header::CONTENT_SECURITY_POLICY],
            "default-src 'none'"
        );
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
