use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp, Viewer};
use stentor_serve::{Outbox, OutboxLimits};

use super::*;

const HOLD: HoldLimits = HoldLimits {
    events: 3,
    bytes: 1 << 20,
};

struct Node {
    registry: Registry,
    rules: Arc<VisibilityRules>,
    next: u64,
}

impl Node {
    fn new() -> Self {
        Self {
            registry: Registry::default(),
            rules: Arc::default(),
            next: 1,
        }
    }

    fn client(&self) -> Arc<Client> {
        let anonymous = Arc::new(Viewer::anonymous(Arc::clone(&self.rules)));
        Arc::new(Client::new(Outbox::new(OutboxLimits::default()), anonymous))
    }

    fn subscribe(
        &self,
        client: &Arc<Client>,
        connection: u64,
        filters: &[&str],
        replaces: Option<Registration>,
    ) -> Registration {
        let filters = filters
            .iter()
            .map(|json| Filter::parse(json.as_bytes()).unwrap())
            .collect();
        let sub = SubscriptionId::new("s").unwrap();
        let request = Request {
            client,
            connection,
            sub: &sub,
            filters,
            searches: None,
            replaces,
            most: NodeLimits::default(),
        };
        self.registry
            .register(request, || EventNumber(self.next))
            .unwrap()
    }

    fn commit(&mut self, builders: Vec<EventBuilder>) -> Tally {
        let key = SecretKey::from_bytes([3; 32]).unwrap();
        let events: Vec<Committed> = builders
            .into_iter()
            .map(|builder| {
                self.next += 1;
                Committed {
                    number: Some(EventNumber(self.next - 1)),
                    event: builder.sign(&key),
                }
            })
            .collect();
        self.registry.pass(&events, &self.rules, HOLD)
    }
}

fn note(text: &str) -> EventBuilder {
    EventBuilder::new(Kind::NOTE, Timestamp(100)).content(text)
}

fn live(registration: &Registration) {
    registration.live().go_live(|_| ()).unwrap();
}

#[test]
fn r1_7_an_event_is_delivered_once_though_several_filters_match() {
    let mut node = Node::new();
    let client = node.client();
    let both = node.subscribe(
        &client,
        1,
        &[r#"{"kinds":[1]}"#, "{}", r##"{"#t":["a","b"]}"##],
        None,
    );
    live(&both);
    let tally = node.commit(vec![note("x").tag(["t", "a"]).tag(["t", "b"])]);
    assert_eq!(tally.delivered, 1);
    assert_eq!(client.outbox().pressure().frames, 1);
    node.registry.remove(both);
    assert_eq!(
        client.outbox().pressure().frames,
        0,
        "what waited is dropped with the subscription"
    );
    assert_eq!(node.commit(vec![note("y")]).delivered, 0);
    assert!(node.registry.is_empty());
}

#[test]
fn r1_7_stored_events_are_not_live_ones() {
    let mut node = Node::new();
    let client = node.client();
    let key = SecretKey::from_bytes([3; 32]).unwrap();
    node.next = 5;
    let all = node.subscribe(&client, 1, &["{}"], None);
    live(&all);
    let old = Committed {
        number: Some(EventNumber(4)),
        event: note("old").sign(&key),
    };
    let new = Committed {
        number: Some(EventNumber(5)),
        event: note("new").sign(&key),
    };
    let passing = Committed {
        number: None,
        event: EventBuilder::new(Kind(20_001), Timestamp(1)).sign(&key),
    };
    assert_eq!(
        node.registry
            .pass(&[old, new, passing], &node.rules, HOLD)
            .delivered,
        2
    );
}

#[test]
fn r1_7_new_events_are_held_until_the_stored_ones_are_sent() {
    let mut node = Node::new();
    let client = node.client();
    let all = node.subscribe(&client, 1, &["{}"], None);
    node.commit(vec![note("a"), note("b")]);
    assert_eq!(client.outbox().pressure().frames, 0);
    let mut held = Vec::new();
    all.live()
        .go_live(|events| held.extend_from_slice(events))
        .unwrap();
    assert_eq!(held.len(), 2);
    assert!(String::from_utf8_lossy(&held[0]).contains(r#""content":"a""#));
    node.commit(vec![note("c")]);
    assert_eq!(client.outbox().pressure().frames, 1);
}

#[test]
fn r8_1_what_is_held_is_bounded() {
    let mut node = Node::new();
    let client = node.client();
    let all = node.subscribe(&client, 1, &["{}"], None);
    node.commit(vec![note("a"), note("b"), note("c")]);
    assert!(!all.live().has_overflowed());
    node.commit(vec![note("d")]);
    assert!(all.live().has_overflowed());
    assert_eq!(all.live().go_live(|_| ()), Err(HoldOverflow));
}

#[test]
fn r2_1_private_events_reach_their_parties_only() {
    let mut node = Node::new();
    let (me, other) = (
        SecretKey::from_bytes([8; 32]).unwrap().public_key(),
        node.client(),
    );
    let client = node.client();
    let (mine, others) = (
        node.subscribe(&client, 1, &["{}"], None),
        node.subscribe(&other, 2, &["{}"], None),
    );
    live(&mine);
    live(&others);
    let wrap = || EventBuilder::new(Kind::GIFT_WRAP, Timestamp(1)).tag(["p", &me.to_string()]);
    assert_eq!(node.commit(vec![wrap()]).delivered, 0);
    let mut keys = stentor_auth::Keys::default();
    keys.add(me, 0).unwrap();
    client.set_keys(&keys);
    assert_eq!(
        node.commit(vec![wrap()]).delivered,
        1,
        "the keys count that are proven at the delivery"
    );
    assert_eq!(client.outbox().pressure().frames, 1);
    node.rules = Arc::new(VisibilityRules::new([Kind::NOTE], []));
    assert_eq!(
        node.commit(vec![note("now private")]).delivered,
        0,
        "rules can change while the relay runs"
    );
}

#[test]
fn r4_5_subscriptions_of_the_node_are_limited() {
    let node = Node::new();
    let client = node.client();
    let sub = SubscriptionId::new("s").unwrap();
    let filters: Arc<[Filter]> = [Filter::default()].into();
    let request = |replaces| Request {
        client: &client,
        connection: 1,
        sub: &sub,
        filters: Arc::clone(&filters),
        searches: None,
        replaces,
        most: NodeLimits {
            subscriptions: 1,
            values: 0,
        },
    };
    let first = node
        .registry
        .register(request(None), || EventNumber(1))
        .unwrap();
    assert_eq!(
        node.registry
            .register(request(None), || EventNumber(1))
            .unwrap_err(),
        RegistryFull
    );
    let second = node
        .registry
        .register(request(Some(first)), || EventNumber(1))
        .unwrap();
    assert_eq!(node.registry.len(), 1);
    node.registry.remove(second);
}

#[test]
fn r1_7_replacing_drops_what_waited() {
    let mut node = Node::new();
    let client = node.client();
    let first = node.subscribe(&client, 1, &["{}"], None);
    live(&first);
    node.commit(vec![note("a")]);
    let second = node.subscribe(&client, 1, &["{}"], Some(first));
    assert_eq!(
        client.outbox().pressure().frames,
        0,
        "it is a stored event to the successor"
    );
    assert_eq!(second.live().from(), EventNumber(2));
    assert_eq!(node.registry.len(), 1);
}

#[test]
fn r4_5_values_of_the_node_are_limited() {
    let node = Node::new();
    let (client, sub) = (node.client(), SubscriptionId::new("s").unwrap());
    let filters =
        |json: &str| -> Arc<[Filter]> { [Filter::parse(json.as_bytes()).unwrap()].into() };
    let register = |json: &str, replaces| {
        let most = NodeLimits {
            subscriptions: 0,
            values: 3,
        };
        let request = Request {
            client: &client,
            connection: 1,
            sub: &sub,
            filters: filters(json),
            searches: None,
            replaces,
            most,
        };
        node.registry.register(request, || EventNumber(1))
    };
    let two = register(r##"{"#t":["a"],"kinds":[1]}"##, None).unwrap();
    assert!(register(r##"{"#t":["a","b"]}"##, None).is_err());
    let three = register(r##"{"#t":["a","b","c"]}"##, Some(two)).unwrap();
    assert!(register(r##"{"#t":["a"]}"##, None).is_err());
    node.registry.remove(three);
    assert!(register(r##"{"#t":["a"]}"##, None).is_ok());
}

#[test]
fn r4_5_kinds_and_long_values_count_as_what_they_take() {
    let cost = |json: &str| values(&[Filter::parse(json.as_bytes()).unwrap()]);
    let key = "ab".repeat(32);
    assert_eq!(cost("{}"), 0);
    assert_eq!(cost(r#"{"kinds":[1,2,3],"limit":5,"since":1}"#), 3);
    assert_eq!(
        cost(&format!(r#"{{"ids":["{key}"],"authors":["{key}"]}}"#)),
        2
    );
    assert_eq!(cost(&format!(r##"{{"#p":["{key}"],"#t":["","a"]}}"##)), 4);
    let long = "x".repeat(500_000);
    assert_eq!(cost(&format!(r##"{{"#t":["{long}"]}}"##)), 15_625);
    assert_eq!(cost(&format!(r#"{{"search":"{long}"}}"#)), 15_625);
    let all: Vec<String> = (0..=u16::MAX).map(|kind| kind.to_string()).collect();
    assert_eq!(cost(&format!(r#"{{"kinds":[{}]}}"#, all.join(","))), 65_536);
}

#[test]
fn r1_7_a_filter_of_many_kinds_gets_its_events_and_no_others() {
    let mut node = Node::new();
    let client = node.client();
    let kinds: Vec<String> = (1..=17).map(|kind| kind.to_string()).collect();
    let many = node.subscribe(
        &client,
        1,
        &[&format!(r#"{{"kinds":[{}]}}"#, kinds.join(","))],
        None,
    );
    live(&many);
    let of_kind = |kind: u16| EventBuilder::new(Kind(kind), Timestamp(100));
    let tally = node.commit(vec![of_kind(16), of_kind(20), of_kind(17)]);
    assert_eq!(tally.delivered, 2);
}
