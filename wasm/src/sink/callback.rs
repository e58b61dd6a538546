//! A function of the calling program.

use std::time::Duration;

use lakekey_core::context::Context;
use lakekey_core::error::{Code, Error, Step};
use lakekey_core::platform::LocalFuture;
use lakekey_core::secret::Secret;
use lakekey_core::sink::{Delivery, Sink, SinkState, Written};
use serde_json::json;

use crate::host::{JsHost, milliseconds, settled};

/// How long a function may take; the run's lease outlasts it by far.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Hands a credential to a function.
pub(super) struct CallbackSink {
    host: JsHost,
    name: String,
}

impl CallbackSink {
    pub(super) fn new(host: JsHost, name: &str) -> Self {
        Self { host, name: name.to_owned() }
    }
}

impl Sink for CallbackSink {
    fn label(&self) -> String {
        format!("callback {}", self.name)
    }

    fn observe<'a>(&'a self, _: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        // A function cannot tell what became of the value that it was given.
        Box::pin(async { Ok(SinkState { written: Written::Unknown, holds: None }) })
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            context.check_lease_for(TIMEOUT, Step::Deliver)?;
            let info = json!({
                "target": delivery.target,
                "id": delivery.credential_id,
                "created": delivery.created,
                "expires": delivery.expires,
            });
            let value = value.expose("the caller's function, which is the place of delivery");
            let outcome =
                settled(self.host.write_sink(&self.name, value, &info.to_string(), milliseconds(TIMEOUT)))
                    .await;
            let name = &self.name;
            let (code, what, uncertain) = match outcome.as_string().as_deref() {
                None => return Ok(()),
                Some("refused") => {
                    (Code::SinkRefused, format!("the function \"{name}\" has refused the credential"), false)
                }
                Some("timed-out") => (
                    Code::SinkFailed,
                    format!("the function \"{name}\" was not done within {} s", TIMEOUT.as_secs()),
                    true,
                ),
                Some(_) => (Code::SinkFailed, format!("the function \"{name}\" failed"), true),
            };
            Err(Error::new(code, Step::Deliver, what).with_uncertainty(uncertain).with_hint(
                "catch the error inside the function to see it: it is not repeated here, since it may hold \
                 the credential; both credentials work until a later run has delivered",
            ))
        })
    }

    fn read_back<'a>(
        &'a self,
        _: &'a Context<'a>,
        _: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async {
            Ok(SinkState { written: Written::Unknown, holds: Some(delivery.credential_id.clone()) })
        })
    }
}
