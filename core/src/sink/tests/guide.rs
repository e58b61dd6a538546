//! The example of the guide: it is shown word for word, and it works.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::rc::Rc;

use serde_json::{Value, json};

use super::catalogue::CatalogueShape;
use super::{VALUE, delivery, value};
use crate::config::decode;
use crate::host::testing::TestHost;
use crate::model::{Code, Error};
use crate::sink::NoAdapters;
use crate::sink::place::{Around, Place, Shape as _};

fn place(host: &TestHost, connection: &str) -> Result<Rc<dyn Place>, Error> {
    let config = host.config(json!({}), json!({}));
    let subject = &config.targets()[0].subject;
    let sink = json!({
        "url": "https://catalogue.example", "connection": connection, "token": {"env": "SINK_TOKEN"},
    });
    let around = Around {
        path: "targets[0].deliver[0]".to_owned(),
        target: &subject.name,
        workspace: &subject.workspace,
        endpoints: config.endpoints(),
        azure: None,
        github: None,
    };
    decode::<CatalogueShape>(sink, &around.path)?.place(&around)
}

fn write(status: u16, answer: Value) -> (Result<(), Error>, Value) {
    let host = super::host();
    let config = host.config(json!({}), json!({}));
    host.on("PUT https://catalogue.example/connections/sales%20eu/token", status, answer);
    let place = place(&host, "sales eu").unwrap();
    let sink = place.open(&NoAdapters).unwrap();
    let written = host.with(&config, async |context| {
        sink.observe(context).await?;
        sink.write(context, &value(), &delivery()).await
    });
    (written, host.sent()[0].json())
}

#[test]
fn the_guide_shows_the_example_word_for_word() {
    let guide = include_str!("../../../../docs/adding-a-sink.md");
    assert!(guide.contains(include_str!("catalogue.rs")), "docs/adding-a-sink.md shows another catalogue.rs");
}

#[test]
fn the_example_of_the_guide_writes_and_tells_its_refusals() {
    let (written, body) = write(200, json!({}));
    assert_eq!((written, body), (Ok(()), json!({"id": "id-new", "token": VALUE})));
    for (status, code, hint) in [
        (401, Code::SinkPermissionMissing, "replace it"),
        (403, Code::SinkPermissionMissing, "an editor of the connection sales eu"),
        (404, Code::SinkNotFound, "correct targets[0].deliver[0].connection"),
        (400, Code::SinkRefused, ""),
    ] {
        let error = write(status, json!({"message": "no"})).0.unwrap_err();
        assert_eq!((error.code(), error.is_uncertain()), (code, false), "{status}");
        assert!(error.hint().contains(hint), "{}", error.hint());
    }
    let error = place(&TestHost::new(), "").unwrap_err();
    assert_eq!(error.key(), Some("targets[0].deliver[0].connection"));
}
