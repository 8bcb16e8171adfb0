//! The initiating side.

use std::collections::BTreeSet;

use negentropy::{Id, Negentropy, NegentropyStorageVector};
use serde_json::{Value, json};
use stentor_event::hexadecimal::{decode, encode};
use stentor_event::{Event, Timestamp};
use stentor_store::{EventStore, Outcome, Submission};

use crate::harness::*;

/// What the initiator has learned.
#[derive(Debug, PartialEq, Eq)]
pub struct Learned {
    /// Ids that only the initiator has.
    pub have: BTreeSet<String>,
    /// Ids that only the relay has.
    pub need: BTreeSet<String>,
}

/// Its side of a reconciliation.
pub struct Initiator {
    set: NegentropyStorageVector,
}

impl Initiator {
    /// One that has these events.
    pub fn new<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut set = NegentropyStorageVector::new();
        for event in events {
            let id = Id::from_byte_array(event.id().0);
            set.insert(event.created_at().0, id).unwrap();
        }
        set.seal().unwrap();
        Self { set }
    }

    /// The first message in hexadecimal.
    pub fn first(&self) -> String {
        encode(
            &Negentropy::borrowed(&self.set, 0)
                .unwrap()
                .initiate()
                .unwrap(),
        )
    }

    /// Reconciles to the end, or to NEG-ERR.
    pub async fn reconcile(&self, client: &mut Client, filter: Value) -> Result<Learned, Value> {
        let mut own = Negentropy::borrowed(&self.set, 30_000).unwrap();
        let first = encode(&own.initiate().unwrap());
        client
            .send(json!(["NEG-OPEN", "sync", filter, first]).to_string())
            .await;
        let (mut have, mut need) = (Vec::new(), Vec::new());
        loop {
            let answer = neg(client, "sync").await;
            if answer[0] == "NEG-ERR" {
                return Err(answer);
            }
            let message = decode(answer[2].as_str().unwrap().as_bytes()).unwrap();
            let next = own
                .reconcile_with_ids(&message, &mut have, &mut need)
                .unwrap();
            let Some(next) = next else { break };
            client
                .send(json!(["NEG-MSG", "sync", encode(&next)]).to_string())
                .await;
        }
        client.send(r#"["NEG-CLOSE","sync"]"#).await;
        let hex = |ids: Vec<Id>| ids.iter().map(|id| encode(id.as_bytes())).collect();
        Ok(Learned {
            have: hex(have),
            need: hex(need),
        })
    }
}

/// The next message about this reconciliation.
pub async fn neg(client: &mut Client, sub: &str) -> Value {
    let about = |message: &Value| {
        message[1] == sub
            && message[0]
                .as_str()
                .is_some_and(|verb| verb.starts_with("NEG-"))
    };
    client.find(about).await
}

/// The reason of the NEG-ERR that comes next about this reconciliation.
pub async fn neg_err(client: &mut Client, sub: &str) -> String {
    let answer = neg(client, sub).await;
    assert_eq!(answer[0], "NEG-ERR", "{answer}");
    answer[2].as_str().unwrap().to_owned()
}

/// Opens a reconciliation from nothing; its first answer.
pub async fn open(client: &mut Client, sub: &str, filter: Value) -> Value {
    let first = Initiator::new([]).first();
    client
        .send(json!(["NEG-OPEN", sub, filter, first]).to_string())
        .await;
    neg(client, sub).await
}

/// The ids that a relay reconciles with a filter.
pub async fn relay_has(client: &mut Client, filter: Value) -> Result<BTreeSet<String>, Value> {
    let learned = Initiator::new([]).reconcile(client, filter).await?;
    assert!(learned.have.is_empty());
    Ok(learned.need)
}

/// The ids of events.
pub fn ids<'a>(events: impl IntoIterator<Item = &'a Event>) -> BTreeSet<String> {
    events.into_iter().map(id).collect()
}

/// Events that nobody has signed: quick to make.
pub fn unsigned(count: u64, from: u64) -> Vec<Event> {
    let event = |number: u64| {
        let id = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let json = format!(
            r#"{{"id":"{id:016x}{number:048x}","pubkey":"{}","created_at":{},"kind":1,"tags":[],"content":"","sig":"{}"}}"#,
            public(1),
            from + number / 3,
            "cd".repeat(64),
        );
        Event::from_canonical(json.into()).unwrap()
    };
    (0..count).map(event).collect()
}

/// Puts events into the store of a relay, as they are.
pub async fn put(store: &dyn EventStore, events: &[Event]) {
    for part in events.chunks(5_000) {
        let submission = |event: &Event| Submission {
            event: event.clone(),
            verified: true,
        };
        let batch = part.iter().map(submission).collect();
        let outcomes = store.submit(batch, Timestamp(now())).await.unwrap();
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, Outcome::Stored(_)))
        );
    }
}
