//! Names as they are searched for (O4.2).

use super::*;
use crate::answer::{Parameters, RelayQuery, relays};

both_engines!(o4_2_a_name_is_found_in_whatever_case_and_script);

async fn o4_2_a_name_is_found_in_whatever_case_and_script(house: House) {
    let records = records(&house).await;
    let found = async |raw: &str| {
        let query = RelayQuery::read(&mut Parameters::read(raw).unwrap()).unwrap();
        let page = relays(&records, &query).await.unwrap();
        page.relays.len()
    };
    let name = with_document(&json!({"name": "Größe ÜBER Алиса 100%"}));
    keep(&records, vec![at(START, name)]).await;
    for text in ["GRÖßE", "über", "ÜBER", "алис", "АЛИСА", "0%", "WSS://A.B"] {
        let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        assert_eq!(found(&format!("text={text}")).await, 1, "{text}");
    }
    assert_eq!(found("text=_").await, 0);
    // The name goes with the document.
    let mut bare = online(5);
    bare.information = Known::Absent;
    keep(&records, vec![at(START + 1, bare)]).await;
    assert_eq!(found("text=%C3%BCber").await, 0);
}
