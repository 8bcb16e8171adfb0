//! The network in figures (O4.2).

use super::*;

both_engines!(o4_2_the_network_is_counted,);

async fn o4_2_the_network_is_counted(house: House) {
    let observatory = observatory(&house).await;
    for id in 1..=6 {
        put(&observatory.ground.records, id).await;
    }
    store(&observatory, vec![note(NOW, "x")]).await;
    let network = ask(&observatory, "network", "").await.unwrap();
    let status = network["status"].as_array().unwrap();
    let online = status
        .iter()
        .find(|share| share["name"] == "online")
        .unwrap();
    assert_eq!(
        (&online["relays"], &network["events"]),
        (&3.into(), &1.into())
    );
    assert_eq!(
        network["software"],
        serde_json::json!([{"name": "soft", "relays": 3}])
    );
    assert_eq!(network["nips"].as_array().unwrap().len(), 3);
}
