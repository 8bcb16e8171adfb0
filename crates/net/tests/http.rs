//! G5.3: answers are limited in size and time, and nothing is followed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // outside of test functions, too

mod common;

use std::time::Duration;

use common::dns::Dns;
use common::{Trap, loopback_dialer, serve};
use stentor_net::dial::{Dialer, Family, Target, Trust};
use stentor_net::http::{Excess, HeaderMap, HeaderValue, HttpError, Request, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Reads a request up to the end of its body.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length: ")
                        .map(str::to_owned)
                })
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        if stream.read_buf(&mut read).await.unwrap() == 0 {
            return text;
        }
    }
}

/// A server that answers every request with these bytes, then hangs up.
async fn answering(answer: &'static str) -> std::net::SocketAddr {
    serve(move |mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await
}

async fn to(address: std::net::SocketAddr, path: &str) -> (Dialer, Target) {
    let dns = Dns::with(&["127.0.0.1"]).await;
    let dialer = loopback_dialer(dns.address);
    let url = format!("http://host.example.org:{}{path}", address.port());
    let target = dialer.admit(&url, Family::Web, Trust::Stranger).unwrap();
    (dialer, target)
}

#[tokio::test]
async fn g5_3_a_redirect_is_an_answer() {
    let trap = Trap::set().await;
    let location = format!("http://127.0.0.1:{}/", trap.address.port());
    let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let server = answering(answer.leak()).await;
    let (dialer, target) = to(server, "/").await;
    let response = dialer.request(&Request::get(target)).await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
    assert_eq!(response.headers[header::LOCATION], location);
    assert_eq!(trap.visits().await, 0);
}

#[tokio::test]
async fn g5_a_request_says_what_it_was_given() {
    let (seen, mut requests) = mpsc::channel(1);
    let server = serve(move |mut stream| {
        let seen = seen.clone();
        async move {
            seen.send(read_request(&mut stream).await).await.unwrap();
            let answer = "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let (dialer, target) = to(server, "/a?b=c#d").await;
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", HeaderValue::from_static("7"));
    headers.insert(header::HOST, HeaderValue::from_static("other.example.org"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("9999"));
    let request = Request::post(target, "hello").headers(headers);
    let response = dialer.request(&request).await.unwrap();
    assert_eq!(
        (response.status, &response.body[..], response.cut),
        (StatusCode::OK, &b"abcde"[..], false)
    );
    assert_eq!(response.headers["x-a"], "b");
    let sent = requests.recv().await.unwrap().to_lowercase();
    assert!(sent.starts_with("post /a?b=c http/1.1\r\n"), "{sent}");
    assert!(
        sent.contains(&format!("\r\nhost: host.example.org:{}\r\n", server.port())),
        "{sent}"
    );
    assert!(
        sent.contains("\r\nwebhook-id: 7\r\n") && sent.contains("\r\nuser-agent: stentor/"),
        "{sent}"
    );
    assert!(
        sent.contains("\r\ncontent-length: 5\r\n") && sent.ends_with("\r\n\r\nhello"),
        "{sent}"
    );
    assert!(!sent.contains("other.example.org"), "{sent}");
}

#[tokio::test]
async fn g5_3_a_body_is_not_read_beyond_its_limit() {
    // One that says how long it is, one that does not, one without end.
    let said = answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    )
    .await;
    let until_closed =
        answering("HTTP/1.1 200 OK\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx").await;
    let endless = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        while stream.write_all(b"4\r\nxxxx\r\n").await.is_ok() {}
    })
    .await;
    for server in [said, until_closed, endless] {
        let (dialer, target) = to(server, "/").await;
        let request = Request::get(target).at_most(10, Excess::Fail);
        let failed = dialer.request(&request).await;
        assert!(matches!(failed, Err(HttpError::TooLarge(10))), "{failed:?}");
        let response = dialer
            .request(&request.at_most(10, Excess::Cut))
            .await
            .unwrap();
        assert_eq!(
            (&response.body[..], response.cut),
            (&b"xxxxxxxxxx"[..], true)
        );
    }
    let exactly = answering("HTTP/1.1 200 OK\r\n\r\nxxxxxxxxxx").await;
    let (dialer, target) = to(exactly, "/").await;
    let response = dialer
        .request(&Request::get(target).at_most(10, Excess::Fail))
        .await
        .unwrap();
    assert_eq!((response.body.len(), response.cut), (10, false));
}

#[tokio::test]
async fn g5_3_a_head_without_end_is_not_read_on() {
    let server = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream
            .write_all(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let (dialer, target) = to(server, "/").await;
    let failed = dialer.request(&Request::get(target)).await;
    assert!(matches!(failed, Err(HttpError::Exchange(_))), "{failed:?}");
}

#[tokio::test]
async fn g5_3_a_slow_answer_is_given_up() {
    let silent = serve(|mut stream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let dripping = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    for server in [silent, dripping] {
        let (dialer, target) = to(server, "/").await;
        let request = Request::get(target).within(Duration::from_millis(200));
        let failed = dialer.request(&request).await;
        assert!(matches!(failed, Err(HttpError::Timeout)), "{failed:?}");
        assert!(!failed.unwrap_err().is_permanent());
    }
}

#[tokio::test]
async fn g5_what_is_not_http_is_no_answer() {
    for answer in [
        "",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
    ] {
        let (dialer, target) = to(answering(answer).await, "/").await;
        let failed = dialer.request(&Request::get(target)).await;
        assert!(
            matches!(failed, Err(HttpError::Exchange(_))),
            "{answer:?}: {failed:?}"
        );
    }
}

#[tokio::test]
async fn o4_3_a_file_is_sent_as_it_is_read() {
    let (seen, mut requests) = mpsc::channel(2);
    let server = serve(move |mut stream| {
        let seen = seen.clone();
        async move {
            let request = read_request(&mut stream).await;
            // Who has gone before the end has no answer.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            seen.send(request).await.unwrap();
        }
    })
    .await;
    let (dialer, target) = to(server, "/x").await;
    let content: String = (0..60_000).map(|number| format!("{number} ")).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &content).unwrap();
    let length = content.len() as u64;
    let open = || tokio::fs::File::open(file.path());
    let request = Request::new(stentor_net::http::Method::PUT, target);
    let sent = dialer.upload(&request, open().await.unwrap(), length);
    assert_eq!(sent.await.unwrap().status, StatusCode::OK);
    let (head, body) = {
        let request = requests.recv().await.unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), body.to_owned())
    };
    assert!(head.starts_with("put /x http/1.1\r\n"), "{head}");
    let told = format!("content-length: {length}");
    assert!(head.lines().any(|line| line == told), "{head}");
    assert!(!head.contains("transfer-encoding") && body == content);
    let short = dialer.upload(&request, open().await.unwrap(), length + 1);
    assert!(
        matches!(short.await, Err(HttpError::Exchange(_))),
        "the file ends before"
    );
}
