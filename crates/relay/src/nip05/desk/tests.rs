//! Who waits for whom, and who does not get in.

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::*;

const LIFETIMES: Lifetimes = Lifetimes {
    verified: Duration::from_secs(100),
    failed: Duration::from_secs(100),
};
const LIMITS: Limits = Limits {
    at_once: 4,
    of_domain: 2,
    waiting: 8,
    waiting_of_domain: 5,
    patience: Duration::from_secs(5),
};

/// Domains that answer when they are let, and what they were asked.
struct Domains {
    open: watch::Sender<bool>,
    answer: Answer,
    asked: Mutex<Vec<String>>,
    at_once: Mutex<(usize, usize)>,
}

impl Ask for Domains {
    fn ask<'a>(
        &'a self,
        address: &'a Address,
        _key: &'a PublicKey,
    ) -> stentor_store::BoxFuture<'a, Answer> {
        self.asked.lock().push(address.domain.clone());
        Box::pin(async {
            {
                let mut at_once = self.at_once.lock();
                at_once.0 += 1;
                at_once.1 = at_once.1.max(at_once.0);
            }
            let _ = self.open.subscribe().wait_for(|open| *open).await;
            self.at_once.lock().0 -= 1;
            self.answer
        })
    }
}

struct Bench {
    desk: Desk,
    domains: Arc<Domains>,
}

impl Bench {
    fn new(answer: Answer) -> Self {
        let domains = Arc::new(Domains {
            open: watch::Sender::new(false),
            answer,
            asked: Mutex::default(),
            at_once: Mutex::default(),
        });
        let cache = Arc::new(Cache::default());
        let own = Arc::clone(&domains);
        Self {
            desk: Desk::new("test", LIMITS, own, cache),
            domains,
        }
    }

    fn ask(&self, key: u8, domain: &str) -> Option<Flight> {
        let address = Address::parse(&format!("a@{domain}")).unwrap();
        self.desk.ask(PublicKey([key; 32]), &address, LIFETIMES)
    }

    /// Lets everything run that can.
    async fn settle(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    fn asked(&self) -> usize {
        self.domains.asked.lock().len()
    }

    fn open(&self) {
        self.domains.open.send_replace(true);
    }

    fn left(&self) -> (usize, usize) {
        let waiting = self.desk.0.waiting.lock();
        (waiting.flights.len(), waiting.domains.len())
    }
}

#[tokio::test(start_paused = true)]
async fn r4_2_a_domain_is_asked_once_about_a_key_however_many_wait() {
    let bench = Bench::new(Answer::Yes);
    let flights: Vec<Flight> = (0..1_000)
        .map(|_| bench.ask(1, "a.example").unwrap())
        .collect();
    bench.settle().await;
    assert_eq!(bench.left(), (1, 1));
    bench.open();
    let answers = join_all(flights).await;
    assert!(answers.iter().all(|answer| *answer == Answer::Yes));
    assert_eq!(bench.ask(1, "a.example").unwrap().await, Answer::Yes);
    assert_eq!(bench.asked(), 1, "what is known is not asked again");
    bench.settle().await;
    assert_eq!(bench.left(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn r4_2_look_ups_that_find_no_room_are_not_made() {
    let bench = Bench::new(Answer::Yes);
    let taken = |domain: &str, keys: std::ops::Range<u8>| {
        keys.filter(|key| bench.ask(*key, domain).is_some()).count()
    };
    assert_eq!(taken("slow.example", 0..20), 5, "of one domain");
    assert_eq!(taken("b.example", 0..20), 3, "of all");
    bench.settle().await;
    assert_eq!(bench.asked(), 4);
    bench.open();
    bench.settle().await;
    assert_eq!((bench.asked(), bench.left()), (8, (0, 0)));
    assert_eq!(bench.domains.at_once.lock().1, 4);
}

#[tokio::test(start_paused = true)]
async fn r4_2_a_slow_domain_holds_up_no_other() {
    let bench = Bench::new(Answer::Yes);
    let slow: Vec<Flight> = (0..5)
        .map(|key| bench.ask(key, "slow.example").unwrap())
        .collect();
    bench.settle().await;
    assert_eq!(bench.asked(), 2, "a domain is asked so much at once");
    assert!(bench.ask(1, "b.example").is_some());
    assert!(bench.ask(1, "c.example").is_some());
    bench.settle().await;
    assert_eq!(bench.asked(), 4);
    // Who has had no turn in time is told so, and nothing is remembered of it.
    let begun = tokio::time::Instant::now();
    assert_eq!(slow[4].clone().await, Answer::Unknown);
    assert_eq!(begun.elapsed(), LIMITS.patience);
    bench.open();
    assert_eq!(bench.ask(4, "slow.example").unwrap().await, Answer::Yes);
}

#[tokio::test(start_paused = true)]
async fn r4_2_the_look_up_goes_on_when_nobody_waits_for_it() {
    let bench = Bench::new(Answer::No);
    drop(bench.ask(1, "a.example"));
    bench.open();
    bench.settle().await;
    assert_eq!(bench.ask(1, "a.example").unwrap().await, Answer::No);
    assert_eq!(bench.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn r4_2_a_domain_that_does_not_answer_is_left_alone_for_a_while() {
    let bench = Bench::new(Answer::Unknown);
    bench.open();
    for key in 0..50 {
        assert_eq!(bench.ask(key, "a.example").unwrap().await, Answer::Unknown);
    }
    assert!((5..10).contains(&bench.asked()), "{}", bench.asked());
    assert_eq!(bench.ask(1, "b.example").unwrap().await, Answer::Unknown);
    assert_eq!(
        bench.domains.asked.lock().last().unwrap(),
        "b.example",
        "others are asked"
    );
}
