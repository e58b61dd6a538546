#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{HostOptions, Hosted, host};
use crate::{Fault, FaultKind};

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

async fn hosted() -> Hosted {
    host(HostOptions { workspaces: Some(2), seed: Some(1), ..HostOptions::default() }).await.unwrap()
}

/// Sends a GET over a new connection, and returns all that comes back.
async fn get(url: &str, path: &str, token: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_ready_line_names_every_origin_and_its_configuration_holds_no_secret() {
    run(async {
        let hosted = hosted().await;
        let ready = serde_json::to_value(hosted.ready()).unwrap();
        let fields = [
            "login",
            "graph",
            "github",
            "azure-devops",
            "key-vault",
            "control",
            "config",
            "imds",
            "management",
            "accounts",
        ];
        for field in fields {
            assert!(ready[field].is_string(), "{field}");
        }
        assert_eq!((&ready["ready"], ready["workspaces"].as_array().unwrap().len()), (&json!(true), 2));
        let config = std::fs::read_to_string(&hosted.ready().config).unwrap();
        assert!(hosted.emulator().issued_secrets().iter().all(|secret| !config.contains(secret.as_str())));
        for name in hosted.ready().env.keys() {
            assert!(config.contains(&format!("env: {name}")), "{name}");
        }
    });
}

#[test]
fn each_workspace_answers_at_its_own_origin_and_the_configuration_goes_with_the_host() {
    run(async {
        let hosted = hosted().await;
        let ready = hosted.ready().clone();
        let token = &ready.env["DATABRICKS_ADMIN_TOKEN"];
        assert!(get(&ready.workspaces[0], "/api/2.0/token/list", token).await.starts_with("HTTP/1.1 200 OK"));
        assert!(
            get(&ready.workspaces[1], "/api/2.0/token/list", token)
                .await
                .starts_with("HTTP/1.1 403 Forbidden")
        );
        assert!(get(&ready.control, "/requests", "").await.contains("\"workspace\":1"));
        drop(hosted);
        assert!(!ready.config.exists());
    });
}

#[test]
fn faults_reach_the_wire() {
    run(async {
        let hosted = hosted().await;
        let (url, token) =
            (hosted.ready().workspaces[0].clone(), hosted.ready().env["DATABRICKS_ADMIN_TOKEN"].clone());
        let ask = async |kind| {
            hosted.emulator().set_faults(vec![Fault::every(kind)]);
            get(&url, "/api/2.0/token/list", &token).await
        };
        assert_eq!(ask(FaultKind::DropBefore).await, "");
        assert_eq!(ask(FaultKind::DropAfter).await, "");
        let truncated = ask(FaultKind::Truncate).await;
        let (head, body) = truncated.split_once("\r\n\r\n").unwrap();
        let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        assert!(body.len() < promised.parse().unwrap());
        assert!(ask(FaultKind::Huge).await.len() > 100_000_000);
    });
}
