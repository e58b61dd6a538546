//! A function of the calling program.

use std::time::Duration;

use lakekey_core::{
    Callback, Code, Context, Delivery, Error, LocalFuture, Secret, Sink, SinkState, Step, Written,
};
use serde_json::json;

use crate::js::{JsHost, milliseconds, settled};

/// How long a function may take; the run's lease outlasts it by far.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Hands a credential to a function.
pub(super) struct CallbackSink<'s> {
    pub(super) host: &'s JsHost,
    pub(super) callback: &'s Callback,
}

impl Sink for CallbackSink<'_> {
    fn label(&self) -> String {
        self.callback.label()
    }

    fn observe<'a>(&'a self, _: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        // A function cannot tell what became of the value that it was given.
        Box::pin(async { Ok(SinkState { written: Written::Unknown, holds: None, editor: None }) })
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            context.check_lease(TIMEOUT, Step::Deliver)?;
            let info = json!({
                "target": delivery.target,
                "id": delivery.credential_id,
                "created": delivery.created,
                "expires": delivery.expires,
            });
            let value = value.expose("the caller's function, which is the place of delivery");
            let name = &self.callback.name;
            let written = self.host.write_sink(name, value, &info.to_string(), milliseconds(TIMEOUT));
            let outcome = settled(written).await;
            let (code, what, uncertain, admitted) = match outcome.as_string().as_deref() {
                None => return Ok(()),
                Some("refused") => (
                    Code::SinkRefused,
                    format!("the function \"{name}\" has refused the credential"),
                    false,
                    false,
                ),
                Some("timed-out") => (
                    Code::SinkFailed,
                    format!("the function \"{name}\" was not done within {} s", TIMEOUT.as_secs()),
                    true,
                    false,
                ),
                Some(_) => (Code::SinkFailed, format!("the function \"{name}\" failed"), true, true),
            };
            let error = Error::new(code, Step::Deliver, what).with_uncertainty(uncertain);
            Err(error.with_admission(admitted).with_hint(
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
            Ok(SinkState {
                written: Written::Unknown,
                holds: Some(delivery.credential_id.clone()),
                editor: None,
            })
        })
    }
}
