//! Two nodes on one database with a transport between them: readers are the same as on one node.

use std::sync::Arc;

use parking_lot::Mutex;
use stentor_bus::{Bus, Config, From, InProcess, Interest, NewsFuture, Transport};
use stentor_event::Event;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Subject, event, live, next, operator, store};

both_engines!(
    g1_2_nodes_tell_each_other_of_entries,
    g1_2_ephemeral_events_pass_between_nodes,
);

/// All nodes, as a server between them would know them.
type Between = Arc<Mutex<Vec<Arc<InProcess>>>>;

/// A node's way to all.
struct Link {
    own: Arc<InProcess>,
    between: Between,
}

impl Link {
    fn between(between: &Between) -> Arc<dyn Transport> {
        let own = Arc::new(InProcess::new(100));
        between.lock().push(Arc::clone(&own));
        Arc::new(Self {
            own,
            between: Arc::clone(between),
        })
    }
}

impl Transport for Link {
    fn grown(&self) {
        self.between.lock().iter().for_each(|node| node.grown());
    }

    fn pass(&self, events: Vec<Event>) {
        for node in self.between.lock().iter() {
            node.pass(events.clone());
        }
    }

    fn listen(&self, heard: bool) {
        self.own.listen(heard);
    }

    fn news(&self) -> NewsFuture<'_> {
        self.own.news()
    }
}

/// Two nodes that would look for each other's entries once a minute.
async fn pair(house: &House) -> (Subject, Subject) {
    let between = Between::default();
    let config = Config {
        poll_ms: 60_000,
        ..Config::default()
    };
    let node = async || {
        let (store, records) = (store(), house.open().await);
        let link = Link::between(&between);
        let bus = Bus::open_over(link, Arc::clone(&store), records, config.clone());
        Subject::of(bus.await.unwrap(), store)
    };
    (node().await, node().await)
}

async fn g1_2_nodes_tell_each_other_of_entries(house: House) {
    let (one, other) = pair(&house).await;
    let mut reader = other.bus.read(From::Now, operator(), Interest::default());
    live(&other, &mut reader, 1).await;
    for percent in 1..=3 {
        one.progress("a", "root", "j", percent).await;
        assert_eq!(next(&mut reader, 1).await, [format!("j:{percent}")]);
    }
}

async fn g1_2_ephemeral_events_pass_between_nodes(house: House) {
    let (one, other) = pair(&house).await;
    let mut reader = other.bus.read(From::Now, operator(), Interest::default());
    live(&other, &mut reader, 1).await;
    one.store(&[&event(1, 20_001, "passing", &[])]).await;
    assert_eq!(next(&mut reader, 1).await, ["~passing"]);
}
