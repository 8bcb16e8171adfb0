//! G3.3: the same log, paged.

use stentor_auth::Scope;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Subject, note};

both_engines!(g3_3_the_history_is_read_page_by_page);

async fn g3_3_the_history_is_read_page_by_page(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", &[Scope::NostrRead]).await;
    let gone = note("gone");
    subject.store(&[&gone]).await;
    for number in 0..25 {
        subject.store(&[&note(&number.to_string())]).await;
    }
    subject.store.remove(&[gone.id()]).await.unwrap();
    let (mut contents, mut since) = (Vec::new(), "oldest".to_owned());
    loop {
        let path =
            format!("/api/v1/events/history?limit=10&types=nostr.event.stored&since={since}");
        let answer = subject.get(&path, Some(&key)).await;
        assert!(answer.head.contains("content-type: application/json"));
        let page = answer.json();
        assert_eq!(page["resync_required"], false);
        for envelope in page["events"].as_array().unwrap() {
            contents.push(envelope["data"]["content"].as_str().unwrap().to_owned());
        }
        page["next"].as_str().unwrap().clone_into(&mut since);
        if page["more"] == false {
            break;
        }
    }
    let all: Vec<String> = (0..25).map(|number| number.to_string()).collect();
    assert_eq!(contents, all, "what is gone is not in it");
    // The end of the history is where a stream goes on.
    subject.store(&[&note("later")]).await;
    let path = format!("/api/v1/events?since={since}&types=nostr.event.stored");
    let mut stream = subject.stream(&path, Some(&key), None).await;
    assert_eq!(stream.contents(1).await, ["later"]);
}
