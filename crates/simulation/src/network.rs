//! All relays together.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use stentor_event::{Event, EventId};
use tokio::net::TcpSocket;

use crate::authority::{Acceptors, Authority};
use crate::character::Character;
use crate::events::{Authors, Draft, Share, deal};
use crate::manners::{Certificate, Door, Manners};
use crate::relay::{Birth, Holdings, Relay, reserve, url};
use crate::spec::Spec;
use crate::tripwire::Tripwire;
use crate::truth::Truth;

/// A running network. It ends when it is dropped.
pub struct Network {
    relays: Vec<Relay>,
    events: BTreeMap<EventId, Event>,
    authors: Authors,
    authority: Option<Authority>,
    tripwire: Tripwire,
}

impl Network {
    /// Starts what is specified: binds the ports, makes the events and deals them, and listens. All relays are listening when it
    /// returns. Each takes one file descriptor, and one more for each connection.
    ///
    /// # Errors
    /// When a port cannot be had, or there are no more file descriptors.
    pub async fn start(spec: Spec) -> io::Result<Self> {
        let tripwire = Tripwire::new().await?;
        let manners: Vec<_> = (spec.characters.iter())
            .map(|character| dressed(Manners::of(*character), spec.tls))
            .collect();
        let ports = bind(&spec)?;
        let mut urls = urls(&manners, &ports);
        urls.extend(spec.mentions.iter().cloned());
        let acceptors = Acceptors::new(&manners)?;
        let made = tokio::task::spawn_blocking(move || {
            let (authors, shares) = deal(&spec, &manners, &urls);
            let births = births(&spec, &manners, shares);
            (spec, authors, births)
        });
        let (spec, authors, born) = made.await.map_err(io::Error::other)?;
        let mut network = Self {
            relays: Vec::with_capacity(ports.len()),
            events: BTreeMap::new(),
            authors,
            authority: None,
            tripwire,
        };
        network.open(&spec, &acceptors, born, ports).await?;
        network.authority = acceptors.authority;
        Ok(network)
    }

    async fn open(
        &mut self,
        spec: &Spec,
        acceptors: &Acceptors,
        born: Vec<Born>,
        ports: Vec<(TcpSocket, SocketAddr)>,
    ) -> io::Result<()> {
        let elsewhere: Arc<str> = self.tripwire.url().replacen("ws", "http", 1).into();
        let mentions: Arc<[String]> = spec.mentions.clone().into();
        for (number, (born, (port, address))) in born.into_iter().zip(ports).enumerate() {
            let events = born.holdings.events().iter();
            self.events
                .extend(events.map(|event| (event.id(), event.clone())));
            let birth = Birth {
                number,
                character: born.character,
                manners: born.manners,
                address,
                holdings: born.holdings,
                truth: born.truth,
                acceptor: acceptors.of(born.manners.certificate),
                pause: spec.pause,
                seed: spec.seed.wrapping_add(number as u64),
                elsewhere: elsewhere.clone(),
                mentions: mentions.clone(),
            };
            self.relays.push(Relay::start(birth, port));
        }
        for relay in &self.relays {
            if Manners::of(relay.character()).door != Door::Closed {
                relay.until(Relay::is_listening).await;
            }
        }
        Ok(())
    }

    /// The relays in the order of the specification.
    pub fn relays(&self) -> &[Relay] {
        &self.relays
    }

    /// The first relay of a character.
    pub fn relay(&self, character: Character) -> Option<&Relay> {
        self.of(character).next()
    }

    /// All relays of a character.
    pub fn of(&self, character: Character) -> impl Iterator<Item = &Relay> {
        let relays = self.relays.iter();
        relays.filter(move |relay| relay.character() == character)
    }

    /// The canonical URLs of all relays, in their order.
    pub fn urls(&self) -> Vec<String> {
        let urls = self.relays.iter().map(Relay::url);
        urls.map(str::to_owned).collect()
    }

    /// The ids of all events that could honestly be fetched, without authentication, from the relays for which `counts` says yes:
    /// the union of what [`Truth::honest`] has.
    pub fn union(&self, counts: impl Fn(&Relay, &Truth) -> bool) -> BTreeSet<EventId> {
        let relays = self.relays.iter();
        let counting = relays.filter(|relay| counts(relay, relay.truth()));
        let ids = counting.flat_map(|relay| &relay.truth().honest);
        ids.copied().collect()
    }

    /// As [`Network::union`], for a client that authenticates: [`Truth::gated`] counts, too.
    pub fn authenticated_union(
        &self,
        counts: impl Fn(&Relay, &Truth) -> bool,
    ) -> BTreeSet<EventId> {
        let relays = self.relays.iter().map(|relay| (relay, relay.truth()));
        let counting = relays.filter(|(relay, truth)| counts(relay, truth));
        let ids = counting.flat_map(|(_, truth)| truth.honest.iter().chain(&truth.gated));
        ids.copied().collect()
    }

    /// An event that a relay had at the start, forged ones included.
    pub fn event(&self, id: &EventId) -> Option<&Event> {
        self.events.get(id)
    }

    /// A new event of one of the network's authors (numbers begin anew after the last), signed and given to nobody.
    pub fn fresh_event(&self, author: usize, kind: u16, created_at: u64, content: &str) -> Event {
        self.fresh_event_with(author, kind, created_at, content, &[])
    }

    /// As [`Network::fresh_event`], with tags.
    pub fn fresh_event_with(
        &self,
        author: usize,
        kind: u16,
        created_at: u64,
        content: &str,
        tags: &[&[&str]],
    ) -> Event {
        let draft = Draft::new(author, kind, created_at, content);
        let draft = (tags.iter()).fold(draft, |draft, tag| draft.tag(tag.iter().copied()));
        self.authors.sign_one(draft)
    }

    /// How many authors write in the network.
    pub fn authors(&self) -> usize {
        self.authors.len()
    }

    /// The certificate of the network's authority, where a relay needs one.
    pub fn ca_pem(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| &*authority.pem)
    }

    /// The listener that redirected documents point to, which no client has a reason to touch.
    pub fn tripwire(&self) -> &Tripwire {
        &self.tripwire
    }

    /// Ends all relays, and waits until their ports are closed.
    pub async fn stop(self) {
        for relay in self.relays {
            relay.stop().await;
        }
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (relays, events) = (self.relays.len(), self.events.len());
        write!(f, "Network({relays} relays, {events} events)")
    }
}

/// A relay before it has a port.
struct Born {
    character: Character,
    manners: Manners,
    holdings: Holdings,
    truth: Truth,
}

fn births(spec: &Spec, manners: &[Manners], shares: Vec<Share>) -> Vec<Born> {
    let relays = spec.characters.iter().zip(manners).zip(shares);
    let born = relays.map(|((character, manners), share)| {
        let holdings = Holdings::new(share.events);
        let truth = Truth::of(manners, holdings.events(), &share.forged, spec.now);
        Born {
            character: *character,
            manners: *manners,
            holdings,
            truth,
        }
    });
    born.collect()
}

/// The manners in a network that is served over TLS.
fn dressed(manners: Manners, tls: bool) -> Manners {
    let plain = manners.door == Door::Relay && manners.certificate.is_none();
    Manners {
        certificate: if tls && plain {
            Some(Certificate::Good)
        } else {
            manners.certificate
        },
        ..manners
    }
}

fn bind(spec: &Spec) -> io::Result<Vec<(TcpSocket, SocketAddr)>> {
    let port = |number: usize| {
        let wanted = match spec.listen_from {
            None => Some(0),
            Some(first) => u16::try_from(usize::from(first) + number).ok(),
        };
        let wanted = wanted.ok_or_else(|| io::Error::other("there are not as many ports"))?;
        let socket = reserve((Ipv4Addr::LOCALHOST, wanted).into())?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    (0..spec.characters.len()).map(port).collect()
}

fn urls(manners: &[Manners], ports: &[(TcpSocket, SocketAddr)]) -> Vec<String> {
    let relays = manners.iter().zip(ports);
    relays
        .map(|(manners, (_, address))| url(manners, *address))
        .collect()
}
