//! The routes, and what the style promises.

use axum::body::Body;
use http::Request;
use tower::ServiceExt;

use super::*;

async fn ask(path: &str, tag: Option<&str>) -> Response {
    let mut request = Request::get(path);
    if let Some(tag) = tag {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    let router: Router = router();
    router
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn o4_4_assets_are_kept_for_good_by_a_name_of_their_content() {
    for asset in [&STYLE, &SCRIPT, &THEME, &ICON] {
        let response = ask(asset.path(), None).await;
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(
            headers[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers.get_all(header::CONTENT_TYPE).iter().count(), 1);
        assert_eq!(headers[header::CONTENT_TYPE], asset.kind);
        let tag = headers[header::ETAG].to_str().unwrap().to_owned();
        for named in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            assert_eq!(
                ask(asset.path(), Some(&named)).await.status(),
                StatusCode::NOT_MODIFIED
            );
        }
        assert_eq!(
            ask(asset.path(), Some("\"x\"")).await.status(),
            StatusCode::OK
        );
    }
    assert_eq!(
        ask("/assets/console/console-0000000000000000.css", None)
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
}

#[test]
fn o4_4_assets_load_nothing() {
    for asset in [&STYLE, &SCRIPT, &THEME, &ICON] {
        let text = asset.content.replace("http://www.w3.org/2000/svg", "");
        for loading in ["http:", "https:", "url(", "@import", "eval(", "innerHTML"] {
            assert!(!text.contains(loading), "{} has {loading}", asset.path);
        }
    }
}

/// Both colours of a custom property that is `light-dark(#…, #…)`.
fn colours(name: &str) -> [[f64; 3]; 2] {
    let start = format!("--{name}: light-dark(");
    let (_, rest) = STYLE
        .content
        .split_once(&start)
        .unwrap_or_else(|| panic!("no --{name}"));
    let (pair, _) = rest.split_once(')').unwrap();
    let read = |text: &str| {
        let digits = text.trim().strip_prefix('#').unwrap();
        [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()) / 255.0)
    };
    let (light, dark) = pair.split_once(',').unwrap();
    [read(light), read(dark)]
}

/// Contrast as WCAG 2.2 defines it.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let luminance = |colour: [f64; 3]| {
        let [r, g, b] = colour.map(|c| {
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn o4_4_text_and_lines_can_be_told_from_their_ground_in_both_themes() {
    let text = ["ink", "soft", "accent", "good", "warn", "bad", "idle"];
    let drawn = [
        "series-1", "series-2", "series-3", "series-4", "series-5", "series-6", "edge",
    ];
    for theme in [0, 1] {
        for ground in ["ground", "card", "raised"] {
            for name in text {
                let found = contrast(colours(name)[theme], colours(ground)[theme]);
                assert!(
                    found >= 4.5,
                    "--{name} on --{ground}, theme {theme}: {found:.2}"
                );
            }
            for name in drawn {
                let found = contrast(colours(name)[theme], colours(ground)[theme]);
                assert!(
                    found >= 3.0,
                    "--{name} on --{ground}, theme {theme}: {found:.2}"
                );
            }
        }
        for name in ["good", "warn", "bad", "idle", "accent"] {
            let found = contrast(
                colours(name)[theme],
                colours(&format!("{name}-tint"))[theme],
            );
            assert!(
                found >= 4.5,
                "--{name} on its tint, theme {theme}: {found:.2}"
            );
        }
    }
}
