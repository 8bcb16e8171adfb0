//! What happens after the start.

use stentor_event::{Filter, RelayMessage, parse_relay_message};
use stentor_simulation::{Asked, Character, Network, Relay, Spec};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Client, SURELY};

async fn live(client: &mut Client) -> stentor_event::Event {
    loop {
        let text = client.next().await.unwrap();
        if let Ok(RelayMessage::Event { event, .. }) =
            parse_relay_message(&text, &Default::default())
        {
            return event.into_owned();
        }
    }
}

#[tokio::test]
async fn o5_4_what_is_published_reaches_subscribers_whatever_its_time() {
    let network = Network::start(Spec::of(1, [Character::Backdating]))
        .await
        .unwrap();
    let relay = &network.relays()[0];
    let mut client = Client::connect(&network, relay, SURELY).await.unwrap();
    let follow = r#"["REQ","live",{"kinds":[1],"limit":0}]"#;
    client.send(follow.to_owned()).await.unwrap();
    assert_eq!(client.next().await.unwrap(), r#"["EOSE","live"]"#);
    let backdated = network.fresh_event(2, 1, 1_600_000_000, "late");
    assert_eq!(backdated.verify_signature(), Ok(()));
    relay.publish(backdated.clone()).await;
    assert_eq!(live(&mut client).await, backdated);
    assert!(relay.events().contains(&backdated));
    assert!(!relay.truth().stored.contains(&backdated.id()));
    assert!(relay.published().is_empty());

    let mut writer = Client::connect(&network, relay, SURELY).await.unwrap();
    let sent = network.fresh_event_with(3, 1, 1_750_000_100, "hello", &[&["t", "tide"]]);
    assert_eq!(writer.publish(&sent).await, (true, String::new()));
    assert_eq!(live(&mut client).await, sent);
    assert_eq!(relay.published(), std::slice::from_ref(&sent));
    let again = writer.publish(&sent).await;
    assert!(again.0 && again.1.starts_with("duplicate:"));
}

#[tokio::test]
async fn o5_4_what_clients_did_is_counted_and_can_be_awaited() {
    let network = Network::start(Spec::of(1, [Character::Honest]))
        .await
        .unwrap();
    let relay = &network.relays()[0];
    assert_eq!((relay.connections(), relay.requests()), (0, 0));
    let filter = Filter {
        limit: Some(1),
        ..Filter::default()
    };
    let asking = async {
        let mut client = Client::connect(&network, relay, SURELY).await.unwrap();
        client.ask(&filter).await.received
    };
    let (_, received) = tokio::join!(relay.until(|relay| relay.requests() == 1), asking);
    assert_eq!((received, relay.connections()), (1, 1));
    let expected = Asked::Req {
        sub: "q".into(),
        filters: vec![filter],
    };
    assert_eq!(relay.asked(), [expected]);
}

#[tokio::test]
async fn o5_4_a_relay_goes_offline_and_comes_back_on_its_port() {
    let network = Network::start(Spec::of(1, [Character::Honest]))
        .await
        .unwrap();
    let relay = &network.relays()[0];
    let mut client = Client::connect(&network, relay, SURELY).await.unwrap();
    relay.cut();
    let gone = relay.until(|relay| !relay.is_listening());
    timeout(SURELY, gone).await.unwrap();
    assert!(client.next().await.is_err(), "its connections end");
    assert!(TcpStream::connect(relay.address()).await.is_err());
    relay.restore();
    timeout(SURELY, relay.until(Relay::is_listening))
        .await
        .unwrap();
    let mut client = Client::connect(&network, relay, SURELY).await.unwrap();
    assert!(client.ask(&Filter::default()).await.received > 0);
    let address = relay.address();
    network.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}
