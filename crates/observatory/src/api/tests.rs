//! The routes as a client meets them, on both databases.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};
use stentor_auth::{Principal, Scope, Scopes};
use stentor_event::{EventBuilder, Kind, VisibilityRules};
use stentor_net::client::IpScope;
use stentor_serve::RequestInfo;
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use stentor_store::{Outcome, Submission};
use tower::ServiceExt;

use super::Door;
use crate::config::Config;
use crate::ground::Ground;
use crate::provenance::{How, Pair, credit};
use crate::role::Observatory;
use crate::table::RelayId;
use crate::testing::{ground, key};

both_engines!(
    o4_2_who_may_not_is_told_nothing,
    o4_2_what_has_not_changed_is_not_sent_again,
    o4_2_each_documented_route_answers_as_documented,
    o4_2_lists_are_tables_too,
    o4_5_watches_are_made_listed_and_ended,
    o4_2_what_is_public_is_for_everybody_and_watches_are_not,
    o4_2_what_the_relay_keeps_private_is_so_without_a_door,
    o4_6_what_is_not_for_everybody_is_delivered_by_nobody,
);

/// Lets in whoever names a scope.
struct Names;

impl Door for Names {
    fn who<'a>(
        &'a self,
        head: &'a Parts,
        _: &'a RequestInfo,
        _: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Principal, Response>> + Send + 'a>> {
        let named = head.headers.get(header::AUTHORIZATION);
        let scopes = named.and_then(|value| value.to_str().ok()).map(str::parse);
        Box::pin(async move {
            match scopes {
                Some(Ok(scopes)) => Ok(Principal::public(scopes)),
                _ => Err(StatusCode::UNAUTHORIZED.into_response()),
            }
        })
    }

    fn rules(&self) -> Arc<VisibilityRules> {
        Arc::default()
    }
}

struct Subject {
    routes: Router,
    document: Value,
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Subject {
    async fn new(house: &House, config: Config, door: bool) -> Self {
        Self::on(ground(house, config).await, door).await
    }

    async fn on(ground: Arc<Ground>, door: bool) -> Self {
        let sql = "INSERT INTO observatory_relays (id, url, network, state, found_ms, found_by, failures, next_ms, status, name)
                   VALUES (?, ?, 'clearnet', 'relay', 1, 'seed', 0, 0, 'online', ?)";
        ground
            .records
            .write(move |tx| {
                for id in 1..=3_i64 {
                    tx.execute(sql, (id, format!("wss://r{id}.example/"), "=1,\"x\"\r\n"))?;
                }
                Ok::<_, stentor_sql::Error>(())
            })
            .await
            .unwrap();
        let observatory = Observatory { ground };
        let door = door.then(|| Arc::new(Names) as Arc<dyn Door>);
        let (routes, document) = observatory.routes(door);
        Self {
            routes,
            document: serde_json::to_value(document).unwrap(),
        }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let path = format!("/api/v1/observatory/{path}");
        self.open(method, &path, headers, body).await
    }

    async fn open(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        request.extensions_mut().insert(RequestInfo {
            peer: address,
            local: None,
            client: address.ip(),
            scope: IpScope::from(address.ip()),
            secure: false,
            listener: Arc::from("test"),
        });
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Got {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str, scope: Option<Scope>) -> Got {
        let scope = scope.map(Scope::as_str);
        let headers: Vec<_> = scope
            .iter()
            .map(|scope| ("authorization", *scope))
            .collect();
        self.send("GET", path, &headers, "").await
    }
}

const READ: Option<Scope> = Some(Scope::ObservatoryRead);
const MANAGE: Option<Scope> = Some(Scope::ObservatoryManage);

async fn o4_2_who_may_not_is_told_nothing(house: House) {
    let subject = Subject::new(&house, Config::default(), true).await;
    for path in [
        "relays",
        "relays/1",
        "network",
        "relays?nonsense=1",
        "events",
    ] {
        assert_eq!(subject.get(path, None).await.status, 401, "{path}");
        assert_eq!(subject.get(path, MANAGE).await.status, 403, "{path}");
    }
    assert_eq!(subject.get("relays", READ).await.status, 200);
    assert_eq!(subject.get("watches", READ).await.status, 403);
    assert_eq!(subject.get("watches", MANAGE).await.status, 200);
    for (method, path) in [("POST", "watches"), ("DELETE", "watches/x")] {
        assert_eq!(subject.send(method, path, &[], "{}").await.status, 401);
        let reader = [("authorization", Scope::ObservatoryRead.as_str())];
        assert_eq!(subject.send(method, path, &reader, "{}").await.status, 403);
    }
    let wrong = subject.get("relays?nonsense=1", READ).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(
        wrong.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert!(
        wrong.json()["detail"]
            .as_str()
            .unwrap()
            .starts_with("nonsense: ")
    );
    assert_eq!(subject.get("relays/99", READ).await.status, 404);
}

async fn o4_2_what_has_not_changed_is_not_sent_again(house: House) {
    let subject = Subject::new(&house, Config::default(), true).await;
    let first = subject.get("relays", READ).await;
    let tag = first.headers[header::ETAG].to_str().unwrap().to_owned();
    assert!(tag.starts_with("W/\""));
    assert_eq!(first.headers[header::CACHE_CONTROL], "private, no-cache");
    let headers = [
        ("authorization", "observatory:read"),
        ("if-none-match", &*tag),
    ];
    let second = subject.send("GET", "relays", &headers, "").await;
    assert_eq!(
        (second.status, &*second.body),
        (StatusCode::NOT_MODIFIED, "")
    );
    assert_eq!(second.headers[header::ETAG], *tag);
    let other = subject.send("GET", "relays?limit=1", &headers, "").await;
    assert_eq!(other.status, 200, "another question has another answer");
}

async fn o4_2_each_documented_route_answers_as_documented(house: House) {
    let subject = Subject::new(&house, Config::default(), true).await;
    let paths = subject.document["paths"].as_object().unwrap();
    assert!(paths.len() >= 27, "{}", paths.len());
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let below = path.strip_prefix("/api/v1/observatory/").unwrap();
            let none = "0".repeat(64);
            let path = below
                .replace("{relay}", "wss%3A%2F%2Fr1.example%2F")
                .replace("{id}", &none)
                .replace("{pubkey}", &none);
            let scopes = Scopes::NONE
                .with(Scope::ObservatoryRead)
                .with(Scope::ObservatoryManage);
            let scopes = scopes.to_string();
            let headers = [("authorization", &*scopes)];
            let got = subject
                .send(&method.to_uppercase(), &path, &headers, "")
                .await;
            let expected = match (below, &**method) {
                ("watches", "post") => 400,
                ("events/{id}" | "watches/{id}", _) => 404,
                _ => 200,
            };
            assert_eq!(got.status, expected, "{method} {path}: {}", got.body);
            let documented = &operation["responses"][got.status.as_str()];
            let kind = got.headers[header::CONTENT_TYPE].to_str().unwrap();
            let schema = &documented["content"][kind]["schema"];
            assert!(schema.is_object(), "{method} {path}: {documented}");
            if expected == 200 {
                let name = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
                let schema = &subject.document["components"]["schemas"][name];
                let body = got.json();
                let fields = body.as_object().unwrap().keys();
                let parts = schema["allOf"].as_array().cloned().unwrap_or_default();
                for field in fields {
                    // What is flattened stands in a part that refers to another form.
                    let in_part = |part: &Value| {
                        let name = part["$ref"]
                            .as_str()
                            .map_or("", |name| name.rsplit('/').next().unwrap());
                        let other = &subject.document["components"]["schemas"][name];
                        part["properties"][field].is_object()
                            || other["properties"][field].is_object()
                    };
                    let known =
                        schema["properties"][field].is_object() || parts.iter().any(in_part);
                    assert!(known, "{name}.{field}");
                }
            }
        }
    }
}

async fn o4_2_lists_are_tables_too(house: House) {
    let subject = Subject::new(&house, Config::default(), true).await;
    let got = subject.get("relays?format=csv&limit=1", READ).await;
    assert_eq!(got.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let (heading, row) = got.body.split_once("\r\n").unwrap();
    assert!(heading.starts_with("id,url,network,"), "{heading}");
    let expected = "1,wss://r1.example/,clearnet,relay,online,,\"'=1,\"\"x\"\"\r\n\",,";
    assert!(row.starts_with(expected), "{row}");
    assert_eq!(subject.get("network?format=csv", READ).await.status, 400);
    assert_eq!(subject.get("relays?format=xml", READ).await.status, 400);
}

async fn o4_5_watches_are_made_listed_and_ended(house: House) {
    let subject = Subject::new(&house, Config::default(), true).await;
    let headers = [("authorization", "observatory:manage")];
    let wish = json!({"url": "wss://R1.example"}).to_string();
    let made = subject.send("POST", "watches", &headers, &wish).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let listed = subject.get("watches", MANAGE).await.json();
    assert_eq!(listed["watches"][0]["url"], "wss://r1.example/");
    for wrong in [
        "{",
        r#"{"url":"x"}"#,
        r#"{"url":"wss://a.example","recipient":"npub"}"#,
        r#"{"url":"wss://a.example","x":1}"#,
    ] {
        assert_eq!(
            subject
                .send("POST", "watches", &headers, wrong)
                .await
                .status,
            400,
            "{wrong}"
        );
    }
    let path = format!("watches/{id}");
    assert_eq!(
        subject.send("DELETE", &path, &headers, "").await.status,
        204
    );
    assert_eq!(
        subject.send("DELETE", &path, &headers, "").await.status,
        404
    );
    assert_eq!(
        subject
            .send("DELETE", "watches/%00", &headers, "")
            .await
            .status,
        404
    );
}

async fn o4_2_what_is_public_is_for_everybody_and_watches_are_not(house: House) {
    let config = Config {
        public: true,
        ..Config::default()
    };
    let subject = Subject::new(&house, config, false).await;
    let got = subject.get("relays", None).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.headers[header::CACHE_CONTROL], "public, max-age=10");
    assert_eq!(
        subject.get("watches", MANAGE).await.status,
        403,
        "nobody is known without a door"
    );
}

/// A ground of which anybody may read all but what the relay keeps private, which is reactions.
async fn with_private_reactions(house: &House) -> Ground {
    let config = Config {
        public: true,
        ..Config::default()
    };
    let mut ground = Arc::into_inner(ground(house, config).await).unwrap();
    ground.rules = Arc::new(VisibilityRules::new([Kind(7)], []));
    ground
}

async fn o4_2_what_the_relay_keeps_private_is_so_without_a_door(house: House) {
    let ground = with_private_reactions(&house).await;
    let now = ground.clock.now();
    let events = [1, 7].map(|kind| Submission {
        event: EventBuilder::new(Kind(kind), now).sign(&key(3)),
        verified: true,
    });
    let private = format!("events/{}", events[1].event.id());
    ground.archive.submit(events.into(), now).await.unwrap();
    let ground = Arc::new(ground);
    let pages = Observatory {
        ground: ground.clone(),
    };
    let mut subject = Subject::on(ground, false).await;
    subject.routes = subject.routes.merge(pages.pages(None));
    for (query, count) in [("kinds=1", 1), ("kinds=7", 0), ("", 1)] {
        let got = subject.get(&format!("events?{query}"), None).await.json();
        assert_eq!(got["events"].as_array().unwrap().len(), count, "{query}");
    }
    assert_eq!(subject.get(&private, None).await.status, 404);
    let page = async |path: &str| subject.open("GET", path, &[], "").await;
    assert_eq!(page(&format!("/observatory/{private}")).await.status, 404);
    let list = page("/observatory/events?kinds=7").await;
    assert!(list.body.contains("No event passes these filters"));
}

async fn o4_6_what_is_not_for_everybody_is_delivered_by_nobody(house: House) {
    let ground = with_private_reactions(&house).await;
    let now = ground.clock.now();
    let build = |kind: u16| EventBuilder::new(Kind(kind), now);
    let protected = build(1).content("protected").tag(["-"]).sign(&key(4));
    let inside = String::from_utf8(protected.json().to_vec()).unwrap();
    let events = [
        build(1).content("open").sign(&key(3)),
        build(7).content("private").sign(&key(3)),
        build(1).content("mine").tag(["-"]).sign(&key(3)),
        build(6).content(inside).sign(&key(3)),
    ];
    let batch = events.map(|event| Submission {
        event,
        verified: true,
    });
    let outcomes = ground.archive.submit(batch.into(), now).await.unwrap();
    let ground = Arc::new(ground);
    let records = ground.records.clone();
    let subject = Subject::on(ground, false).await;
    // The first relay has the event that is open, the others one each that is not for everybody.
    let pairs = outcomes.iter().zip([1, 2, 3, 3]);
    let pair = |(outcome, relay): (&Outcome, i64)| match outcome {
        Outcome::Stored(number) => Pair {
            number: number.0,
            relay: RelayId(relay),
            seen_ms: 1,
            created_ms: 1,
            how: How::Fetched,
        },
        other => panic!("{other:?}"),
    };
    let pairs: Vec<Pair> = pairs.map(pair).collect();
    records.write(move |tx| credit(tx, &pairs)).await.unwrap();
    let path = format!("ranking/authors/{}", key(3).public_key());
    let found = subject.get(&path, None).await.json();
    assert_eq!(
        (&found["of"], &found["bound_reached"]),
        (&1.into(), &false.into())
    );
    let relays = found["relays"].as_array().unwrap().iter();
    let relays: Vec<&Value> = relays.map(|relay| &relay["url"]).collect();
    assert_eq!(relays, ["wss://r1.example/"]);
}
