//! NIP-77.

use std::collections::BTreeSet;

use negentropy::{Negentropy, NegentropyStorageVector};
use stentor_event::{EventId, RelayMessage, hexadecimal, parse_relay_message};
use stentor_simulation::{Asked, Character, Network, Spec};

use crate::client::{Client, SURELY};

/// What a client that has nothing is told to lack in a range, or why not.
async fn lacking(
    network: &Network,
    character: Character,
    filter: &str,
) -> Result<BTreeSet<EventId>, String> {
    let relay = network.relay(character).unwrap();
    let mut client = Client::connect(network, relay, SURELY).await.unwrap();
    let mut nothing = NegentropyStorageVector::new();
    nothing.seal().unwrap();
    let mut side = Negentropy::owned(nothing, 0).unwrap();
    let first = hexadecimal::encode(&side.initiate().unwrap());
    client
        .send(format!(r#"["NEG-OPEN","n",{filter},"{first}"]"#))
        .await
        .unwrap();
    let (mut have, mut need) = (Vec::new(), Vec::new());
    loop {
        let text = client.next().await.unwrap();
        match parse_relay_message(&text, &Default::default()).unwrap() {
            RelayMessage::NegMsg { message, .. } => {
                let next = side
                    .reconcile_with_ids(&message, &mut have, &mut need)
                    .unwrap();
                let Some(next) = next else {
                    return Ok(need.iter().map(|id| EventId(id.to_bytes())).collect());
                };
                let next = hexadecimal::encode(&next);
                client
                    .send(format!(r#"["NEG-MSG","n","{next}"]"#))
                    .await
                    .unwrap();
            }
            RelayMessage::NegErr { reason, .. } => return Err(reason.into_owned()),
            RelayMessage::Notice(words) => return Err(words.into_owned()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn o5_4_reconciling_tells_all_some_or_lies() {
    let characters = [
        Character::Negentropy,
        Character::NegentropyLimited,
        Character::NegentropyLying,
        Character::NegentropyAgreeing,
        Character::Honest,
    ];
    let network = Network::start(Spec::of(9, characters)).await.unwrap();
    let truth = |character| network.relay(character).unwrap().truth();
    let all = lacking(&network, Character::Negentropy, "{}").await;
    assert_eq!(all.as_ref(), Ok(&truth(Character::Negentropy).stored));
    assert!(truth(Character::NegentropyLimited).stored.len() > 60);
    let limited = lacking(&network, Character::NegentropyLimited, "{}").await;
    assert!(limited.unwrap_err().starts_with("blocked: too many"));
    let narrow = r#"{"kinds":[0]}"#;
    let few = lacking(&network, Character::NegentropyLimited, narrow).await;
    assert!(!few.unwrap().is_empty());
    let lying = lacking(&network, Character::NegentropyLying, "{}").await;
    assert_eq!(lying, Ok(BTreeSet::new()));
    assert!(!truth(Character::NegentropyLying).honest.is_empty());
    let agreeing = lacking(&network, Character::NegentropyAgreeing, "{}").await;
    assert_eq!(agreeing, Ok(BTreeSet::new()));
    assert!(!truth(Character::NegentropyAgreeing).honest.is_empty());
    let unknown = lacking(&network, Character::Honest, "{}").await;
    assert!(unknown.unwrap_err().starts_with("unsupported:"));
    let relay = network.relay(Character::Honest).unwrap();
    assert!(matches!(relay.asked()[..], [Asked::NegOpen(_)]));
    assert_eq!(relay.requests(), 1);
}
