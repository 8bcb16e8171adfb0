//! Tickets at their edges; what they do for streams is tested from outside.

use proptest::prelude::*;
use secrecy::ExposeSecret;
use stentor_sql::testing::House;

use super::*;
use crate::config::Limits;
use crate::{NewKey, Scope, Scopes};

const NOW: Timestamp = Timestamp(1_700_000_000);

async fn tickets(house: &House, limits: Limits) -> (Tickets, Principal) {
    let registry = Registry::open(house.open().await, &limits, NOW)
        .await
        .unwrap();
    let scopes = Scopes::NONE.with(Scope::NostrRead);
    let minted = registry
        .mint(
            NewKey {
                name: "a".into(),
                scopes,
                ..NewKey::default()
            },
            NOW,
        )
        .await
        .unwrap();
    let text = minted.text.expose_secret().parse().unwrap();
    let principal = registry.authenticate(&text, NOW).await.unwrap();
    (Tickets::new(Arc::new(registry)), principal)
}

async fn g2_1_tickets_are_limited_and_old_ones_make_room(house: House) {
    let limits = Limits {
        tickets: 3,
        tickets_per_principal: 2,
        ..Limits::default()
    };
    let (tickets, principal) = tickets(&house, limits).await;
    let mint = async |at: u64| {
        tickets
            .mint(&principal, Surface::Events, Timestamp(NOW.0 + at))
            .await
            .map(drop)
    };
    mint(0).await.unwrap();
    mint(1).await.unwrap();
    let what = "tickets of this principal";
    assert_eq!(mint(2).await, Err(ManageError::TooMany { what, most: 2 }));
    mint(120).await.unwrap();
    let other = Principal {
        subject: "other".into(),
        ..principal.clone()
    };
    tickets
        .mint(&other, Surface::Events, Timestamp(NOW.0 + 120))
        .await
        .unwrap();
    let third = Principal {
        subject: "third".into(),
        ..principal.clone()
    };
    let full = tickets
        .mint(&third, Surface::Events, Timestamp(NOW.0 + 120))
        .await
        .unwrap_err();
    assert_eq!(
        full,
        ManageError::TooMany {
            what: "tickets",
            most: 3
        }
    );
    tickets.tidy(Timestamp(NOW.0 + 300)).await.unwrap();
    let (left,): (i64,) = tickets
        .registry
        .records()
        .fetch_one("SELECT COUNT(*) FROM auth_tickets", ())
        .await
        .unwrap();
    assert_eq!(left, 0);
}

async fn g2_1_a_ticket_without_a_stream_gives_way(house: House) {
    let limits = Limits {
        tickets_per_principal: 2,
        ..Limits::default()
    };
    let (tickets, principal) = tickets(&house, limits).await;
    let at = |seconds: u64| Timestamp(NOW.0 + seconds);
    let open = async |seconds: u64| {
        let minted = tickets
            .mint(&principal, Surface::Events, at(seconds))
            .await?;
        let text = minted.text.expose_secret().parse().unwrap();
        let opened = tickets
            .redeem(&text, Surface::Events, None, |_| Ok(()), at(seconds))
            .await;
        Ok::<_, ManageError>(opened.unwrap())
    };
    let (first, second) = (open(0).await.unwrap(), open(0).await.unwrap());
    tickets.tidy(at(60)).await.unwrap();
    assert!(open(179).await.is_err(), "streams live by both");
    drop(second);
    tickets.tidy(at(120)).await.unwrap();
    open(180).await.unwrap();
    tickets.tidy(at(86_600)).await.unwrap();
    let left: Vec<(String,)> = tickets
        .registry
        .records()
        .fetch_all("SELECT id FROM auth_tickets", ())
        .await
        .unwrap();
    assert_eq!(
        left,
        [(first.lease.ticket().to_owned(),)],
        "the others are forgotten"
    );
}

async fn g2_1_only_a_hash_of_a_ticket_is_kept(house: House) {
    let (tickets, principal) = tickets(&house, Limits::default()).await;
    let minted = tickets
        .mint(&principal, Surface::Events, NOW)
        .await
        .unwrap();
    let text: TicketText = minted.text.expose_secret().parse().unwrap();
    let rows: Vec<stentor_sql::Row> = tickets
        .registry
        .records()
        .fetch_all("SELECT * FROM auth_tickets", ())
        .await
        .unwrap();
    let kept: Vec<u8> = rows[0].get("hash").unwrap();
    assert_eq!(kept, random::hash(&text.secret));
    let shown = format!("{rows:?}{minted:?}{text:?}");
    assert!(!shown.contains(&minted.text.expose_secret()[21..]));
    assert!(!shown.contains(&format!("{:?}", text.secret)));
}

async fn g2_1_not_everybody_can_mint(house: House) {
    let (tickets, principal) = tickets(&house, Limits::default()).await;
    let public = Principal::public(Scopes::NONE);
    let ticket = Credential::Ticket {
        id: "x".into(),
        number: 1,
    };
    let with_ticket = Principal {
        credential: ticket,
        ..principal.clone()
    };
    for other in [public, with_ticket] {
        let refused = tickets
            .mint(&other, Surface::Events, NOW)
            .await
            .unwrap_err();
        assert_eq!(refused, ManageError::NotForThis);
    }
    let ended = Principal {
        expires_at: Some(NOW),
        ..principal
    };
    assert_eq!(
        tickets
            .mint(&ended, Surface::Events, NOW)
            .await
            .unwrap_err(),
        ManageError::Expired
    );
}

stentor_sql::both_engines!(
    g2_1_tickets_are_limited_and_old_ones_make_room,
    g2_1_a_ticket_without_a_stream_gives_way,
    g2_1_only_a_hash_of_a_ticket_is_kept,
    g2_1_not_everybody_can_mint,
);

#[test]
fn g2_1_the_newest_connection_is_the_stream() {
    let live = lease::Live::default();
    let seal = Seal::new("a".into(), &[0; 32]);
    let first = live.begin("a".into(), 1, seal.clone());
    assert!(live.is_current("a", 1));
    let second = live.begin("a".into(), 2, seal.clone());
    assert!(!live.is_current("a", 1) && live.is_current("a", 2));
    drop(first);
    assert!(
        live.is_current("a", 2),
        "the end of the older one changes nothing"
    );
    let late = live.begin("a".into(), 1, seal);
    assert!(
        live.is_current("a", 2) && !live.is_current("a", 1),
        "nor does an older one that comes late"
    );
    drop(late);
    live.end("a", 2);
    assert!(!live.is_current("a", 2) && live.all().is_empty());
    drop(second);
    assert!(format!("{live:?}").contains("Live(0)"));
}

proptest! {
    #[test]
    fn g2_1_any_text_is_a_ticket_or_none(text in "(stt_)?[0-9a-f]{0,17}_?\\PC{0,50}") {
        if let Ok(ticket) = text.parse::<TicketText>() {
            prop_assert_eq!(text, format!("stt_{}_{}", ticket.id, random::text(&ticket.secret)));
        }
    }
}
