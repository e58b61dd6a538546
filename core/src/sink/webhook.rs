//! A web service that takes the value by POST.
//!
//! The body is JSON: `target`, `credential-id`, `created`, `expires`, `sent` and `value`. The header
//! `x-lakekey-signature` is `sha256=` and, in lower-case hexadecimal, the HMAC-SHA256 of the exact bytes of
//! the body under the shared key. `sent`, seconds since 1970, is signed with all the rest and stands in
//! `x-lakekey-timestamp` too: a receiver checks the signature, then refuses what is older than five minutes,
//! then takes the value. A request may come twice, after a lost reply; `credential-id` tells that it is the
//! same.

use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::shared::within;
use super::{Delivery, Sink, SinkState, Written};
use crate::call::{Call, Service};
use crate::config::{Origin, SecretRef, SinkConfig};
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::platform::LocalFuture;
use crate::secret::{Secret, hex};
use crate::sign_in::secret;

/// The largest value, in bytes: what every web server takes unasked.
const LARGEST: usize = 512 * 1024;

/// Posts a credential to a web service.
pub(super) struct WebhookSink {
    path: String,
    origin: Origin,
    /// The rest of the URL, as it was written.
    place: String,
    key: SecretRef,
}

impl WebhookSink {
    /// Builds it; `None` for a sink of another type.
    pub(super) fn new(config: &SinkConfig, path: &str) -> Result<Option<Self>, Error> {
        let SinkConfig::Webhook { url, key } = config else { return Ok(None) };
        let origin = Origin::parse(url, &format!("{path}.url"))?.without_path();
        let place =
            url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()));
        Ok(Some(Self {
            path: path.to_owned(),
            origin,
            place: place.unwrap_or_else(|| "/".to_owned()),
            key: key.clone(),
        }))
    }

    fn key(&self, context: &Context<'_>) -> Result<Secret, Error> {
        secret(context, &self.key, &format!("{}.key", self.path))
    }

    async fn post(&self, context: &Context<'_>, value: &Secret, delivery: &Delivery) -> Result<(), Error> {
        within(value, LARGEST, "a webhook")?;
        let sent = context.now().as_second();
        let body = json!({
            "target": delivery.target,
            "credential-id": delivery.credential_id,
            "created": delivery.created,
            "expires": delivery.expires,
            "sent": sent,
            "value": value.expose("the web service that is to hold it"),
        });
        let body = Zeroizing::new(body.to_string().into_bytes());
        let signature = sign(&self.key(context)?, &body)?;
        let call = Call::post(Step::Deliver, Service::Webhook, &self.origin, self.place.as_str())
            .header("x-lakekey-signature", signature)
            .header("x-lakekey-timestamp", sent.to_string())
            .body("application/json", body)
            .repeatable(true)
            .fenced();
        context.execute(call).await.map(drop).map_err(|error| match error.code() {
            Code::Redirected => {
                error.with_hint(format!("give in {}.url the address that it redirects to", self.path))
            }
            _ => error,
        })
    }
}

/// Signs the body.
fn sign(key: &Secret, body: &[u8]) -> Result<String, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose("the key of the webhook's signature").as_bytes())
        .map_err(|_| Error::new(Code::Internal, Step::Deliver, "the key of the webhook cannot be used"))?;
    mac.update(body);
    Ok(format!("sha256={}", hex(&mac.finalize().into_bytes())))
}

impl Sink for WebhookSink {
    /// Leaves the path out: with some services whoever knows it may post.
    fn label(&self) -> String {
        format!("webhook {}", self.origin)
    }

    fn observe<'a>(&'a self, context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async {
            // A missing key is found before a credential is made.
            self.key(context)?;
            Ok(SinkState { written: Written::Unknown, holds: None })
        })
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(self.post(context, value, delivery))
    }

    fn read_back<'a>(
        &'a self,
        _: &'a Context<'a>,
        _: &'a Secret,
        _: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>> {
        // The 2xx is all that it tells.
        Box::pin(async { Ok(SinkState { written: Written::Unknown, holds: None }) })
    }
}
