//! Stream tickets.

use secrecy::ExposeSecret;
use stentor_auth::{
    AuthFailure, Authenticator, Category, Credential, EndReason, MintedTicket, Principal, Redeemed,
    Surface,
};
use stentor_event::Timestamp;
use stentor_sql::testing::House;

use crate::common::*;

async fn minted(node: &Authenticator) -> (Principal, MintedTicket) {
    let minted = key(node, NOW).await;
    let principal = with(node, &minted.text, NOW).await.unwrap();
    let ticket = node
        .mint_ticket(&principal, Surface::Events, NOW)
        .await
        .unwrap();
    (principal, ticket)
}

async fn open(
    node: &Authenticator,
    ticket: &MintedTicket,
    last: Option<&str>,
    now: Timestamp,
) -> Result<Redeemed, AuthFailure> {
    node.redeem(
        ticket.text.expose_secret(),
        Surface::Events,
        last,
        CLIENT,
        now,
    )
    .await
}

async fn g2_1_a_ticket_opens_one_stream_and_opens_it_again_with_its_own_position(house: House) {
    let node = node(&house).await;
    let (principal, ticket) = minted(&node).await;
    let stream = open(&node, &ticket, None, later(60)).await.unwrap();
    assert_eq!(
        (&stream.principal.subject, stream.principal.scopes),
        (&principal.subject, principal.scopes)
    );
    assert_eq!(
        stream.principal.credential,
        Credential::Ticket {
            id: ticket.id.clone(),
            number: 1
        }
    );
    assert_eq!(stream.cursor, None);
    let id = stream.lease.seal().seal("AAEC");
    assert!(id.starts_with("AAEC~"));
    assert_eq!(
        refused(open(&node, &ticket, None, later(60)).await),
        Category::Used,
        "twice"
    );
    assert_eq!(
        refused(open(&node, &ticket, Some(""), later(60)).await),
        Category::Used,
        "an empty one is none"
    );
    drop(stream);
    let again = open(&node, &ticket, Some(&id), later(5_000)).await;
    assert!(is_unavailable(&again), "no news of the records for so long");
    node.poll(later(5_000)).await.unwrap();
    let again = open(&node, &ticket, Some(&id), later(5_000)).await.unwrap();
    assert_eq!(again.cursor.as_deref(), Some("AAEC"));
    assert_eq!(node.still_good(&again.principal, later(5_000)), Ok(()));
}

async fn g2_1_another_position_or_another_ticket_does_not_open_it(house: House) {
    let node = node(&house).await;
    let (principal, ticket) = minted(&node).await;
    let other = node
        .mint_ticket(&principal, Surface::Events, NOW)
        .await
        .unwrap();
    let stream = open(&node, &ticket, None, NOW).await.unwrap();
    let others = open(&node, &other, None, NOW).await.unwrap();
    let (own, theirs) = (
        stream.lease.seal().seal("AAEC"),
        others.lease.seal().seal("AAEC"),
    );
    for last in [
        theirs.as_str(),
        "AAEC",
        "AAEC~",
        "~",
        "AAED~AAAAAAAAAAAAAAAAAAAAAA",
        &own.replace("AAEC", "AAED"),
    ] {
        assert_eq!(
            refused(open(&node, &ticket, Some(last), NOW).await),
            Category::Position,
            "{last}"
        );
    }
    assert_eq!(
        node.still_good(&stream.principal, NOW),
        Ok(()),
        "which ends nothing"
    );
    open(&node, &ticket, Some(&own), NOW).await.unwrap();
}

async fn g2_1_a_ticket_is_for_its_minute_and_its_surface(house: House) {
    let node = node(&house).await;
    let (_, ticket) = minted(&node).await;
    let text = ticket.text.expose_secret();
    assert_eq!(ticket.use_before, later(60));
    assert_eq!(
        refused(
            node.redeem(text, Surface::WebSocket, None, CLIENT, NOW)
                .await
        ),
        Category::Surface
    );
    node.poll(later(61)).await.unwrap();
    assert_eq!(
        refused(open(&node, &ticket, None, later(61)).await),
        Category::Late
    );
    node.tidy(later(200)).await;
    node.poll(later(200)).await.unwrap();
    assert_eq!(
        refused(open(&node, &ticket, None, later(200)).await),
        Category::Unknown
    );
    let mut forged = text.to_owned();
    forged.replace_range(25..26, if &forged[25..26] == "A" { "B" } else { "A" });
    let (_, ticket) = minted(&node).await;
    let forged = forged.replace(&forged[4..20], &ticket.id);
    assert_eq!(
        refused(
            node.redeem(&forged, Surface::Events, None, CLIENT, NOW)
                .await
        ),
        Category::Forged
    );
    assert_eq!(
        refused(
            node.redeem("stt_x", Surface::Events, None, CLIENT, NOW)
                .await
        ),
        Category::Malformed
    );
}

async fn g2_1_a_ticket_survives_a_restart(house: House) {
    let (ticket, id) = {
        let node = node(&house).await;
        let (_, ticket) = minted(&node).await;
        let stream = open(&node, &ticket, None, NOW).await.unwrap();
        let id = stream.lease.seal().seal("AAEC");
        // The node dies, and its lease is never given back.
        std::mem::forget(stream.lease);
        (ticket, id)
    };
    let node = node_with(&house, serde_json::json!({}), "secrets", later(10)).await;
    assert_eq!(
        refused(open(&node, &ticket, None, later(10)).await),
        Category::Used
    );
    let stream = open(&node, &ticket, Some(&id), later(10)).await.unwrap();
    assert_eq!(stream.cursor.as_deref(), Some("AAEC"));
    assert_eq!(node.still_good(&stream.principal, later(10)), Ok(()));
}

async fn g2_1_one_connection_at_a_time_the_newest(house: House) {
    let (here, there) = (node(&house).await, node(&house).await);
    let (_, ticket) = minted(&here).await;
    there.poll(NOW).await.unwrap();
    let first = open(&here, &ticket, None, NOW).await.unwrap();
    let id = first.lease.seal().seal("AAEC");
    let second = open(&here, &ticket, Some(&id), NOW).await.unwrap();
    assert_eq!(
        here.still_good(&first.principal, NOW),
        Err(EndReason::Superseded),
        "at once on the same node"
    );
    assert_eq!(here.still_good(&second.principal, NOW), Ok(()));
    let third = open(&there, &ticket, Some(&id), NOW).await.unwrap();
    here.poll(later(2)).await.unwrap();
    assert_eq!(
        here.still_good(&second.principal, later(2)),
        Err(EndReason::Superseded)
    );
    assert_eq!(there.still_good(&third.principal, later(2)), Ok(()));
    drop((first, second));
    there.poll(later(4)).await.unwrap();
    assert_eq!(there.still_good(&third.principal, later(4)), Ok(()));
}

async fn g2_1_two_first_uses_at_once_open_one_stream(house: House) {
    let node = node(&house).await;
    let (_, ticket) = minted(&node).await;
    let (one, two) = tokio::join!(
        open(&node, &ticket, None, NOW),
        open(&node, &ticket, None, NOW)
    );
    let opened = [&one, &two]
        .into_iter()
        .filter(|outcome| outcome.is_ok())
        .count();
    assert_eq!(opened, 1, "{one:?} {two:?}");
    for refusal in [one, two].into_iter().filter_map(Result::err) {
        assert_eq!(refusal.as_str(), "used");
    }
}

async fn g2_2_a_ticket_ends_with_its_credential(house: House) {
    let (here, there) = (node(&house).await, node(&house).await);
    let (principal, ticket) = minted(&here).await;
    let stream = open(&here, &ticket, None, NOW).await.unwrap();
    let id = stream.lease.seal().seal("AAEC");
    let Credential::ApiKey(key) = &principal.credential else {
        panic!()
    };
    there.registry().revoke(key, None, NOW).await.unwrap();
    here.poll(later(2)).await.unwrap();
    assert_eq!(
        here.still_good(&stream.principal, later(2)),
        Err(EndReason::Revoked)
    );
    assert_eq!(
        refused(open(&here, &ticket, Some(&id), later(2)).await),
        Category::Revoked
    );
}

async fn g2_2_a_ticket_is_revoked_by_itself(house: House) {
    let node = node(&house).await;
    let (_, ticket) = minted(&node).await;
    let stream = open(&node, &ticket, None, NOW).await.unwrap();
    node.registry()
        .revoke_credential(&stream.principal.credential, ticket.ends_at, NOW)
        .await
        .unwrap();
    assert_eq!(
        node.still_good(&stream.principal, NOW),
        Err(EndReason::Revoked)
    );
    let id = stream.lease.seal().seal("AAEC");
    assert_eq!(
        refused(open(&node, &ticket, Some(&id), NOW).await),
        Category::Revoked
    );
}

async fn g2_2_a_ticket_ends_with_the_time_of_its_credential(house: House) {
    let node = node(&house).await;
    let (principal, _) = minted(&node).await;
    let ending = Principal {
        expires_at: Some(later(100)),
        ..principal
    };
    let ticket = node
        .mint_ticket(&ending, Surface::Events, NOW)
        .await
        .unwrap();
    assert_eq!(ticket.ends_at, later(100));
    let stream = open(&node, &ticket, None, NOW).await.unwrap();
    let id = stream.lease.seal().seal("AAEC");
    node.poll(later(100)).await.unwrap();
    assert_eq!(node.still_good(&stream.principal, later(99)), Ok(()));
    assert_eq!(
        node.still_good(&stream.principal, later(100)),
        Err(EndReason::Expired)
    );
    assert_eq!(
        refused(open(&node, &ticket, Some(&id), later(100)).await),
        Category::Expired
    );
}

stentor_sql::both_engines!(
    g2_1_a_ticket_opens_one_stream_and_opens_it_again_with_its_own_position,
    g2_1_another_position_or_another_ticket_does_not_open_it,
    g2_1_a_ticket_is_for_its_minute_and_its_surface,
    g2_1_a_ticket_survives_a_restart,
    g2_1_one_connection_at_a_time_the_newest,
    g2_1_two_first_uses_at_once_open_one_stream,
    g2_2_a_ticket_ends_with_its_credential,
    g2_2_a_ticket_is_revoked_by_itself,
    g2_2_a_ticket_ends_with_the_time_of_its_credential,
);
