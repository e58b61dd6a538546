//! The transport against servers on loopback that misbehave.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use lakekey::transport::HttpTransport;
use lakekey_core::{
    HeaderValue, Method, Request, Response, Secret, Transport as _, TransportError, TransportErrorKind,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

fn request(url: String) -> Request {
    Request {
        method: Method::GET,
        url,
        headers: Vec::new(),
        body: zeroize::Zeroizing::default(),
        timeout: Duration::from_secs(30),
        max_body: 1000,
        fresh_connection: false,
        target: String::new(),
    }
}

/// Takes connections and answers each request on them with the same bytes, then closes or keeps on.
async fn server(answer: &'static str, keep: bool) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/path?token=in-the-query", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_on(stream, answer, keep));
        }
    });
    (url, task)
}

async fn answer_on(mut stream: TcpStream, answer: &str, keep: bool) {
    let mut buffer = [0; 4096];
    let mut number = 0;
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {
        number += 1;
        if stream.write_all(answer.replace("NUMBER", &number.to_string()).as_bytes()).await.is_err() || !keep
        {
            return;
        }
    }
}

fn outcome(answer: &'static str) -> Result<Response, TransportError> {
    run(async {
        let (url, _server) = server(answer, false).await;
        HttpTransport::new().send(request(url)).await
    })
}

fn kind(answer: &'static str) -> TransportErrorKind {
    let error = outcome(answer).unwrap_err();
    assert!(!error.message.contains("in-the-query"), "{}", error.message);
    error.kind
}

#[test]
fn a_whole_response_is_taken_whatever_its_status() {
    let response = outcome("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\ncontent-length: 4\r\n\r\nbusy").unwrap();
    assert_eq!(
        (response.status, response.header("retry-after"), response.body.as_slice()),
        (503, Some("7"), &b"busy"[..])
    );
}

#[test]
fn a_redirect_is_a_response_and_not_followed() {
    let response =
        outcome("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/elsewhere\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
    assert_eq!((response.status, response.header("location")), (302, Some("http://127.0.0.1:1/elsewhere")));
}

#[test]
fn a_refused_connection_sent_nothing() {
    let error = run(async {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        HttpTransport::new()
            .send(request(format!("http://127.0.0.1:{port}/?token=in-the-query")))
            .await
            .unwrap_err()
    });
    assert_eq!(error.kind, TransportErrorKind::NotSent);
    assert!(
        error.message.contains("refused") && !error.message.contains("in-the-query"),
        "{}",
        error.message
    );
}

#[test]
fn a_connection_that_ends_before_the_answer_is_whole_loses_the_reply() {
    assert_eq!(kind(""), TransportErrorKind::Lost);
    assert_eq!(kind("HTTP/1.1 200 OK\r\ncontent-le"), TransportErrorKind::Lost);
    assert_eq!(kind("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"token"), TransportErrorKind::Lost);
    assert_eq!(
        kind("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"tok"),
        TransportErrorKind::Lost
    );
    assert_eq!(kind("this is no HTTP\r\n\r\n"), TransportErrorKind::Lost);
}

#[test]
fn a_body_over_the_limit_is_not_read_to_its_end() {
    assert_eq!(kind("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n"), TransportErrorKind::TooLarge);
    // Its length is not announced.
    let large: &'static str = Box::leak(
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n{}\r\n", "x".repeat(1001))
            .into(),
    );
    assert_eq!(kind(large), TransportErrorKind::TooLarge);
}

#[test]
fn an_answer_that_does_not_come_in_time_may_have_been_acted_on() {
    let error = run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        HttpTransport::new()
            .send(Request { timeout: Duration::from_millis(20), ..request(url) })
            .await
            .unwrap_err()
    });
    assert_eq!(error.kind, TransportErrorKind::TimedOut);
}

#[test]
fn connections_are_used_again_unless_a_fresh_one_is_asked_for() {
    run(async {
        let (url, _server) = server("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nNUMBER", true).await;
        let transport = HttpTransport::new();
        let mut seen = Vec::new();
        for fresh_connection in [false, false, true, true, false] {
            let response =
                transport.send(Request { fresh_connection, ..request(url.clone()) }).await.unwrap();
            seen.push(String::from_utf8(response.body.to_vec()).unwrap());
        }
        // Which request of its connection each was.
        assert_eq!(seen, ["1", "2", "1", "1", "3"]);
    });
}

#[test]
fn a_value_that_would_forge_a_header_is_not_sent_and_not_shown() {
    let error = run(async {
        let (url, _server) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
        let value = HeaderValue::Sensitive(Secret::new("Bearer x\r\nhost: evil.example"));
        HttpTransport::new()
            .send(Request { headers: vec![("authorization".to_owned(), value)], ..request(url) })
            .await
            .unwrap_err()
    });
    assert_eq!(error.kind, TransportErrorKind::NotSent);
    assert!(!error.message.contains("evil"), "{}", error.message);
}
