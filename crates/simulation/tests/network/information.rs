//! What comes of a request for the NIP-11 document, and of doors that lead to no relay.

use serde_json::Value;
use stentor_simulation::{Asked, Character, Network, Spec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::SURELY;

/// Head and body of the answer.
async fn get(network: &Network, character: Character) -> (String, String) {
    let address = network.relay(character).unwrap().address();
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET / HTTP/1.1\r\nHost: x\r\nAccept: application/nostr+json\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = timeout(SURELY, exchange).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn o5_4_documents_and_pages_are_what_the_character_has() {
    let network = Network::start(Spec {
        events: 0,
        ..Spec::cast(1)
    })
    .await
    .unwrap();
    for (character, status) in [
        (Character::Honest, 200),
        (Character::InformationAbsent, 404),
        (Character::InformationRedirects, 302),
        (Character::InformationInvalid, 200),
        (Character::HttpPage, 200),
        (Character::HttpForbidden, 403),
        (Character::HttpBadGateway, 502),
        (Character::HttpUnavailable, 503),
    ] {
        let (head, _) = get(&network, character).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(head.starts_with(&expected), "{character}: {head}");
    }
    let document = async |character| {
        let (_, body) = get(&network, character).await;
        serde_json::from_str::<Value>(&body)
    };
    let capped = document(Character::CappedTold).await.unwrap();
    assert_eq!(capped["limitation"]["max_limit"], 50);
    let silent = document(Character::Capped).await.unwrap();
    assert_eq!(silent["limitation"], Value::Null);
    let negentropy = document(Character::Negentropy).await.unwrap();
    assert_eq!(negentropy["supported_nips"], serde_json::json!([1, 11, 77]));
    let lying = document(Character::InformationLying).await.unwrap();
    assert_eq!(lying["limitation"]["max_limit"], "3");
    assert!(document(Character::InformationInvalid).await.is_err());
    let closing = document(Character::ShuttingDown).await.unwrap();
    assert!(
        closing["description"]
            .as_str()
            .unwrap()
            .contains("shutting down")
    );
    assert!(get(&network, Character::InformationHuge).await.1.len() > 1 << 20);
    let (head, _) = get(&network, Character::InformationRedirects).await;
    let target = network.tripwire().url().replacen("ws", "http", 1);
    assert!(head.contains(&format!("Location: {target}")));
    assert_eq!(network.tripwire().touched(), 0);
    let asked = network.relay(Character::Honest).unwrap().asked();
    assert_eq!(asked, [Asked::Information]);
    let refusing = network.relay(Character::Refusing).unwrap();
    assert!(TcpStream::connect(refusing.address()).await.is_err());
}
