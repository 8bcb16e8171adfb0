//! The task of one connection: it reads, it writes, and it tells everybody when it is over.

use std::sync::{Arc, Weak};
use std::time::Duration;

use ::metrics::Counter;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use stentor_event::{CowEvent, ParseLimits, SubscriptionId, client_message, parse_relay_message};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::answer::Over;
use crate::auth;
use crate::check::{Dropped, check};
use crate::config::Config;
use crate::connect::Socket;
use crate::error::Ended;
use crate::metrics;
use crate::peer::{Inner, text};
use crate::routes::{Delivery, Item, Queued, Routes, Sent, Step, shortened};
use crate::sieve::Sifted;

/// Messages that are written before they are flushed.
const BATCH: usize = 64;
/// How long the other side is given to answer our closing.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Runs a connection to its end. `handles` is what all handles share: when it is gone, so is the connection.
pub(crate) async fn run(
    socket: Socket,
    outgoing: mpsc::Receiver<Message>,
    pings: mpsc::WeakSender<Message>,
    routes: Arc<Routes>,
    handles: Weak<Inner>,
    config: Config,
) {
    metrics::connected();
    let (mut sink, mut stream) = socket.split();
    let challenges = routes.challenge.subscribe();
    let write_time = Duration::from_secs(config.write_seconds);
    let mut reader = Reader {
        routes: &routes,
        limits: config.parse_limits(),
        config: &config,
        outgoing: pings,
        received: metrics::received(),
    };
    let ended = tokio::select! {
        ended = reader.run(&mut stream) => ended,
        ended = write(&mut sink, outgoing, write_time) => ended,
        ended = auth::follow(handles, challenges) => ended,
    };
    // It may have been given up already.
    let ended = routes.end(&ended);
    metrics::ended(&ended);
    tracing::debug!(%ended, "a connection to a relay has ended");
    if matches!(ended, Ended::Local | Ended::Misbehaved) {
        let leave = async { while let Some(Ok(_)) = stream.next().await {} };
        let _ = timeout(CLOSE_TIME, leave).await;
    }
}

/// Writes what the handles send until there are none, or one of them closes the connection.
async fn write(
    sink: &mut SplitSink<Socket, Message>,
    mut outgoing: mpsc::Receiver<Message>,
    limit: Duration,
) -> Ended {
    loop {
        let first = outgoing.recv().await.unwrap_or(Message::Close(None));
        match timeout(limit, write_batch(sink, first, &mut outgoing)).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => return Ended::Local,
            Ok(Err(error)) => return broken(&error),
            Err(_) => return Ended::Stuck,
        }
    }
}

/// Writes a message and those that wait behind it; whether one of them was a Close.
async fn write_batch(
    sink: &mut SplitSink<Socket, Message>,
    first: Message,
    outgoing: &mut mpsc::Receiver<Message>,
) -> Result<bool, WsError> {
    let mut message = first;
    for _ in 0..BATCH {
        let last = message.is_close();
        sink.feed(message).await?;
        message = match outgoing.try_recv() {
            Ok(next) if !last => next,
            _ => {
                sink.flush().await?;
                return Ok(last);
            }
        };
    }
    let last = message.is_close();
    sink.send(message).await?;
    Ok(last)
}

/// What reading needs.
struct Reader<'a> {
    routes: &'a Routes,
    limits: ParseLimits,
    config: &'a Config,
    outgoing: mpsc::WeakSender<Message>,
    received: Counter,
}

impl Reader<'_> {
    async fn run(&mut self, stream: &mut SplitStream<Socket>) -> Ended {
        let mut pinged = false;
        loop {
            // No timer for what is there already.
            let next = match stream.next().now_or_never() {
                Some(next) => next,
                None => match timeout(self.patience(pinged), stream.next()).await {
                    Ok(next) => next,
                    Err(_) if pinged => return Ended::Silent,
                    Err(_) => {
                        self.try_send(Message::Ping(Vec::new().into()));
                        pinged = true;
                        continue;
                    }
                },
            };
            let message = match next {
                None => return Ended::Remote(None, "".into()),
                Some(Err(error)) => return broken(&error),
                Some(Ok(message)) => message,
            };
            pinged = false;
            let taken = match message {
                Message::Text(text) => self.text(&text).await,
                Message::Binary(_) => self.dropped(Dropped::Malformed),
                Message::Close(frame) => {
                    let (code, reason) = frame
                        .map(|frame| (u16::from(frame.code), shortened(&frame.reason)))
                        .unzip();
                    Err(Ended::Remote(code, reason.unwrap_or_default().into()))
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
            };
            if let Err(ended) = taken {
                return ended;
            }
        }
    }

    async fn text(&self, text: &str) -> Result<(), Ended> {
        let Ok(message) = parse_relay_message(text, &self.limits) else {
            return self.dropped(Dropped::Malformed);
        };
        match self.routes.take(message) {
            Step::Done => Ok(()),
            Step::Drop(reason) => self.dropped(reason),
            Step::Deliver(delivery, Sent::Eose(hint)) => {
                self.deliver(&delivery, Item::Eose(hint)).await;
                Ok(())
            }
            Step::Deliver(delivery, Sent::Event(event)) => self.event(&delivery, event).await,
        }
    }

    async fn event(&self, delivery: &Delivery, event: CowEvent<'_>) -> Result<(), Ended> {
        let view = event.view();
        if let Err(reason) = check(&view, &delivery.filters, self.config.verify) {
            return self.dropped(reason);
        }
        self.received.increment(1);
        let sieve = delivery.sieve.as_ref();
        match sieve.map_or(Sifted::Wanted, |sieve| sieve.sift(&view)) {
            Sifted::Wanted => {
                self.deliver(delivery, Item::Event(event.into_owned()))
                    .await
            }
            Sifted::Seen => {}
            Sifted::TooMany => self.routes.give_up(delivery, Over::TooMany),
        }
        Ok(())
    }

    /// How long the relay may be silent.
    fn patience(&self, pinged: bool) -> Duration {
        Duration::from_secs(if pinged {
            self.config.pong_seconds
        } else {
            self.config.ping_seconds
        })
    }

    /// Waits until there is room in the subscription's queue. While it waits, nothing is read.
    async fn deliver(&self, delivery: &Delivery, item: Item) {
        let put = async {
            let share = match &item {
                Item::Event(event) => {
                    let bytes = event.json().len().min(self.config.queue_bytes);
                    let room = delivery.room.clone();
                    room.acquire_many_owned(u32::try_from(bytes).unwrap_or(u32::MAX))
                        .await
                        .ok()
                }
                Item::Eose(_) => None,
            };
            // An error says that the subscription was dropped.
            let _ = delivery
                .queue
                .send(Queued {
                    item,
                    _share: share,
                })
                .await;
        };
        let limit = Duration::from_secs(self.config.stall_seconds);
        if timeout(limit, put).await.is_err() {
            metrics::stalled();
            self.routes.give_up(delivery, Over::Stalled);
            let mut close = Vec::new();
            client_message::close(&mut close, &SubscriptionId::from(delivery.id));
            self.try_send(text(close));
        }
    }

    /// Counts something that was dropped, and says when it is too much.
    fn dropped(&self, reason: Dropped) -> Result<(), Ended> {
        self.routes.drops.add(reason);
        if self.routes.drops.are_too_many(self.config.faults) {
            return Err(Ended::Misbehaved);
        }
        Ok(())
    }

    /// Sends if there is room in the queue; when there is none, the writer has enough to do to find out that it is stuck.
    fn try_send(&self, message: Message) {
        if let Some(outgoing) = self.outgoing.upgrade() {
            let _ = outgoing.try_send(message);
        }
    }
}

/// What an error of the socket means for the connection.
fn broken(error: &WsError) -> Ended {
    match error {
        WsError::Capacity(_) => Ended::TooLong,
        WsError::ConnectionClosed | WsError::AlreadyClosed => Ended::Remote(None, "".into()),
        other => Ended::Broken(other.to_string().into()),
    }
}
