//! The service over records: what is due is checked, written, and due again later.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use super::super::findings::{Findings, Untold, Verdict};
use super::super::jury::Jury;
use super::super::own_network::{ENOUGH, PATIENCE};
use super::super::queue::Due;
use super::super::reason::Reason;
use super::super::service::run;
use super::super::visit::Checked;
use super::config;
use super::server::{Conn, NO_DOCUMENT, good, nobody, raw, relay};
use crate::config::Config;
use crate::ground::Ground;
use crate::relay_url::{Network, RelayUrl};
use crate::table::{RelayId, Status, mention};

/// Makes relays of these URLs that were in this status, and are due.
async fn relays(ground: &Ground, urls: Vec<String>, status: &'static str) {
    let write = ground.records.write(move |tx| {
        for url in &urls {
            let url = RelayUrl::parse(url).unwrap();
            let (id, _) = mention(tx, &url, "test", None, 1)?;
            tx.execute(
                "UPDATE observatory_relays SET state = 'relay', status = ?, next_ms = ? WHERE id = ?",
                (status, id.0, id.0),
            )?;
        }
        Ok::<_, stentor_sql::Error>(())
    });
    write.await.unwrap();
}

/// What checks have said so far: relay, online, reason, attempts; in order.
type Said = Vec<(i64, Option<bool>, Option<String>, i64)>;

async fn said(ground: &Ground) -> Said {
    let rows = ground.records.fetch_all(
        "SELECT relay, online, reason, attempts FROM observatory_checks ORDER BY relay, at_ms LIMIT 1000",
        (),
    );
    rows.await.unwrap()
}

/// Runs the service until this holds of what was said.
async fn until(ground: &Arc<Ground>, holds: impl Fn(&Said) -> bool) -> Said {
    let service = tokio::spawn(run(ground.clone()));
    let watch = async {
        loop {
            let written = ground.signals.checks.notified();
            let said = said(ground).await;
            if holds(&said) {
                return said;
            }
            // A signal that came before we listened is made up for by looking again.
            let _ = timeout(Duration::from_millis(200), written).await;
        }
    };
    let said = timeout(Duration::from_secs(30), watch).await;
    assert!(!service.is_finished());
    service.abort();
    let _ = service.await;
    said.expect("in time")
}

async fn statuses(ground: &Ground) -> Vec<(i64, String, bool)> {
    let now = i64::try_from(ground.clock.now_ms()).unwrap();
    let rows = ground.records.fetch_all(
        "SELECT id, status, next_ms > ? FROM observatory_relays ORDER BY id LIMIT 1000",
        (now,),
    );
    rows.await.unwrap()
}

async fn o2_4_what_is_due_is_checked_and_due_again_later(house: House) {
    let ground = crate::testing::ground(&house, config()).await;
    let urls = vec![good().await.url, nobody().await, good().await.url];
    relays(&ground, urls, "unknown").await;
    let said = until(&ground, |said| said.len() == 3).await;
    let online: Vec<_> = said.iter().map(|row| row.1).collect();
    assert_eq!(online, [Some(true), Some(false), Some(true)]);
    assert_eq!(said[1].2.as_deref(), Some("tcp"));
    let expected = [("online", true), ("offline", true), ("online", true)];
    let rows = statuses(&ground).await;
    let rows: Vec<_> = rows
        .iter()
        .map(|(_, status, later)| (status.as_str(), *later))
        .collect();
    assert_eq!(rows, expected);
    assert_eq!(*ground.signals.own_network().borrow(), Some(true));
}
both_engines!(o2_4_what_is_due_is_checked_and_due_again_later);

/// A configuration in which what passes is tried again.
fn patient() -> Config {
    let mut config = config();
    config.check.retries = 2;
    config
}

#[tokio::test]
async fn o2_3_what_passes_is_tried_again_in_the_same_check() {
    let (_house, ground) = super::ground_with(patient()).await;
    let server = relay(NO_DOCUMENT, |conn: Conn| async move {
        if conn.number > 0 {
            conn.serve(json!(["EOSE", ""]), (true, "")).await;
        }
    })
    .await;
    relays(&ground, vec![server.url.clone()], "online").await;
    let said = until(&ground, |said| !said.is_empty()).await;
    assert_eq!((said[0].1, said[0].3), (Some(true), 2));
    assert_eq!(server.sockets(), 2);
}

#[tokio::test]
async fn o2_3_what_stays_is_not_tried_again() {
    let (_house, ground) = super::ground_with(patient()).await;
    let server = raw(|mut stream, _| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut head = [0; 4_096];
        let _ = stream.read(&mut head).await;
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
    })
    .await;
    relays(&ground, vec![server.url.clone()], "online").await;
    let said = until(&ground, |said| !said.is_empty()).await;
    let expected = (1, Some(false), Some("http_404".to_owned()), 1);
    assert_eq!(said, [expected]);
    assert_eq!(server.sockets(), 1);
}

#[tokio::test]
async fn o2_3_while_our_own_network_is_down_nothing_changes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let control = listener.local_addr().unwrap();
    drop(listener);
    let mut config = config();
    config.check.control = vec![control.to_string()];
    config.check.interval_seconds = 1;
    let (_house, ground) = super::ground_with(config).await;
    relays(&ground, vec![nobody().await, nobody().await], "online").await;
    let own = ground.signals.own_network();
    // Nothing is begun any more, so that it may be one.
    let said = until(&ground, |said| !said.is_empty()).await;
    for (_, online, reason, _) in &said {
        assert_eq!((*online, reason.as_deref()), (None, Some("own_network")));
    }
    assert_eq!(*own.borrow(), Some(false));
    let rows = statuses(&ground).await;
    assert!(rows.iter().all(|(_, status, _)| status == "online"));
    let days: (i64,) = ground
        .records
        .fetch_one("SELECT COUNT(*) FROM observatory_days", ())
        .await
        .unwrap();
    assert_eq!(days, (0,));

    // The control host answers again: now the relays are away.
    let listener = TcpListener::bind(control).await.unwrap();
    let accepting = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    until(&ground, |said| {
        let away = |id| said.iter().any(|row| row.0 == id && row.1 == Some(false));
        away(1) && away(2)
    })
    .await;
    accepting.abort();
    assert_eq!(*own.borrow(), Some(true));
}

#[tokio::test]
async fn o2_3_without_control_hosts_ten_relays_at_once_tell() {
    let (_house, ground) = super::ground_with(config()).await;
    let mut urls = Vec::new();
    for _ in 0..ENOUGH {
        urls.push(nobody().await);
    }
    relays(&ground, urls, "online").await;
    let said = until(&ground, |said| said.len() == ENOUGH).await;
    let own = |row: &(i64, Option<bool>, Option<String>, i64)| {
        row.1.is_none() && row.2.as_deref() == Some("own_network")
    };
    assert!(said.iter().all(own), "{said:?}");
    assert_eq!(*ground.signals.own_network().borrow(), Some(false));
}

#[tokio::test]
async fn o2_3_control_hosts_that_are_gone_for_good_stop_nothing() {
    let mut config = config();
    config.check.control = vec!["127.0.0.1:1".to_owned()];
    let (_house, ground) = super::ground_with(config).await;
    let server = good().await;
    let urls = vec![nobody().await, server.url.clone()];
    relays(&ground, urls, "online").await;
    // The second was online, and is due when the first has been found away.
    let later = crate::clock::stored(ground.clock.now_ms() + 3_600_000);
    let seen = ground.records.write(move |tx| {
        tx.execute("UPDATE observatory_relays SET seen_ms = 1", ())?;
        let sql = "UPDATE observatory_relays SET next_ms = ? WHERE id = 2";
        tx.execute(sql, (later,))
    });
    seen.await.unwrap();
    let said = until(&ground, |said| !said.is_empty()).await;
    assert_eq!((said[0].0, said[0].1), (1, Some(false)), "{said:?}");
    assert_eq!(*ground.signals.own_network().borrow(), Some(true));
}

fn away(relay: i64) -> Checked {
    let now = Instant::now();
    Checked {
        due: Due {
            relay: RelayId(relay),
            url: "ws://127.0.0.1:1/".to_owned(),
            network: Network::Clearnet,
            status: Status::Online,
        },
        findings: Findings::offline(Reason::Tcp, "away"),
        attempts: 1,
        began: now,
        took: Duration::ZERO,
    }
}

#[tokio::test]
async fn o2_3_a_few_relays_are_away_after_a_while_or_when_others_are_reached() {
    let (_house, ground) = super::ground().await;
    let mut jury = Jury::new(ground);
    let decided = |jury: &mut Jury| -> Vec<_> {
        let taken = jury.take().into_iter();
        taken
            .map(|checked| (checked.due.relay.0, checked.findings.verdict.online()))
            .collect()
    };
    jury.judge(away(1)).await.unwrap();
    jury.release_held();
    assert!(decided(&mut jury).is_empty());
    jury.age_held(PATIENCE);
    jury.release_held();
    assert_eq!(decided(&mut jury), [(1, Some(false))]);

    // The check of a relay that was connected to before that one's began.
    let mut reached = away(4);
    reached.findings.reached = Some(true);
    reached.findings.reached_at = Some(Instant::now());
    let after = away(2);
    jury.judge(after).await.unwrap();
    jury.judge(reached).await.unwrap();
    assert_eq!(decided(&mut jury), [(4, Some(false))]);
    let mut reached = away(3);
    reached.findings.reached = Some(true);
    reached.findings.reached_at = Some(Instant::now());
    jury.judge(reached).await.unwrap();
    assert_eq!(decided(&mut jury), [(2, Some(false)), (3, Some(false))]);
}

#[tokio::test]
async fn o2_3_a_proxy_that_does_not_answer_is_told_of_until_it_does() {
    let (_house, ground) = super::ground().await;
    let mut jury = Jury::new(ground);
    let of_tor = |findings| {
        let mut checked = away(1);
        checked.due.network = Network::Tor;
        checked.findings = findings;
        checked
    };
    let unanswered = || Findings::only(Verdict::Untold(Untold::OwnNetwork));
    jury.judge(of_tor(unanswered())).await.unwrap();
    jury.judge(of_tor(unanswered())).await.unwrap();
    assert!(jury.is_proxy_away(Network::Tor) && !jury.is_down());
    // A visit for which no proxy was asked says nothing of it; an answer about a relay does.
    let refused = Findings::offline(Reason::Refused, "");
    jury.judge(of_tor(refused)).await.unwrap();
    assert!(jury.is_proxy_away(Network::Tor));
    let mut no_way = Findings::offline(Reason::Tcp, "");
    no_way.reached = Some(false);
    jury.judge(of_tor(no_way)).await.unwrap();
    assert!(!jury.is_proxy_away(Network::Tor));
    let verdicts = jury.take();
    let untold = verdicts
        .iter()
        .filter(|one| one.findings.verdict.online().is_none());
    assert_eq!((untold.count(), verdicts.len()), (2, 3));
}

#[tokio::test]
async fn o5_5_checks_do_not_begin_all_at_once_and_all_are_made() {
    let mut config = config();
    config.check.parallel = 20;
    let (_house, ground) = super::ground_with(config).await;
    let server = good().await;
    let urls = (0..30).map(|number| format!("{}{number}", server.url));
    relays(&ground, urls.collect(), "online").await;
    let start = Instant::now();
    let said = until(&ground, |said| said.len() == 30).await;
    assert!(said.iter().all(|row| row.1 == Some(true)));
    // Twenty a second, but for the first.
    assert!(start.elapsed() >= Duration::from_millis(1_300));
    assert_eq!(server.sockets(), 30);
}
