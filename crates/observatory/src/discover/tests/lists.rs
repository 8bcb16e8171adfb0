//! Lists on web servers (O1.1).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::super::lists::{look, name_of};
use super::server::{answer, http};
use super::{config, intake, mentioned, row};
use crate::config::{Discover, HttpList};
use crate::ground::Ground;
use crate::testing::ground;

async fn look_at(ground: &Arc<Ground>, list: &HttpList) -> Result<(), String> {
    let intake = intake(ground).await;
    look(ground, &intake, list, &name_of(list)).await.unwrap()
}

fn list(address: std::net::SocketAddr, path: &str) -> HttpList {
    HttpList {
        url: format!("http://{address}/list"),
        path: Some(path.to_owned()),
        interval_minutes: 60,
    }
}

async fn o1_1_a_list_is_fetched_only_when_it_has_changed(house: House) {
    let body = Arc::new(Mutex::new((1, r#"["wss://a.example",7]"#)));
    let (served, sent) = (body.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = sent.clone();
    let (address, _) = http(move |head| {
        let (version, body) = *served.lock();
        if head
            .to_lowercase()
            .contains(&format!("if-none-match: \"{version}\""))
        {
            return answer("304 Not Modified", "", "");
        }
        counted.fetch_add(1, Ordering::Relaxed);
        answer("200 OK", &format!("ETag: \"{version}\"\r\n"), body)
    })
    .await;
    let ground = ground(&house, config(Discover::default())).await;
    let list = list(address, "$[*]");
    for _ in 0..2 {
        look_at(&ground, &list).await.unwrap();
        assert_eq!(
            mentioned(&ground).await,
            [row("wss://a.example/", "http_list", 1)]
        );
        assert_eq!(sent.load(Ordering::Relaxed), 1);
    }
    *body.lock() = (2, r#"["wss://a.example","wss://b.example"]"#);
    look_at(&ground, &list).await.unwrap();
    let expected = [
        row("wss://a.example/", "http_list", 2),
        row("wss://b.example/", "http_list", 1),
    ];
    assert_eq!(mentioned(&ground).await, expected);
    // Another tag for the same text is no news.
    body.lock().0 = 3;
    look_at(&ground, &list).await.unwrap();
    assert_eq!(sent.load(Ordering::Relaxed), 3);
    assert_eq!(mentioned(&ground).await, expected);
    look_at(&ground, &list).await.unwrap();
    assert_eq!(sent.load(Ordering::Relaxed), 3);
}

async fn o1_1_a_list_that_cannot_be_had_says_why_and_changes_nothing(house: House) {
    let ground = ground(&house, config(Discover::default())).await;
    let huge = "[".to_owned() + &"1,".repeat(600_000) + "1]";
    let answers = [
        answer("500 Internal Server Error", "", ""),
        answer("302 Found", "Location: http://127.0.0.1:1/\r\n", ""),
        answer("200 OK", "", "<html>"),
        answer("200 OK", "", &huge),
        "SSH-2.0-x\r\n".to_owned(),
    ];
    for (answer, word) in answers
        .into_iter()
        .zip(["500", "302", "expected", "larger", "no answer"])
    {
        let (address, _) = http(move |_| answer.clone()).await;
        let problem = look_at(&ground, &list(address, "$")).await.unwrap_err();
        assert!(problem.contains(word), "{word}: {problem}");
    }
    assert!(mentioned(&ground).await.is_empty());
}

async fn o1_1_what_opens_a_list_is_not_told_with_its_relays(house: House) {
    let asked = Arc::new(Mutex::new(String::new()));
    let seen = asked.clone();
    let (address, _) = http(move |head| {
        head.clone_into(&mut seen.lock());
        answer("200 OK", "", r#"["wss://a.example"]"#)
    })
    .await;
    let ground = ground(&house, config(Discover::default())).await;
    let mut list = list(address, "$[*]");
    list.url.push_str("?token=secret");
    look_at(&ground, &list).await.unwrap();
    assert!(asked.lock().starts_with("GET /list?token=secret "));
    let sql = "SELECT found_in FROM observatory_relays";
    let (told,): (Option<String>,) = ground.records.fetch_one(sql, ()).await.unwrap();
    assert_eq!(told, Some(format!("http://{address}/list")));
}

both_engines!(
    o1_1_what_opens_a_list_is_not_told_with_its_relays,
    o1_1_a_list_is_fetched_only_when_it_has_changed,
    o1_1_a_list_that_cannot_be_had_says_why_and_changes_nothing,
);
