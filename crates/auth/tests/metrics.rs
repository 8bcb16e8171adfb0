//! What is counted, and by which names.

#![allow(clippy::unwrap_used)] // outside of test functions, too

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use metrics_exporter_prometheus::PrometheusBuilder;
use stentor_auth::config::Config;
use stentor_auth::{Authenticator, Parts, Place, RequestHead, UsedTokens};
use stentor_event::Timestamp;
use stentor_net::dial::Dialer;
use stentor_sql::Dialect;
use stentor_sql::testing::House;

async fn ask(node: &Authenticator, authorization: Option<&'static str>) {
    let value = authorization.map(HeaderValue::from_static);
    let headers: HeaderMap = value
        .into_iter()
        .map(|value| (header::AUTHORIZATION, value))
        .collect();
    let head = RequestHead {
        method: "GET",
        path_and_query: "/",
        headers: &headers,
        place: Place {
            public_urls: &[],
            local: None,
        },
        body: &[],
        client: IpAddr::from([127, 0, 0, 1]),
    };
    assert!(node.authenticate(&head, Timestamp(1)).await.is_err());
}

#[tokio::test]
async fn g7_attempts_are_counted_by_method_and_outcome() {
    let handle = PrometheusBuilder::new().install_recorder().unwrap();
    let house = House::new(Dialect::Sqlite).await;
    let records = house.open().await;
    let parts = Parts {
        config: Config::default(),
        dialer: Dialer::new(&stentor_net::dial::Config::default()).unwrap(),
        secrets: house.folder().join("secrets"),
        replay: Arc::new(UsedTokens::new(records.clone(), 10)),
        records,
    };
    let node = Authenticator::open(parts, Timestamp(1)).await.unwrap();
    ask(&node, None).await;
    ask(&node, Some("Basic YTpi")).await;
    for _ in 0..2 {
        ask(
            &node,
            Some("Bearer stk_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        )
        .await;
    }
    let text = handle.render();
    for line in [
        "stentor_auth_attempts_total{method=\"none\",outcome=\"missing\"} 1",
        "stentor_auth_attempts_total{method=\"none\",outcome=\"malformed\"} 1",
        "stentor_auth_attempts_total{method=\"api_key\",outcome=\"unknown\"} 2",
        "stentor_auth_keys 0",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} in {text}");
    }
}
