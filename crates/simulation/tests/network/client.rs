//! A client that sees what is on the wire.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use stentor_event::{
    EoseHint, Event, EventBuilder, Filter, Kind, ParseLimits, RelayMessage, SecretKey, Timestamp,
    parse_relay_message,
};
use stentor_simulation::{Network, Relay};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Bytes of a message that the client takes.
const MAX_MESSAGE: usize = 1 << 20;
/// Messages for a request after which it is a flood.
const FLOOD: usize = 3_000;
/// How long anything may take that must come.
pub const SURELY: Duration = Duration::from_secs(30);

pub struct Client {
    socket: WebSocketStream<Box<dyn Io>>,
    url: String,
    challenge: Option<String>,
    /// Events that were verified: a walk sees most of them several times.
    pub verified: HashSet<Vec<u8>>,
    /// How long it waits for the next message.
    pub patience: Duration,
}

#[derive(Debug, PartialEq)]
pub enum End {
    Eose(Option<EoseHint>),
    Closed(String),
    Gone,
    Silence,
    Flood,
}

/// What came of a request.
pub struct Answer {
    /// Real events that were asked for.
    pub events: Vec<Event>,
    /// All events that came for the subscription.
    pub received: usize,
    pub end: End,
}

impl Client {
    /// `None` when there is no relay to be talked to; trusts the network's authority.
    pub async fn connect(network: &Network, relay: &Relay, patience: Duration) -> Option<Self> {
        let opening = async {
            let stream = TcpStream::connect(relay.address()).await.ok()?;
            stream.set_nodelay(true).ok()?;
            let stream: Box<dyn Io> = if relay.url().starts_with("wss:") {
                Box::new(secured(network, stream).await?)
            } else {
                Box::new(stream)
            };
            let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
            let opened = client_async_with_config(relay.url(), stream, Some(config)).await;
            Some(opened.ok()?.0)
        };
        Some(Self {
            socket: timeout(patience, opening).await.ok()??,
            url: relay.url().to_owned(),
            challenge: None,
            verified: HashSet::new(),
            patience,
        })
    }

    pub async fn send(&mut self, text: String) -> Option<()> {
        self.socket.send(Message::text(text)).await.ok()
    }

    /// The next message's text: `Err` when none comes.
    pub async fn next(&mut self) -> Result<String, End> {
        loop {
            match timeout(self.patience, self.socket.next()).await {
                Err(_) => return Err(End::Silence),
                Ok(Some(Ok(Message::Text(text)))) => return Ok(text.to_string()),
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return Err(End::Gone),
                Ok(Some(Ok(_))) => {}
            }
        }
    }

    pub async fn ask(&mut self, filter: &Filter) -> Answer {
        let mut json = Vec::new();
        filter.write_json(&mut json);
        let json = String::from_utf8(json).unwrap();
        let mut answer = Answer {
            events: Vec::new(),
            received: 0,
            end: End::Gone,
        };
        if self.send(format!(r#"["REQ","q",{json}]"#)).await.is_none() {
            return answer;
        }
        answer.end = loop {
            match self.next().await {
                Err(end) => break end,
                Ok(text) => {
                    if let Some(end) = self.take(&text, filter, &mut answer) {
                        break end;
                    }
                }
            }
            if answer.received > FLOOD {
                break End::Flood;
            }
        };
        let _ = self.send(r#"["CLOSE","q"]"#.to_owned()).await;
        answer
    }

    fn take(&mut self, text: &str, filter: &Filter, answer: &mut Answer) -> Option<End> {
        match parse_relay_message(text, &ParseLimits::NONE).ok()? {
            RelayMessage::Event { sub, event } if sub == "q" => {
                answer.received += 1;
                let event = event.into_owned();
                if self.is_real(&event) && filter.matches(&event.view()) {
                    answer.events.push(event);
                }
                None
            }
            RelayMessage::Eose { sub, hint } if sub == "q" => Some(End::Eose(hint)),
            RelayMessage::Closed { sub, reason } if sub == "q" => {
                Some(End::Closed(reason.into_owned()))
            }
            RelayMessage::Auth(challenge) => {
                self.challenge = Some(challenge.into_owned());
                None
            }
            _ => None,
        }
    }

    fn is_real(&mut self, event: &Event) -> bool {
        let known = self.verified.contains(&event.json()[..]);
        let real = known || event.check_id().is_ok() && event.verify_signature().is_ok();
        if real && !known {
            self.verified.insert(event.json().to_vec());
        }
        real
    }

    /// Sends an event and waits for its `OK`.
    pub async fn publish(&mut self, event: &Event) -> (bool, String) {
        self.submit("EVENT", event).await
    }

    async fn submit(&mut self, verb: &str, event: &Event) -> (bool, String) {
        let json = String::from_utf8(event.json().to_vec()).unwrap();
        self.send(format!(r#"["{verb}",{json}]"#)).await.unwrap();
        loop {
            let text = self.next().await.unwrap();
            if let Ok(RelayMessage::Ok {
                id,
                accepted,
                reason,
            }) = parse_relay_message(&text, &ParseLimits::NONE)
                && id == event.id()
            {
                return (accepted, reason.into_owned());
            }
        }
    }

    /// Answers the challenge (NIP-42), waiting for it if need be.
    pub async fn authenticate(&mut self) -> bool {
        while self.challenge.is_none() {
            let text = self.next().await.unwrap();
            if let Ok(RelayMessage::Auth(challenge)) =
                parse_relay_message(&text, &ParseLimits::NONE)
            {
                self.challenge = Some(challenge.into_owned());
            }
        }
        let event = EventBuilder::new(Kind::AUTH, Timestamp(1_750_000_000))
            .tag(["relay", &self.url])
            .tag(["challenge", self.challenge.as_deref().unwrap()])
            .sign(&SecretKey::from_bytes([9; 32]).unwrap());
        self.submit("AUTH", &event).await.0
    }
}

async fn secured(network: &Network, stream: TcpStream) -> Option<impl Io + use<>> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(pem) = network.ca_pem() {
        let authority = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        roots.add(authority).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("127.0.0.1").unwrap();
    connector.connect(name, stream).await.ok()
}
