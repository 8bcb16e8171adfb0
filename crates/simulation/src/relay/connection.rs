//! One WebSocket connection.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use stentor_event::{
    ClientMessage, Event, Filter, ParseLimits, SubscriptionId, parse_client_message, relay_message,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::reconcile::Set;
use super::shared::Shared;
use crate::dice::Dice;
use crate::manners::{Auth, Information, Reads};

/// Subscriptions of a connection; the oldest is forgotten beyond.
const MAX_SUBSCRIPTIONS: usize = 256;
/// Reconciliations of a connection; the oldest is forgotten beyond.
pub(super) const MAX_SETS: usize = 16;

/// The relay's end of a connection.
pub(super) struct Connection<S> {
    pub(super) shared: Arc<Shared>,
    /// Its place among all that the relay has accepted, from 1.
    pub(super) number: u64,
    socket: WebSocketStream<S>,
    subscriptions: VecDeque<(SubscriptionId, Vec<Filter>)>,
    pub(super) sets: VecDeque<(SubscriptionId, Set)>,
    pub(super) challenge: String,
    pub(super) authenticated: bool,
    /// Events sent.
    pub(super) sent: usize,
    pub(super) dice: Dice,
}

/// Serves the connection of this number after its handshake; `rest` is what has come behind that.
pub(super) async fn run<S>(
    shared: Arc<Shared>,
    stream: S,
    rest: Vec<u8>,
    number: u64,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let socket = WebSocketStream::from_partially_read(stream, rest, Role::Server, None).await;
    let mut dice = Dice::new(shared.birth.seed, number);
    let live = shared.live.subscribe();
    let mut connection = Connection {
        challenge: format!("{:016x}", dice.next()),
        shared,
        number,
        socket,
        subscriptions: VecDeque::new(),
        sets: VecDeque::new(),
        authenticated: false,
        sent: 0,
        dice,
    };
    connection.serve(live).await
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    async fn serve(&mut self, mut live: broadcast::Receiver<Arc<Event>>) -> io::Result<()> {
        self.greet().await?;
        loop {
            tokio::select! {
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.read(&text).await?,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                    Some(Ok(_)) => {}
                },
                // One that lags behind is too slow for this relay.
                event = live.recv() => match event {
                    Ok(event) => self.pass_on(&event).await?,
                    Err(_) => return Ok(()),
                },
            }
        }
    }

    /// What is said before anything was asked.
    async fn greet(&mut self) -> io::Result<()> {
        let manners = self.shared.manners();
        let (auth, information) = (manners.auth, manners.information);
        if auth != Auth::NotWanted {
            let mut challenge = Vec::new();
            relay_message::auth(&mut challenge, &self.challenge);
            self.say(challenge).await?;
        }
        if information == Information::ShuttingDown {
            self.notice("this relay is shutting down").await?;
        }
        Ok(())
    }

    async fn read(&mut self, text: &str) -> io::Result<()> {
        // A mute relay hears, so that its log tells what it was asked.
        let mute = self.shared.manners().reads == Reads::Mute;
        match parse_client_message(text, &ParseLimits::NONE) {
            Ok(ClientMessage::Req { sub, filters }) => self.req(sub, filters).await,
            Ok(ClientMessage::Count { sub, filters }) => self.count(sub, filters).await,
            Ok(ClientMessage::NegOpen {
                sub,
                filter,
                message,
            }) => self.neg_open(sub, filter, &message).await,
            _ if mute => Ok(()),
            Ok(ClientMessage::Event(event)) => self.event(event).await,
            Ok(ClientMessage::Auth(event)) => self.auth(event).await,
            Ok(ClientMessage::NegMsg { sub, message }) => self.neg_msg(sub, &message).await,
            Ok(ClientMessage::Close(sub)) => {
                self.forget(&sub);
                Ok(())
            }
            Ok(ClientMessage::NegClose(sub)) => {
                self.sets.retain(|(other, _)| *other != sub);
                Ok(())
            }
            Ok(ClientMessage::Unknown(verb)) => {
                let words = format!("unsupported: {verb}");
                self.notice(&words).await
            }
            Err(error) => {
                let mut answer = Vec::new();
                error.write_answer(&mut answer);
                self.say(answer).await
            }
        }
    }

    /// Keeps a subscription for what is published later.
    pub(super) fn follow(&mut self, sub: SubscriptionId, filters: Vec<Filter>) {
        self.forget(&sub);
        if self.subscriptions.len() == MAX_SUBSCRIPTIONS {
            self.subscriptions.pop_front();
        }
        self.subscriptions.push_back((sub, filters));
    }

    pub(super) fn forget(&mut self, sub: &SubscriptionId) {
        self.subscriptions.retain(|(other, _)| other != sub);
    }

    /// Sends an event that has just been published to whom it matters.
    async fn pass_on(&mut self, event: &Event) -> io::Result<()> {
        let view = event.view();
        let matching = |filters: &[Filter]| filters.iter().any(|filter| filter.matches(&view));
        let mut messages = Vec::new();
        for (sub, filters) in &self.subscriptions {
            if matching(filters) {
                let mut message = Vec::new();
                relay_message::event(&mut message, sub, event.json());
                messages.push(message);
            }
        }
        for message in messages {
            self.say(message).await?;
        }
        Ok(())
    }

    /// Sends a message.
    pub(super) async fn say(&mut self, message: Vec<u8>) -> io::Result<()> {
        self.put(message).await?;
        self.flush().await
    }

    /// Sends a message together with those that follow.
    pub(super) async fn put(&mut self, message: Vec<u8>) -> io::Result<()> {
        let text = String::from_utf8(message).map_err(io::Error::other)?;
        self.socket.feed(Message::text(text)).await.map_err(gone)
    }

    /// Sends a message that is none of Nostr's.
    pub(super) async fn put_binary(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.socket.feed(Message::binary(bytes)).await.map_err(gone)
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.socket.flush().await.map_err(gone)
    }

    pub(super) async fn notice(&mut self, words: &str) -> io::Result<()> {
        let mut message = Vec::new();
        relay_message::notice(&mut message, words);
        self.say(message).await
    }
}

fn gone(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
