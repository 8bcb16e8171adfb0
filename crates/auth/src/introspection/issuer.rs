//! The question to the issuer of a token, and its answer.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use stentor_net::dial::{Dialer, Target};
use stentor_net::http::{Excess, Request, StatusCode};
use tokio::sync::Semaphore;

use crate::config::Introspection as Config;
use crate::{AuthFailure, metrics};

/// Largest answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// How long a question may take, its wait for its turn included.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who can be asked about tokens.
pub(super) struct Issuer {
    target: Target,
    dialer: Dialer,
    authorization: HeaderValue,
    turns: Semaphore,
}

impl Issuer {
    /// At this address, asked as configured with this password.
    pub fn new(target: Target, dialer: Dialer, config: &Config, secret: &SecretString) -> Self {
        Self {
            target,
            dialer,
            authorization: basic(&config.client_id, secret),
            turns: Semaphore::new(config.concurrency),
        }
    }

    /// What it says of a token.
    ///
    /// # Errors
    /// [`AuthFailure::Unavailable`] when it does not answer, or not in time.
    pub async fn ask(&self, token: &SecretString) -> Result<Map<String, Value>, AuthFailure> {
        match tokio::time::timeout(PATIENCE, self.exchange(token)).await {
            Ok(Ok(claims)) => Ok(claims),
            Ok(Err(problem)) => {
                metrics::introspected("failed");
                tracing::warn!(problem, "the issuer of a token could not be asked about it");
                Err(AuthFailure::unavailable())
            }
            Err(_) => {
                metrics::introspected("timeout");
                Err(AuthFailure::unavailable())
            }
        }
    }

    async fn exchange(&self, token: &SecretString) -> Result<Map<String, Value>, String> {
        let _turn = self
            .turns
            .acquire()
            .await
            .map_err(|error| error.to_string())?;
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        let body = format!(
            "token={}&token_type_hint=access_token",
            escaped(token.expose_secret())
        );
        let request = Request::post(self.target.clone(), body)
            .headers(headers)
            .within(PATIENCE)
            .at_most(MAX_ANSWER, Excess::Fail);
        let answer = self
            .dialer
            .request(&request)
            .await
            .map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("status {}", answer.status.as_u16()));
        }
        serde_json::from_slice(&answer.body).map_err(|_| "not a JSON object".to_owned())
    }
}

/// HTTP Basic, each part encoded as RFC 6749, 2.3.1 wants it.
fn basic(client: &str, secret: &SecretString) -> HeaderValue {
    let pair = format!("{}:{}", escaped(client), escaped(secret.expose_secret()));
    let text = format!("Basic {}", BASE64_STANDARD.encode(pair));
    let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

/// Percent-encoded for a form.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g2_1_forms_are_percent_encoded() {
        assert_eq!(escaped("a b&c=ä+~"), "a%20b%26c%3D%C3%A4%2B~");
        let value = basic("client:1", &"p@ss".to_owned().into());
        assert!(value.is_sensitive());
        let text = value
            .to_str()
            .unwrap()
            .strip_prefix("Basic ")
            .unwrap()
            .to_owned();
        assert_eq!(BASE64_STANDARD.decode(text).unwrap(), b"client%3A1:p%40ss");
    }
}
