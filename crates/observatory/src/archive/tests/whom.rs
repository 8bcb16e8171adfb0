//! Who is asked at all (O3.7).

use stentor_simulation::{Character, Network};
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::*;

both_engines!(o3_7_relays_that_are_never_asked_are_never_asked);

async fn o3_7_relays_that_are_never_asked_are_never_asked(house: House) {
    let characters = [Character::Honest, Character::Honest];
    let network = Network::start(spec(&characters, 50)).await.unwrap();
    let mut archive_config = config();
    archive_config.never = vec![network.relays()[0].url().to_owned()];
    let ground = ground(&house, archive_config).await;
    enter(&ground, &network).await;
    archive(&ground, 1).await;
    assert_eq!(network.relays()[0].connections(), 0);
    assert!(network.relays()[1].connections() > 0);
}
