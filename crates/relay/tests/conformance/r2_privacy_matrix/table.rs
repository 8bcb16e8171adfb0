//! The rows and columns of the matrix: who looks, what there is, and how it is asked for.

use serde_json::{Value, json};
use stentor_event::{Event, Timestamp};
use stentor_store::{Outcome, Submission};

use super::oracle::CONFIGURED;
use crate::harness::*;

/// The author of most private events, their recipient, the recipient of others, and somebody who is in none.
pub const AUTHOR: u8 = 1;
pub const RECIPIENT: u8 = 2;
pub const OTHER: u8 = 3;
pub const STRANGER: u8 = 4;
/// An author who writes to the same recipient.
pub const SECOND_AUTHOR: u8 = 5;

/// Who looks: the keys that have been proven, in this order.
pub const VIEWERS: [(&str, &[u8]); 8] = [
    ("anonymous", &[]),
    ("author", &[AUTHOR]),
    ("recipient", &[RECIPIENT]),
    ("recipient of others", &[OTHER]),
    ("stranger", &[STRANGER]),
    ("stranger, then recipient", &[STRANGER, RECIPIENT]),
    ("both recipients", &[RECIPIENT, OTHER]),
    (
        "other recipient, then second author",
        &[OTHER, SECOND_AUTHOR],
    ),
];

/// Kinds in each of which there are the same events, for everybody and for the parties.
const STORED: [u16; 8] = [1, 6, 4, 7, 1_059, 4_321, 5_555, 30_555];
/// Private kinds that are never stored.
const PASSING: [u16; 2] = [20_555, 21_059];

/// The note that all events refer to.
pub fn target() -> String {
    "5".repeat(64)
}

/// The two groups.
pub fn groups() -> [String; 2] {
    ["ab".repeat(32), "cd".repeat(32)]
}

/// The JSON of an event.
pub fn value(event: &Event) -> Value {
    serde_json::from_str(&text(event)).unwrap()
}

/// Makes events that differ.
pub struct Maker {
    made: u64,
    newest: u64,
    word: &'static str,
}

impl Maker {
    /// Events of the last minutes, all with this word in their content.
    pub fn new(word: &'static str) -> Self {
        Self {
            made: 0,
            newest: now() - 10,
            word,
        }
    }

    /// An event by this author with these tags, beside those that all have. Two are made in each second.
    fn make(&mut self, kind: u16, author: u8, tags: &[[&str; 2]]) -> Event {
        self.made += 1;
        let content = format!("{} {}", self.word, self.made);
        let bare = event(kind, self.newest - self.made / 2)
            .content(content)
            .tag(["e", &target()])
            .tag(["t", "matrix"])
            .tag(["d", &self.made.to_string()]);
        let tagged = tags.iter().fold(bare, |builder, tag| builder.tag(*tag));
        tagged.sign(&key(author))
    }

    /// The same events in each of the kinds.
    fn in_kinds(&mut self, kinds: &[u16]) -> Vec<Event> {
        let [one, two, three] = [AUTHOR, RECIPIENT, OTHER].map(public);
        let mut events = Vec::new();
        for kind in kinds {
            events.push(self.make(*kind, AUTHOR, &[["p", &two]]));
            events.push(self.make(*kind, AUTHOR, &[["p", &three]]));
            events.push(self.make(*kind, AUTHOR, &[["p", &two], ["p", &three]]));
            events.push(self.make(*kind, SECOND_AUTHOR, &[["p", &two]]));
            events.push(self.make(*kind, RECIPIENT, &[["p", &one]]));
            events.push(self.make(*kind, AUTHOR, &[]));
            // These tags make nobody a party.
            events.push(self.make(*kind, SECOND_AUTHOR, &[["P", &two], ["q", &three]]));
        }
        events
    }

    /// Messages of groups, by somebody and to somebody, and a private event that has the tag of a group.
    fn of_groups(&mut self) -> Vec<Event> {
        let [one, two] = groups();
        vec![
            self.make(445, AUTHOR, &[["h", &one], ["p", &public(RECIPIENT)]]),
            self.make(445, STRANGER, &[["h", &one]]),
            self.make(445, RECIPIENT, &[["h", &two]]),
            self.make(4, AUTHOR, &[["h", &one], ["p", &public(RECIPIENT)]]),
        ]
    }

    /// What is stored before anybody asks.
    pub fn stored(&mut self) -> Vec<Event> {
        let mut events = self.in_kinds(&STORED);
        events.extend(self.of_groups());
        events
    }

    /// What comes while subscriptions are open.
    pub fn live(&mut self) -> Vec<Event> {
        let mut events = self.in_kinds(&STORED);
        events.extend(self.in_kinds(&PASSING));
        events.extend(self.of_groups());
        events
    }

    /// Stores what is then taken away again: deleted by its author, a gift wrap deleted by whom it was for, an older
    /// version, expired. Returns it, and the requests to delete, which stay.
    pub async fn gone(&mut self, client: &mut Client, node: &Node) -> (Vec<Event>, Vec<Event>) {
        let two = public(RECIPIENT);
        let (mut gone, mut requests) = (Vec::new(), Vec::new());
        for (kind, by) in [
            (1, AUTHOR),
            (4, AUTHOR),
            (5_555, AUTHOR),
            (1_059, RECIPIENT),
        ] {
            let doomed = self.make(kind, AUTHOR, &[["p", &two]]);
            client.store(&doomed).await;
            let request = event(5, now()).tag(["e", &id(&doomed)]).sign(&key(by));
            client.store(&request).await;
            gone.push(doomed);
            requests.push(request);
        }
        for kind in [1, 4, 1_059, 5_555] {
            let passed = (now() - 5).to_string();
            let expired = self.make(kind, AUTHOR, &[["p", &two], ["expiration", &passed]]);
            // It came before it expired, and has not been purged.
            let submission = Submission {
                event: expired.clone(),
                verified: true,
            };
            let early = Timestamp(now() - 20);
            let outcomes = node.store.submit(vec![submission], early).await.unwrap();
            assert!(matches!(outcomes[0], Outcome::Stored(_)));
            gone.push(expired);
        }
        let version = |ago: u64| {
            let versioned = event(30_555, now() - ago).tag(["d", "versions"]);
            let tagged = versioned.tag(["p", &two]).tag(["e", &target()]);
            tagged.sign(&key(AUTHOR))
        };
        let (old, new) = (version(9), version(8));
        client.store(&old).await;
        client.store(&new).await;
        gone.push(old);
        requests.push(new);
        (gone, requests)
    }
}

/// The questions with one filter. `events` are those that can be asked for by id.
pub fn filters(events: &[Event]) -> Vec<Value> {
    let [one, two, three, four, five] =
        [AUTHOR, RECIPIENT, OTHER, STRANGER, SECOND_AUTHOR].map(public);
    let [group, other_group] = groups();
    let ids: Vec<String> = events.iter().map(id).collect();
    let middle = now() - 25;
    let mut filters = vec![
        json!({}),
        json!({"kinds": []}),
        json!({"kinds": [4], "ids": []}),
        json!({"ids": ids}),
        json!({"ids": ids[..ids.len() / 2], "authors": [one]}),
        json!({"authors": [one]}),
        json!({"authors": [five, four]}),
        json!({"authors": [one, five], "#p": [two, three]}),
        json!({"#p": [two]}),
        json!({"#p": [three]}),
        json!({"#p": [two, three]}),
        json!({"#p": [one, two, three, four]}),
        json!({"#p": [two], "#t": ["matrix"]}),
        json!({"#P": [two]}),
        json!({"#q": [three]}),
        json!({"#e": [target()]}),
        json!({"#t": ["matrix"]}),
        json!({"since": middle}),
        json!({"until": middle, "#e": [target()]}),
        json!({"#h": [group]}),
        json!({"#h": [group, other_group]}),
        json!({"#H": [group]}),
        json!({"#h": [group], "authors": [one]}),
        json!({"kinds": [445]}),
        json!({"kinds": [445], "#h": [group]}),
        json!({"kinds": [445], "#p": [two]}),
        json!({"kinds": [445, 4]}),
        json!({"kinds": [445, 4], "#h": [group]}),
        json!({"kinds": [445, 4], "#h": [group], "#p": [two]}),
        json!({"kinds": [6], "#e": [target()]}),
        json!({"kinds": [1], "#e": [target()]}),
        json!({"kinds": [4, 1_059], "#p": [two]}),
        json!({"kinds": [4, 7, 1_059, 5_555, 20_555, 21_059, 30_555]}),
        json!({"kinds": [1, 4, 7, 1_059, 5_555, 30_555], "#p": [two, three]}),
    ];
    let private = [4, 1_059, 21_059].into_iter().chain(CONFIGURED);
    for kind in private {
        filters.extend([
            json!({"kinds": [kind]}),
            json!({"kinds": [kind, 1]}),
            json!({"kinds": [kind], "#p": [two]}),
            json!({"kinds": [kind], "#p": [two, three]}),
            json!({"kinds": [kind], "#e": [target()]}),
            json!({"kinds": [kind], "authors": [one]}),
            json!({"kinds": [kind], "authors": [one], "#p": [three]}),
            json!({"kinds": [kind], "ids": ids}),
        ]);
    }
    filters
}

/// The questions with several filters.
pub fn unions() -> Vec<Vec<Value>> {
    let [one, two, three] = [AUTHOR, RECIPIENT, OTHER].map(public);
    let group = &groups()[0];
    vec![
        vec![json!({"kinds": [4]}), json!({"kinds": [1]})],
        vec![
            json!({"kinds": [4], "#p": [three]}),
            json!({"kinds": [1_059], "#p": [two]}),
        ],
        vec![
            json!({"kinds": [5_555]}),
            json!({"kinds": [7], "authors": [one]}),
            json!({"#P": [two]}),
        ],
        vec![json!({"authors": [one]}), json!({"#h": [group]})],
        vec![json!({"kinds": [445]}), json!({"#H": [group]})],
        vec![json!({}), json!({"kinds": [445], "#h": [group]})],
        vec![json!({"#e": [target()]}), json!({"#p": [two]})],
    ]
}
