//! Signing in: a browser cannot send a key with each page it goes to, so the key is kept in a cookie.
//!
//! There are no sessions here. The cookie is the key or token itself, which the door judges at each request as it judges the header
//! `Authorization`: what is revoked, or has ended, opens nothing from then on. No script can read it (`HttpOnly`), no other host's page can
//! have it sent (`SameSite=Strict`), it goes to these pages only (`Path`), and over TLS only where it came by TLS. It ends with the browser.

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use maud::html;
use stentor_console::component::{Level, notice};
use stentor_console::link::safe;
use stentor_serve::RequestInfo;
use url::form_urlencoded;

use super::shell::{Frame, HOME, Shown};
use super::visit::bearer;
use super::{Pages, failure};
use crate::api::Failure;

/// Where one signs in and out.
pub(super) const IN: &str = "/observatory/sign-in";
pub(super) const OUT: &str = "/observatory/sign-out";
/// The cookie.
const NAME: &str = "stentor_observatory";
/// Bytes of a token: browsers keep cookies of 4,096 with their name and attributes.
const LONGEST: usize = 3_800;
/// Bytes of a form.
const FORM: usize = 16 << 10;

/// The token in the cookie.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter();
    let mut pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == NAME)
        .map(|(_, token)| token)
        .filter(|token| is_token(token))
}

/// Whether this can be a bearer token (RFC 6750, 2.1): none of its characters means anything in a cookie.
fn is_token(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(good)
}

/// The page with the form.
pub(super) async fn form(State(pages): State<Pages>, head: Parts) -> Response {
    let frame = Frame::of(&head, &pages);
    if pages.is_public() {
        return away(HOME);
    }
    again(&frame, StatusCode::OK, None)
}

/// What is said to who was not let in, where something is to be said.
pub(super) fn refused(frame: &Frame) -> Option<&'static str> {
    frame
        .has_cookie
        .then_some("This key is not good any more. Sign in with another.")
}

/// The form, at whatever address a key is needed for.
pub(super) fn again(frame: &Frame, status: StatusCode, why: Option<&str>) -> Response {
    let at = frame.query.path();
    let to = if at == IN || at == OUT {
        frame.query.get("to").map_or(HOME, own).to_owned()
    } else {
        frame.query.href()
    };
    let body = html! {
        h1 { "Sign in" }
        @if let Some(why) = why { (notice(Level::Warning, why)) }
        p {
            "These pages are not public. They take an API key or token of this node with the scope " code { "observatory:read" }
            ". Its operator makes one with " code { "stentor admin keys create --name pages --scope observatory:read" } "."
        }
        form class="filters sign-in" method="post" action=(IN) {
            input type="hidden" name="to" value=(to);
            label class="field" {
                span { "Key or token" }
                input type="password" name="token" required maxlength=(LONGEST) autocomplete="current-password" autocapitalize="none"
                    spellcheck="false";
            }
            div class="filter-ends" { button type="submit" { "Sign in" } }
        }
        p class="hint" { "It is kept in a cookie for these pages alone until the browser is closed, or you sign out." }
    };
    let title = "Sign in".to_owned();
    frame.refuse(status, Shown { title, body })
}

/// Takes a key, and keeps it in the cookie if it is good.
pub(super) async fn enter(State(pages): State<Pages>, request: Request<Body>) -> Response {
    let (mut head, body) = request.into_parts();
    let frame = Frame::of(&head, &pages);
    if !is_own(&head) {
        return foreign(&frame);
    }
    let Ok(body) = to_bytes(body, FORM).await else {
        let why = "form: too long".to_owned();
        return failure::page(&frame, Failure::Wrong(why));
    };
    let field = |wanted: &str| {
        let mut fields = form_urlencoded::parse(&body);
        let found = fields.find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.trim().to_owned())
    };
    let to = field("to").unwrap_or_default();
    let again = |why| {
        let frame = frame.asked_for(own(&to));
        again(&frame, StatusCode::UNAUTHORIZED, Some(why))
    };
    let token = field("token").unwrap_or_default();
    let Some(value) = Some(&*token)
        .filter(|token| is_token(token))
        .and_then(bearer)
    else {
        return again("This is no key.");
    };
    head.headers.insert(header::AUTHORIZATION, value);
    let Some(info) = head.extensions.get::<RequestInfo>() else {
        return failure::page(&frame, Failure::NoDoor);
    };
    match pages.api.reader(&head, info).await {
        Ok(()) => with_cookie(away(own(&to)), &token, info.secure),
        Err(Failure::Answered(answer)) if answer.status() == StatusCode::UNAUTHORIZED => {
            again("This key is not good.")
        }
        Err(failure) => failure::page(&frame, failure),
    }
}

/// Forgets the key.
pub(super) async fn leave(State(pages): State<Pages>, head: Parts) -> Response {
    if !is_own(&head) {
        return foreign(&Frame::of(&head, &pages));
    }
    let is_secure = head.extensions.get::<RequestInfo>();
    let is_secure = is_secure.is_some_and(|info| info.secure);
    with_cookie(away(IN), "", is_secure)
}

/// Whether a form was sent by a page of this host: browsers say so, by one header or the other.
fn is_own(head: &Parts) -> bool {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text("origin").and_then(|origin| origin.split_once("://"));
    let host = text("host").or_else(|| head.uri.authority().map(http::uri::Authority::as_str));
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

fn foreign(frame: &Frame) -> Response {
    let body = html! {
        h1 { "Not from elsewhere" }
        (notice(Level::Warning, "This form was not sent by a page of this node."))
        p { a href=(HOME) { "To the overview" } }
    };
    let title = "Not from elsewhere".to_owned();
    frame.refuse(StatusCode::FORBIDDEN, Shown { title, body })
}

/// The address if it is one of these pages.
fn own(address: &str) -> &str {
    let rest = safe(address).and_then(|address| address.strip_prefix(HOME));
    match rest {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '?']) => address,
        _ => HOME,
    }
}

fn away(to: &str) -> Response {
    let to = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static(HOME));
    let fresh = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to), fresh]).into_response()
}

/// Sets the cookie, or ends it where there is no token.
fn with_cookie(mut response: Response, token: &str, is_secure: bool) -> Response {
    let end = if token.is_empty() { "; Max-Age=0" } else { "" };
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{NAME}={token}; Path={HOME}; HttpOnly; SameSite=Strict{secure}{end}");
    if let Ok(mut value) = HeaderValue::try_from(text) {
        value.set_sensitive(true);
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_nobody_is_led_elsewhere() {
        for good in [
            "/observatory",
            "/observatory?x=1",
            "/observatory/relays?text=a%20b",
        ] {
            assert_eq!(own(good), good);
        }
        for bad in [
            "",
            "//evil.example",
            "https://evil.example/observatory",
            "/observatoryx",
            "/api/v1/x",
            "/observatory/\r\nx",
            "/observatory\u{0}",
        ] {
            assert_eq!(own(bad), HOME, "{bad:?}");
        }
    }

    #[test]
    fn o4_4_only_what_can_be_a_token_is_kept() {
        assert!(is_token("stk_abc.DEF-1~+/=") && is_token(&"x".repeat(LONGEST)));
        for bad in ["", "a b", "a;b", "a,b", "a\"", "ä", "a\n"] {
            assert!(!is_token(bad), "{bad:?}");
        }
        assert!(!is_token(&"x".repeat(LONGEST + 1)));
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; b"));
        let ours = HeaderValue::from_static("c=2;stentor_observatory=stk_x ; d=3");
        headers.append(header::COOKIE, ours);
        assert_eq!(cookie(&headers), Some("stk_x"));
    }
}
