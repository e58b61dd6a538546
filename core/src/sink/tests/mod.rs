//! Each sink against a scripted service: the exact requests, and what becomes of every refusal.

mod azure_devops;
mod catalogue;
mod databricks_secret;
mod github_secret;
mod guide;
mod key_vault;
mod webhook;

use serde_json::Value;

use super::{Delivery, NoAdapters, Sink};
use crate::auth::Context;
use crate::engine::Config;
use crate::host::testing::{START, TestHost};
use crate::model::Error;
use crate::model::Secret;

/// The value that the tests deliver.
const VALUE: &str = "dapi-the-new-value";

fn value() -> Secret {
    Secret::new(VALUE)
}

fn delivery() -> Delivery {
    let at = |second: i64| crate::model::Timestamp::from_second(second).unwrap_or_default();
    Delivery {
        target: "catalog".to_owned(),
        credential_id: "id-new".to_owned(),
        created: at(START),
        expires: Some(at(START + 7_776_000)),
    }
}

fn host() -> TestHost {
    TestHost::new()
        .variable("PRINCIPAL_TOKEN", "principal-token")
        .variable("SINK_TOKEN", "sink-token")
        .variable("HOOK_KEY", "hook-key")
}

/// Reads a configuration whose target delivers to that sink alone.
fn config(host: &TestHost, document: Value, sink: Value) -> Config {
    host.config(document, serde_json::json!({"deliver": [sink]}))
}

/// Opens the place of delivery with that index.
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
fn open(config: &Config, index: usize) -> Box<dyn Sink + '_> {
    config.targets()[0].credentials[0].deliver[index].open(&NoAdapters).unwrap()
}

/// Opens the sink and has it used by the principal, of whom nobody is asked here.
fn with<T>(host: &TestHost, config: &Config, use_it: impl AsyncFnOnce(&Context<'_>, &dyn Sink) -> T) -> T {
    host.with(config, async |context| {
        context.set_known();
        use_it(context, open(config, 0).as_ref()).await
    })
}

/// Fails where the new value stands in what people see of an error.
fn is_silent(error: &Error) -> bool {
    let shown = format!("{error} {error:?} {}", error.hint());
    !shown.contains(VALUE)
        && !shown.contains("principal-token")
        && !shown.contains("sink-token")
        && !shown.contains("hook-key")
}

#[test]
fn past_its_lease_a_run_writes_to_no_sink() {
    let group = "GET https://dev.azure.com/acme/data/_apis/distributedtask/variablegroups/12?api-version=7.1";
    let shown = serde_json::json!({"id": 12, "variables": {},
        "variableGroupProjectReferences": [{"projectReference": {"name": "data"}}]});
    let secret = "https://acme.vault.azure.net/secrets/t?api-version=7.4";
    let none = serde_json::json!({});
    for (sink, reads) in [
        (serde_json::json!({"type": "databricks-secret", "scope": "s", "key": "k"}), vec![]),
        (
            serde_json::json!({"type": "webhook", "url": "https://hooks.example/",
                "key": {"env": "HOOK_KEY"}}),
            vec![],
        ),
        (
            serde_json::json!({"type": "key-vault", "vault": "https://acme.vault.azure.net", "secret": "t"}),
            vec![(format!("GET {secret}"), &none)],
        ),
        (
            serde_json::json!({"type": "azure-devops-variable", "organization": "acme", "project": "data",
                "group": 12, "variable": "T"}),
            vec![(group.to_owned(), &shown)],
        ),
    ] {
        let host = host();
        for (line, body) in &reads {
            host.on(line, 200, (*body).clone());
        }
        let config = config(&host, none.clone(), sink);
        let error = with(&host, &config, async |context, sink| {
            context.set_lease(Some(context.now()));
            sink.write(context, &value(), &delivery()).await.err()
        });
        assert_eq!(
            error.map(|e| (e.code(), e.is_uncertain())),
            Some((crate::model::Code::LeaseExpired, false))
        );
        assert_eq!(host.sent().len(), reads.len());
    }
}
