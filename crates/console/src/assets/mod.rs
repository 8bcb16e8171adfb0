//! The style, the scripts and the icon: built in, and named after their content, so that browsers keep them for good and
//! never mix those of two versions.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ring::digest::{SHA256, digest};

/// The style of all pages.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "console",
        "css",
        "text/css; charset=utf-8",
        include_str!("console.css"),
    )
});
/// What pages do beyond showing.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "console",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("console.js"),
    )
});
/// Sets the chosen colours before the first painting.
pub static THEME: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "theme",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("theme.js"),
    )
});
/// The icon of the window.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("icon.svg")));

/// Where the assets are.
const FOLDER: &str = "/assets/console/";

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    path: String,
    etag: String,
    kind: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(name: &str, extension: &str, kind: &'static str, content: &'static str) -> Self {
        // 64 bits of the hash tell the versions of a file apart.
        let hash: String = digest(&SHA256, content.as_bytes())
            .as_ref()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            path: format!("{FOLDER}{name}-{hash}.{extension}"),
            etag: format!("\"{hash}\""),
            kind,
            content,
        }
    }

    /// Its path on this host.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    fn response(&self, asked: &HeaderMap) -> Response {
        let headers = [
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (header::ETAG, self.etag.as_str()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        if asked
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .any(|value| self.is_named_by(value))
        {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        ([(header::CONTENT_TYPE, self.kind)], headers, self.content).into_response()
    }

    /// Whether an `If-None-Match` (RFC 9110, 13.1.2) names this content; the comparison is the weak one.
    fn is_named_by(&self, value: &HeaderValue) -> bool {
        value.to_str().is_ok_and(|list| {
            list.split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag)
        })
    }
}

/// The routes of the assets. An address of another version is not found: its page is of another version too, and loads
/// anew.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/console/{name}", get(asset))
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    [&STYLE, &SCRIPT, &THEME, &ICON]
        .into_iter()
        .find(|asset| asset.path.strip_prefix(FOLDER) == Some(name.as_str()))
        .map_or_else(
            || StatusCode::NOT_FOUND.into_response(),
            |asset| asset.response(&headers),
        )
}

#[cfg(test)]
mod tests;
