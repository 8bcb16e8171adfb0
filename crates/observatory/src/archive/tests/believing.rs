//! Relays that say what is not true when they reconcile (O3.1, O3.3).

use stentor_simulation::{Character, Network, Relay};
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::super::coverage::Method;
use super::super::standing::standing;
use super::*;

both_engines!(
    o3_1_a_relay_that_only_agrees_is_asked_by_req,
    o3_1_a_comparison_brings_nothing_that_is_not_archived,
);

/// Pairs of a relay.
async fn pairs(ground: &Ground, relay: RelayId) -> usize {
    let sql =
        "SELECT CAST(COALESCE(SUM(pairs), 0) AS BIGINT) FROM observatory_holdings WHERE relay = ?";
    let (pairs,): (i64,) = ground.records.fetch_one(sql, (relay.0,)).await.unwrap();
    usize::try_from(pairs).unwrap()
}

fn of(network: &Network, character: Character) -> &Relay {
    network.relay(character).unwrap()
}

async fn o3_1_a_relay_that_only_agrees_is_asked_by_req(house: House) {
    let characters = [
        Character::Negentropy,
        Character::NegentropyLimited,
        Character::NegentropyAgreeing,
        Character::NegentropyBoasting,
    ];
    let network = Network::start(spec(&characters, 150)).await.unwrap();
    let ground = ground(&house, config()).await;
    let ids = enter(&ground, &network).await;
    archive(&ground, 4).await;
    let agreeing = of(&network, Character::NegentropyAgreeing);
    let got = archived(&ground).await;
    let missing = agreeing.truth().honest.difference(&got);
    let missing: Vec<_> = missing.map(|id| network.event(id)).collect();
    let covered = covered(&ground, ids[agreeing.url()]).await;
    assert!(missing.is_empty(), "{missing:?} of {covered:?}");
    assert_eq!(
        pairs(&ground, ids[agreeing.url()]).await,
        agreeing.truth().honest.len()
    );
    // As if an hour had passed: it is not believed later, either, when there is more to agree on.
    let boasting = of(&network, Character::NegentropyBoasting);
    for visit in 0..2 {
        assert_eq!(pairs(&ground, ids[boasting.url()]).await, 0, "{visit}");
        ground
            .records
            .write(|tx| {
                tx.execute(
                    "UPDATE observatory_archiving SET next_ms = 0, negentropy_refused_ms = NULL",
                    (),
                )?;
                tx.execute("DELETE FROM observatory_coverage", ())
            })
            .await
            .unwrap();
        archive(&ground, 4).await;
    }
    assert_eq!(pairs(&ground, ids[boasting.url()]).await, 0);
    for honest in [Character::Negentropy, Character::NegentropyLimited] {
        let relay = of(&network, honest);
        let id = ids[relay.url()];
        let standing = standing(&ground.records, id).await.unwrap();
        assert_eq!(standing.negentropy_refused_ms, None, "{honest}");
        assert_eq!(standing.method, Some(Method::Negentropy), "{honest}");
        assert_eq!(pairs(&ground, id).await, relay.truth().honest.len());
    }
}

async fn o3_1_a_comparison_brings_nothing_that_is_not_archived(house: House) {
    let network = Network::start(spec(&[Character::Negentropy], 150))
        .await
        .unwrap();
    let ground = ground(
        &house,
        Archive {
            filters: vec![r#"{"kinds":[7]}"#.to_owned()],
            ..config()
        },
    )
    .await;
    enter(&ground, &network).await;
    archive(&ground, 1).await;
    let relay = &network.relays()[0];
    let got = archived(&ground).await;
    assert!(!got.is_empty() && got.len() < relay.truth().honest.len());
    assert!(got.is_subset(&relay.truth().honest));
}
