//! Somebody who takes part in groups: keys, the state of MLS, a connection.

use std::collections::HashSet;

use mdk_core::groups::{NostrGroupConfigData, UpdateGroupResult};
use mdk_core::messages::MessageProcessingResult;
use mdk_core::prelude::{GroupId, MDK};
use mdk_memory_storage::MdkMemoryStorage;
use nostr::nips::nip59::UnwrappedGift;
use nostr::{
    Alphabet, Event, EventBuilder, EventId, Keys, Kind, PublicKey, SingleLetterTag, Tag, TagKind,
    UnsignedEvent,
};
use serde_json::{Value, json};

use crate::connection::Connection;

/// The name under which a member follows the group.
const GROUP: &str = "group";

/// A member of a group, or who is to become one.
pub struct Member {
    pub keys: Keys,
    pub mdk: MDK<MdkMemoryStorage>,
    pub relay: Connection,
    /// The group messages that have been read or written.
    seen: HashSet<EventId>,
}

/// What a group message turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody said something.
    Said(PublicKey, String),
    /// The group has changed.
    Changed,
    /// It cannot be read.
    Nothing,
}

impl Member {
    /// Somebody new, connected but not authenticated.
    pub fn new(url: &str) -> Self {
        Self {
            keys: Keys::generate(),
            mdk: MDK::new(MdkMemoryStorage::default()),
            relay: Connection::new(url),
            seen: HashSet::new(),
        }
    }

    /// Somebody new, authenticated.
    pub fn authenticated(url: &str) -> Self {
        let mut member = Self::new(url);
        member.relay.authenticate(&member.keys.clone());
        member
    }

    /// Loses the connection and makes a new one.
    pub fn reconnect(&mut self) {
        self.relay = Connection::new(&self.relay.url().to_string());
        self.relay.authenticate(&self.keys);
    }

    /// The public key.
    pub fn key(&self) -> PublicKey {
        self.keys.public_key()
    }

    /// Signs an event of this kind.
    pub fn sign(&self, kind: u16, content: &str, tags: Vec<Tag>) -> Event {
        EventBuilder::new(Kind::Custom(kind), content)
            .tags(tags)
            .sign_with_keys(&self.keys)
            .unwrap()
    }

    /// A new key package as mdk-core makes it, in kind 30443 and in the legacy kind 443; protected (NIP-70) or not.
    pub fn key_package(&self, protected: bool) -> (Event, Event) {
        let made = self
            .mdk
            .create_key_package_for_event_with_options(
                &self.key(),
                [self.relay.url().clone()],
                protected,
            )
            .unwrap();
        (
            self.sign(30_443, &made.content, made.tags_30443),
            self.sign(443, &made.content, made.tags_443),
        )
    }

    /// Publishes a key package in both kinds, and the list of relays where they are.
    pub fn publish_key_package(&mut self) {
        let (current, legacy) = self.key_package(false);
        let relay = Tag::custom(TagKind::Relay, [self.relay.url().to_string()]);
        let list = self.sign(10_051, "", vec![relay]);
        for event in [&current, &legacy, &list] {
            assert_eq!(self.relay.publish(event), Ok(()), "{event:?}");
        }
    }

    /// Finds the key package of somebody by way of the list of relays.
    pub fn find_key_package(&mut self, of: &PublicKey, kind: u16) -> Event {
        let of = of.to_hex();
        let lists = self
            .relay
            .stored(json!({"kinds": [10_051], "authors": [of]}));
        let list = lists.unwrap().pop().unwrap();
        let relay = list.tags.find(TagKind::Relay).unwrap().content().unwrap();
        assert_eq!(relay, self.relay.url().to_string());
        let found = self.relay.stored(json!({"kinds": [kind], "authors": [of]}));
        let package = found.unwrap().pop().unwrap();
        self.mdk.parse_key_package(&package).unwrap();
        package
    }

    /// Makes a group of the owners of these key packages and invites them.
    pub fn make_group(&mut self, name: &str, packages: Vec<Event>) -> GroupId {
        let config = NostrGroupConfigData::new(
            name.into(),
            String::new(),
            None,
            None,
            None,
            vec![self.relay.url().clone()],
            vec![self.key()],
        );
        let made = self
            .mdk
            .create_group(&self.key(), packages.clone(), config)
            .unwrap();
        self.invite(&packages, made.welcome_rumors);
        made.group.mls_group_id
    }

    /// Adds the owner of this key package to the group.
    pub fn add(&mut self, group: &GroupId, package: Event) {
        let packages = [package];
        let update = self.mdk.add_members(group, &packages).unwrap();
        let welcomes = self.commit(update);
        self.invite(&packages, welcomes);
    }

    /// Publishes a change of the group, which holds when the relay has taken it; the welcomes that are to be sent then.
    pub fn commit(&mut self, update: UpdateGroupResult) -> Vec<UnsignedEvent> {
        assert_eq!(self.relay.publish(&update.evolution_event), Ok(()));
        self.seen.insert(update.evolution_event.id);
        self.mdk.merge_pending_commit(&update.mls_group_id).unwrap();
        update.welcome_rumors.unwrap_or_default()
    }

    /// Sends each welcome to the owner of the key package that it was made for.
    fn invite(&mut self, packages: &[Event], welcomes: Vec<UnsignedEvent>) {
        assert_eq!(packages.len(), welcomes.len());
        for welcome in welcomes {
            let used = welcome.tags.find(TagKind::e()).unwrap().content().unwrap();
            let package = packages.iter().find(|it| it.id.to_hex() == used).unwrap();
            let wrap = EventBuilder::gift_wrap(&self.keys, &package.pubkey, welcome, []);
            let wrap = pollster::block_on(wrap).unwrap();
            assert_eq!(self.relay.publish(&wrap), Ok(()));
        }
    }

    /// The filter for gift wraps to this member.
    pub fn inbox(&self) -> Value {
        json!({"kinds": [1059], "#p": [self.key().to_hex()]})
    }

    /// Fetches the one invitation there is and joins the group, which is then followed.
    pub fn join(&mut self, from: &PublicKey) -> GroupId {
        let wraps = self.relay.stored(self.inbox()).unwrap();
        assert_eq!(wraps.len(), 1);
        let wrap = &wraps[0];
        let gift = pollster::block_on(UnwrappedGift::from_gift_wrap(&self.keys, wrap)).unwrap();
        assert_eq!((gift.sender, gift.rumor.kind), (*from, Kind::Custom(444)));
        let welcome = self.mdk.process_welcome(&wrap.id, &gift.rumor).unwrap();
        self.mdk.accept_welcome(&welcome).unwrap();
        self.follow(&welcome.mls_group_id);
        welcome.mls_group_id
    }

    /// The filter for messages to a group.
    pub fn messages(&self, group: &GroupId) -> Value {
        let group = self.mdk.get_group(group).unwrap().unwrap();
        let id: String = group
            .nostr_group_id
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        json!({"kinds": [445], "#h": [id]})
    }

    /// Follows the messages to a group.
    pub fn follow(&mut self, group: &GroupId) {
        let filter = self.messages(group);
        self.relay.follow(GROUP, filter);
    }

    /// Says something to the group; the event that carries it.
    pub fn say(&mut self, group: &GroupId, text: &str) -> Event {
        let rumor = EventBuilder::new(Kind::Custom(9), text).build(self.key());
        let event = self.mdk.create_message(group, rumor, None).unwrap();
        assert_eq!(self.relay.publish(&event), Ok(()));
        self.seen.insert(event.id);
        event
    }

    /// What arrives next in the group that is followed, own messages left out.
    pub fn hear(&mut self) -> Heard {
        loop {
            let event = self.relay.next(GROUP);
            if self.seen.insert(event.id) {
                return self.read(&event);
            }
        }
    }

    /// Reads what was stored and has not been read, oldest first.
    pub fn catch_up(&mut self, group: &GroupId) -> Vec<Heard> {
        let mut events = self.relay.stored(self.messages(group)).unwrap();
        events.reverse();
        events.retain(|event| self.seen.insert(event.id));
        events.iter().map(|event| self.read(event)).collect()
    }

    fn read(&self, event: &Event) -> Heard {
        let h = SingleLetterTag::lowercase(Alphabet::H);
        assert!(event.tags.find(TagKind::SingleLetter(h)).is_some());
        match self.mdk.process_message(event) {
            Ok(MessageProcessingResult::ApplicationMessage(message)) => {
                Heard::Said(message.pubkey, message.content)
            }
            Ok(MessageProcessingResult::Commit { .. }) => Heard::Changed,
            _ => Heard::Nothing,
        }
    }
}
