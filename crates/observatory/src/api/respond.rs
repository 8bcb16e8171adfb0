//! From a request to its answer.

use axum::Extension;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::rejection::ExtensionRejection;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use std::time::Duration;
use stentor_auth::Scope;
use stentor_serve::RequestInfo;
use url::form_urlencoded;

use super::Api;
use super::failure::Failure;
use crate::answer::Question;

/// What stands before every question in a path.
const BEGINNING: &str = "/api/v1/observatory/";
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// For how long an answer that everybody may have is good.
const PUBLIC: &str = "public, max-age=10";
/// Others are asked for again each time; what has not changed is not sent again.
const PRIVATE: &str = "private, no-cache";

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

/// A request that reads. Its path and its query are the question.
pub(super) struct Reading {
    api: Api,
    info: RequestInfo,
    head: Parts,
}

impl FromRequestParts<Api> for Reading {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(head: &mut Parts, api: &Api) -> Result<Self, Self::Rejection> {
        let Extension(info) = Extension::from_request_parts(head, api).await?;
        Ok(Self {
            api: api.clone(),
            info,
            head: head.clone(),
        })
    }
}

impl Reading {
    /// Answers it.
    pub async fn answer(&self) -> Response {
        let read = self.api.read(&self.head, &self.info).await;
        read.unwrap_or_else(Failure::into_response)
    }
}

impl Api {
    async fn read(&self, head: &Parts, info: &RequestInfo) -> Result<Response, Failure> {
        let path = head.uri.path().strip_prefix(BEGINNING).unwrap_or_default();
        // Who may not ask is not told what is wrong with the question, so the path alone decides who may.
        let for_operators = path == "watches";
        if for_operators {
            let scope = Scope::ObservatoryManage;
            self.holder_of(scope, head, info, &[]).await?;
        } else {
            self.reader(head, info).await?;
        }
        let (form, query) = form(head.uri.query().unwrap_or_default())?;
        let question = Question::read(path, &query)?;
        let _place = self.place().await?;
        let answer = self.observatory.ask(&question, self.rules()).await?;
        let (kind, body) = match form {
            Form::Json => ("application/json", answer.body.to_string()),
            Form::Csv => (
                "text/csv; charset=utf-8",
                answer.csv().ok_or(Failure::Form)?,
            ),
        };
        let is_public = self.observatory.ground.config.public && !for_operators;
        Ok(response(&head.headers, kind, body, is_public))
    }

    /// A place among those that are answered at once.
    pub async fn place(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Failure> {
        let places = std::sync::Arc::clone(&self.places);
        let place = tokio::time::timeout(PATIENCE, places.acquire_owned()).await;
        place.map_err(|_| Failure::Busy)?.map_err(|_| Failure::Busy)
    }
}

/// Takes the form out of a query.
fn form(query: &str) -> Result<(Form, String), Failure> {
    let mut form = Form::Json;
    let mut rest = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "format" {
            rest.append_pair(&name, &value);
            continue;
        }
        form = match &*value {
            "" | "json" => Form::Json,
            "csv" => Form::Csv,
            _ => return Err(Failure::Wrong("format: not one of json, csv".to_owned())),
        };
    }
    Ok((form, rest.finish()))
}

/// An answer, or that what the client has is still good.
fn response(request: &HeaderMap, kind: &'static str, body: String, is_public: bool) -> Response {
    let hash = Sha256::digest(&body);
    let digits: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("W/\"{digits}\"");
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|value| matches(value, &tag));
    let mut response = Response::new(if known {
        Body::empty()
    } else {
        Body::from(body)
    });
    let headers = response.headers_mut();
    let cache = if is_public { PUBLIC } else { PRIVATE };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if !is_public {
        headers.append(header::VARY, HeaderValue::from_static("authorization"));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}

/// Whether an `If-None-Match` has this tag (RFC 9110, 13.1.2: compared weakly).
fn matches(value: &HeaderValue, tag: &str) -> bool {
    let strong = |tag: &str| tag.trim_start_matches("W/").to_owned();
    value.to_str().is_ok_and(|list| {
        let mut tags = list.split(',').map(str::trim);
        tags.any(|one| one == "*" || strong(one) == strong(tag))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_2_tags_are_compared_weakly() {
        let matches = |value: &'static str| matches(&HeaderValue::from_static(value), "W/\"ab\"");
        assert!(
            matches("W/\"ab\"") && matches("\"ab\"") && matches("\"x\", W/\"ab\"") && matches("*")
        );
        assert!(!matches("\"x\"") && !matches(""));
    }

    #[test]
    fn o4_2_the_form_is_no_part_of_the_question() {
        let (read, rest) = form("format=csv&text=a%26b&%23t=x").unwrap();
        assert_eq!((read, &*rest), (Form::Csv, "text=a%26b&%23t=x"));
        assert!(form("format=xml").is_err());
    }
}
