//! Plugins that crash, hang, talk nonsense or cannot run, and too many events at once.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_a_crash_fails_the_event_that_caused_it_and_no_other() {
    let node = node([python("moody.py")]).await;
    let mut client = node.client().await;
    let events: Vec<Event> = (0..20)
        .map(|number| {
            let mood = if number == 7 { "crash" } else { "good" };
            event(1, now())
                .content(format!("{mood} {number}"))
                .sign(&key(1))
        })
        .collect();
    for event in &events {
        send(&mut client, event).await;
    }
    for (number, event) in events.iter().enumerate() {
        let expected = match number {
            7 => (false, FAILED.into()),
            _ => (true, String::new()),
        };
        assert_eq!(answer(&mut client, event).await, expected, "{number}");
    }
    client.store(&note(1, 1, "it runs again")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_nonsense_and_lines_without_end() {
    let node = node([python("moody.py")]).await;
    let mut client = node.client().await;
    for mood in ["nonsense", "endless", "unknown"] {
        let published = client.publish(&note(1, 0, mood)).await;
        assert_eq!(published, (false, FAILED.into()), "{mood}");
        client
            .store(&note(1, 0, &format!("good after {mood}")))
            .await;
    }
    let before = pid(&mut client).await;
    for number in 0..50 {
        client.store(&numbered(1, "chatty", number)).await;
        if number % 10 == 0 {
            client.store(&numbered(1, "loud", number)).await;
        }
    }
    assert_eq!(pid(&mut client).await, before, "talk is borne");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_what_is_not_answered_in_time_fails_as_the_operator_chose() {
    for on_failure in [OnFailure::Refuse, OnFailure::Accept] {
        let node = node([Plugin {
            timeout_ms: 300,
            on_failure,
            ..plugin("silent", ["sh", "-c", SILENT])
        }])
        .await;
        let mut client = node.client().await;
        let expected = match on_failure {
            OnFailure::Refuse => (false, FAILED.into()),
            OnFailure::Accept => (true, String::new()),
        };
        for number in 0..3 {
            let begun = Instant::now();
            assert_eq!(client.publish(&numbered(1, "x", number)).await, expected);
            assert!(begun.elapsed() < Duration::from_secs(10));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_a_plugin_that_does_not_read() {
    let node = node([Plugin {
        timeout_ms: 300,
        ..plugin("deaf", ["sleep", "1000"])
    }])
    .await;
    let mut client = node.client().await;
    let large = |number: u64| numbered(1, &"x".repeat(60_000), number);
    let events: Vec<Event> = (0..10).map(large).collect();
    for event in &events {
        send(&mut client, event).await;
    }
    for event in &events {
        assert_eq!(answer(&mut client, event).await, (false, FAILED.into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_a_plugin_that_cannot_run() {
    let missing = plugin("missing", ["/nowhere/plugin"]);
    let ends = plugin("ends", ["true"]);
    for broken in [missing, ends] {
        let node = node([Plugin {
            timeout_ms: 2_000,
            restart_ms: 5_000,
            ..broken
        }])
        .await;
        let mut client = node.client().await;
        let published = client.publish(&note(1, 0, "x")).await;
        assert_eq!(published, (false, FAILED.into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_no_more_events_wait_than_configured() {
    let node = node([Plugin {
        waiting: 2,
        ..python("held.py")
    }])
    .await;
    let mut client = node.client().await;
    let held: Vec<Event> = (0..3)
        .map(|number: u64| event(7, now() - 100 * number).sign(&key(1)))
        .collect();
    for event in &held {
        send(&mut client, event).await;
    }
    let refused = client.find(|message| message[0] == "OK").await;
    assert_eq!((&refused[2], &refused[3]), (&json!(false), &json!(FAILED)));
    let mut silent = 0;
    for event in &held {
        silent += usize::from(client.silent(&id(event)).await);
    }
    assert_eq!(silent, 3, "and no other is answered");
}
