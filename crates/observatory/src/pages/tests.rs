//! The pages as a browser meets them.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode, header};
use stentor_auth::{Principal, Scopes};
use stentor_event::VisibilityRules;
use stentor_net::client::IpScope;
use stentor_serve::{Drain, RequestInfo};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use tower::ServiceExt;

use super::live;
use crate::api::Door;
use crate::config::Config;
use crate::role::Observatory;
use crate::testing::ground;

both_engines!(
    o4_4_who_may_not_is_asked_for_a_key,
    o4_4_a_key_in_a_cookie_is_judged_at_each_request,
    o4_4_forms_of_others_are_refused,
    o4_4_what_goes_wrong_is_a_page,
    o4_4_a_relay_is_met_by_number_and_by_url,
    o4_4_streams_are_bounded,
);

/// Lets in who has a key that is the name of a scope.
struct Keys;

impl Door for Keys {
    fn who<'a>(
        &'a self,
        head: &'a Parts,
        _: &'a RequestInfo,
        _: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Principal, Response>> + Send + 'a>> {
        let shown = head.headers.get(header::AUTHORIZATION);
        let token = shown
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let scopes: Option<Scopes> = match token {
            Some("reads") => "observatory:read".parse().ok(),
            Some("other") => "observatory:manage".parse().ok(),
            _ => None,
        };
        Box::pin(async move {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"stentor\"")];
            let refused = || (StatusCode::UNAUTHORIZED, challenge).into_response();
            scopes.map(Principal::public).ok_or_else(refused)
        })
    }

    fn rules(&self) -> Arc<VisibilityRules> {
        Arc::default()
    }
}

struct Subject(Router);

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn cookie(&self) -> &str {
        self.headers[header::SET_COOKIE].to_str().unwrap()
    }
}

impl Subject {
    async fn new(house: &House, public: bool, door: bool) -> Self {
        let config = Config {
            public,
            ..Config::default()
        };
        let ground = ground(house, config).await;
        let sql = "INSERT INTO observatory_relays (id, url, network, state, found_ms, found_by, failures, next_ms, status, name)
                   VALUES (?, ?, 'clearnet', 'relay', 1, 'seeds', 0, 0, 'unknown', ?)
                   ON CONFLICT DO NOTHING";
        ground
            .records
            .write(move |tx| {
                for id in 1..=60_i64 {
                    tx.execute(
                        sql,
                        (id, format!("wss://r{id}.example/"), "<script>x</script>"),
                    )?;
                }
                Ok::<_, stentor_sql::Error>(())
            })
            .await
            .unwrap();
        let door = door.then(|| Arc::new(Keys) as Arc<dyn Door>);
        Self(Observatory { ground }.pages(door))
    }

    async fn open(&self, mut request: Request<Body>) -> Response {
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let is_secure = request.headers().contains_key("x-over-tls");
        request.extensions_mut().insert(RequestInfo {
            peer: address,
            local: None,
            client: address.ip(),
            scope: IpScope::from(address.ip()),
            secure: is_secure,
            listener: Arc::from("test"),
        });
        request.extensions_mut().insert(Drain::new().signal());
        self.0.clone().oneshot(request).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (head, body) = self.open(request).await.into_parts();
        let body = to_bytes(body, 4 << 20).await.unwrap();
        Got {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        self.send("GET", path, headers, "").await
    }
}

const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn o4_4_who_may_not_is_asked_for_a_key(house: House) {
    let subject = Subject::new(&house, false, true).await;
    for path in [
        "/observatory/relays?status=online&x=1",
        "/observatory/relays/1",
        "/observatory/live",
        "/observatory/none",
    ] {
        let got = subject.get(path, &[]).await;
        assert_eq!(got.status, 401, "{path}");
        assert!(!got.body.contains("r1.example"), "{path}");
        assert!(got.headers.contains_key(header::WWW_AUTHENTICATE));
        // The form leads back to where one was going.
        let to = format!("name=\"to\" value=\"{}\"", path.replace('&', "&amp;"));
        assert!(got.body.contains(&to), "{path}");
        let other = [("authorization", "Bearer other")];
        assert_eq!(subject.get(path, &other).await.status, 403, "{path}");
    }
    let reads = [("authorization", "Bearer reads")];
    let got = subject.get("/observatory/relays", &reads).await;
    assert_eq!(got.status, 200);
    assert!(got.body.contains("r1.example"));
    assert_eq!(got.headers[header::CACHE_CONTROL], "private, no-cache");
    drop(subject);
    let nobody = Subject::new(&house, false, false).await;
    let got = nobody.get("/observatory/relays", &[]).await;
    assert_eq!(got.status, 403);
    assert!(got.body.contains("observatory.public"));
    drop(nobody);
    let public = Subject::new(&house, true, false).await;
    let got = public.get("/observatory/relays", &[]).await;
    assert_eq!(got.status, 200);
    assert!(!got.body.contains("Sign out"));
}

async fn o4_4_a_key_in_a_cookie_is_judged_at_each_request(house: House) {
    let subject = Subject::new(&house, false, true).await;
    let sign_in = "/observatory/sign-in";
    let form = "to=%2Fobservatory%2Frelays%3Fstatus%3Donline&token=reads";
    let got = subject.send("POST", sign_in, &[OURS], form).await;
    assert_eq!(got.status, 303);
    assert_eq!(
        got.headers[header::LOCATION],
        "/observatory/relays?status=online"
    );
    let cookie = got.cookie();
    assert!(
        cookie
            .starts_with("stentor_observatory=reads; Path=/observatory; HttpOnly; SameSite=Strict")
    );
    assert!(!cookie.contains("Secure"));
    let tls = [OURS, ("x-over-tls", "1")];
    let over_tls = subject.send("POST", sign_in, &tls, form).await;
    assert!(over_tls.cookie().ends_with("; Secure"));
    for (key, status) in [("reads", 200), ("gone", 401), ("other", 403)] {
        let cookie = format!("a=b; stentor_observatory={key}");
        let got = subject
            .get("/observatory/relays", &[("cookie", &cookie)])
            .await;
        assert_eq!(got.status, status, "{key}");
        assert!(got.body.contains("Sign out"), "{key}");
    }
    // A key that is not good, or may not read, is not kept, and nobody is led elsewhere.
    for (form, status) in [
        ("token=bad", 401),
        ("token=a%3Bb", 401),
        ("token=", 401),
        ("token=other", 403),
    ] {
        let got = subject.send("POST", sign_in, &[OURS], form).await;
        assert_eq!(got.status, status, "{form}");
        assert!(!got.headers.contains_key(header::SET_COOKIE), "{form}");
    }
    let form = "token=reads&to=https%3A%2F%2Fevil.example%2F";
    let got = subject.send("POST", sign_in, &[OURS], form).await;
    assert_eq!(got.headers[header::LOCATION], "/observatory");
    let got = subject
        .send("POST", "/observatory/sign-out", &[OURS], "")
        .await;
    assert_eq!(got.status, 303);
    assert!(
        got.cookie().starts_with("stentor_observatory=; ") && got.cookie().contains("Max-Age=0")
    );
    let long = format!("token={}", "x".repeat(20_000));
    assert_eq!(
        subject.send("POST", sign_in, &[OURS], &long).await.status,
        400
    );
}

async fn o4_4_forms_of_others_are_refused(house: House) {
    let subject = Subject::new(&house, false, true).await;
    let foreign: [&[(&str, &str)]; 4] = [
        &[],
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://n.example"),
            ("host", "n.example"),
        ],
        &[("origin", "https://evil.example"), ("host", "n.example")],
        &[("origin", "null"), ("host", "n.example")],
    ];
    for headers in foreign {
        for path in ["/observatory/sign-in", "/observatory/sign-out"] {
            let got = subject.send("POST", path, headers, "token=reads").await;
            assert_eq!(got.status, 403, "{headers:?}");
            assert!(!got.headers.contains_key(header::SET_COOKIE));
        }
    }
    let own = [("origin", "http://n.example:80"), ("host", "n.example:80")];
    let got = subject
        .send("POST", "/observatory/sign-in", &own, "token=reads")
        .await;
    assert_eq!(got.status, 303);
}

async fn o4_4_what_goes_wrong_is_a_page(house: House) {
    let subject = Subject::new(&house, true, true).await;
    let wrong = subject
        .get("/observatory/relays?statsu=online&text=a", &[])
        .await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("<strong>statsu</strong>"));
    assert!(
        wrong.body.contains("href=\"/observatory/relays?text=a\""),
        "the way on"
    );
    let wrong = subject.get("/observatory/relays?nip=%3Cb%3E", &[]).await;
    assert!(wrong.status == 400 && !wrong.body.contains("<b>"));
    for path in ["/observatory/relays/99", "/observatory/nowhere"] {
        let got = subject.get(path, &[]).await;
        assert_eq!(got.status, 404, "{path}");
        assert!(got.body.contains("<nav aria-label=\"Pages\">"));
    }
    assert_eq!(
        subject.get("/observatory/relays/x%20y", &[]).await.status,
        400
    );
    assert_eq!(
        subject
            .get("/observatory/relays/1?hours=0", &[])
            .await
            .status,
        400
    );
    let policy = &wrong.headers[header::CONTENT_SECURITY_POLICY];
    assert!(policy.to_str().unwrap().contains("form-action 'self'"));
}

async fn o4_4_a_relay_is_met_by_number_and_by_url(house: House) {
    let subject = Subject::new(&house, true, true).await;
    let by_number = subject.get("/observatory/relays/7?hours=168", &[]).await;
    let by_url = "/observatory/relays/wss%3A%2F%2Fr7.example%2F?hours=168";
    let by_url = subject.get(by_url, &[]).await;
    for got in [&by_number, &by_url] {
        assert_eq!(got.status, 200);
        assert!(got.body.contains("wss://r7.example/") && !got.body.contains("<script>x"));
        assert!(got.body.contains("&lt;script&gt;x"));
    }
    // Parts that are not asked for are not made.
    let part = [("x-fragment", "relay-checks")];
    let part = subject.get("/observatory/relays/7", &part).await;
    assert!(part.body.contains("It has not been checked yet."));
    assert!(!part.body.contains("Online over"));
    // The list goes on where it ended.
    let first = subject.get("/observatory/relays", &[]).await;
    assert_eq!(first.body.matches("<tr role=\"row\" data-key").count(), 50);
    let next = first
        .body
        .split("href=\"")
        .find(|rest| rest.contains("\" rel=\"next\""))
        .unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let rest = subject.get(&next, &[]).await;
    assert_eq!(rest.body.matches("<tr role=\"row\" data-key").count(), 10);
}

async fn o4_4_streams_are_bounded(house: House) {
    let subject = Subject::new(&house, true, true).await;
    let ask = || {
        Request::get("/observatory/live")
            .body(Body::empty())
            .unwrap()
    };
    let mut open = Vec::new();
    for _ in 0..live::MOST {
        let response = subject.open(ask()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        open.push(response);
    }
    let refused = subject.open(ask()).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    open.pop();
    assert_eq!(subject.open(ask()).await.status(), 200);
}
