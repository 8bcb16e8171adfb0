//! What goes on in the background.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use stentor_auth::{EndReason, Surface};
use stentor_sql::testing::{Cluster, House};
use stentor_sql::{DatabaseUrl, Dialect};

use crate::common::*;

/// What it gives can be given to tasks.
#[tokio::test]
async fn g2_2_it_runs_and_answers_in_tasks() {
    let house = House::new(Dialect::Sqlite).await;
    let node = Arc::new(node(&house).await);
    let own = Arc::clone(&node);
    let running = tokio::spawn(async move { own.run(|| NOW).await });
    let answer = tokio::spawn(async move {
        let minted = key(&node, NOW).await;
        let principal = with(&node, &minted.text, NOW).await.unwrap();
        let ticket = node
            .mint_ticket(&principal, Surface::WebSocket, NOW)
            .await
            .unwrap();
        let text = ticket.text.expose_secret();
        let opened = node
            .redeem(text, Surface::WebSocket, None, CLIENT, NOW)
            .await;
        opened.map(|opened| node.still_good(&opened.principal, NOW))
    });
    assert_eq!(answer.await.unwrap(), Ok(Ok(())));
    running.abort();
}

/// A revocation on another node is heard of without anybody asking.
#[tokio::test]
async fn g2_2_a_running_node_hears_of_revocations_within_five_seconds() {
    let house = House::new(Dialect::Sqlite).await;
    let (here, there) = (Arc::new(node(&house).await), node(&house).await);
    let (first, second) = (key(&here, NOW).await, key(&here, NOW).await);
    let principal = with(&here, &second.text, NOW).await.unwrap();
    let own = Arc::clone(&here);
    let running = tokio::spawn(async move { own.run(|| NOW).await });
    let mut changes = here.registry().watch();
    changes.mark_unchanged();
    // The first poll is at once: it is the second that has to be waited for.
    for minted in [&first, &second] {
        there
            .registry()
            .revoke(&minted.key.id, None, NOW)
            .await
            .unwrap();
        let heard = tokio::time::timeout(Duration::from_secs(4), changes.changed()).await;
        heard.unwrap().unwrap();
    }
    assert_eq!(here.still_good(&principal, NOW), Err(EndReason::Revoked));
    running.abort();
}

/// G6.3: the server of the records is away for a while; what is known goes on, and afterwards all is as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g6_3_without_its_database_a_node_knows_its_own_and_recovers() {
    let cluster = Cluster::start();
    let mut house = House::new(Dialect::Sqlite).await;
    house.config.url = Some(DatabaseUrl::new(
        cluster.url(&cluster.create_database().await),
    ));
    house.config.acquire_ms = 2_000;
    house.config.connect_ms = 2_000;
    let (here, there) = (node(&house).await, node(&house).await);
    let (known, revoked) = (key(&here, NOW).await, key(&here, NOW).await);
    let principal = with(&here, &revoked.text, NOW).await.unwrap();
    let ticket = here
        .mint_ticket(&principal, Surface::Events, NOW)
        .await
        .unwrap();
    cluster.stop();
    assert!(here.poll(later(30)).await.is_err());
    with(&here, &known.text, later(30)).await.unwrap();
    assert_eq!(here.still_good(&principal, later(30)), Ok(()));
    let text = ticket.text.expose_secret();
    let away = here
        .redeem(text, Surface::Events, None, CLIENT, later(30))
        .await;
    assert!(is_unavailable(&away));
    let token = here
        .issue_token(&principal, principal.scopes, 60, later(30))
        .unwrap();
    with(&here, &token.token, later(30)).await.unwrap();
    assert_eq!(
        here.still_good(&principal, later(61)),
        Err(EndReason::Unverified)
    );
    assert!(is_unavailable(&with(&here, &known.text, later(61)).await));
    cluster.start_again();
    there
        .registry()
        .revoke(&revoked.key.id, None, later(62))
        .await
        .unwrap();
    here.poll(later(62)).await.unwrap();
    with(&here, &known.text, later(62)).await.unwrap();
    assert_eq!(
        here.still_good(&principal, later(62)),
        Err(EndReason::Revoked)
    );
}
