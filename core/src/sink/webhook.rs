//! `webhook`: a web service that takes the value by POST.
//!
//! The body is JSON: `target`, `credential-id`, `created`, `expires`, `sent` and `value`. The header
//! `x-lakekey-signature` is `sha256=` and, in lower-case hexadecimal, the HMAC-SHA256 of the exact bytes of
//! the body under the shared key. `sent`, seconds since 1970, is signed with all the rest and stands in
//! `x-lakekey-timestamp` too: a receiver checks the signature, then refuses what is older than five minutes,
//! then takes the value. A request may come twice, after a lost reply; `credential-id` tells that it is the
//! same.

use std::rc::Rc;

use hmac::{Hmac, Mac as _};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::adapters::{Adapters, Sink};
use super::place::{Around, Place, Shape};
use super::shared::within;
use super::state::{Delivery, SinkState, Written};
use crate::auth::Context;
use crate::config::{Reference, SecretRef};
use crate::host::{Environment, LocalFuture};
use crate::http::{Call, Dialect};
use crate::model::{Code, Error, Origin, Secret, Step, hex};

/// The service of the user, as it says no.
static WEBHOOK: Dialect = Dialect::plain("the webhook");

/// The largest value, in bytes: what every web server takes unasked.
const LARGEST: usize = 512 * 1024;

/// A web service that takes the value by POST, signed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WebhookShape {
    /// The URL.
    url: String,
    /// The key of the HMAC-SHA256 that signs the body.
    key: SecretRef,
}

/// Posts a credential to a web service.
#[derive(Debug)]
struct Webhook {
    path: String,
    target: String,
    /// The whole URL.
    url: Origin,
    origin: Origin,
    /// The rest of the URL, as it was written.
    place: String,
    key: Reference,
}

impl Shape for WebhookShape {
    fn place(self, around: &Around<'_>) -> Result<Rc<dyn Place>, Error> {
        let url = Origin::parse(&self.url, &around.at("url"))?;
        around.endpoints.check_user_host(&url, &around.at("url"))?;
        let rest = self.url.split_once("://").and_then(|(_, rest)| Some(rest[rest.find('/')?..].to_owned()));
        Ok(Rc::new(Webhook {
            path: around.path.clone(),
            target: around.target.to_owned(),
            origin: url.without_path(),
            url,
            place: rest.unwrap_or_else(|| "/".to_owned()),
            key: Reference::new(&self.key, around.at("key")).anything(),
        }))
    }
}

impl Place for Webhook {
    /// Leaves the path out: with some services those who know it may post.
    fn label(&self) -> String {
        format!("webhook {}", self.origin)
    }

    /// The value says which target it is of, so that one service may take those of many targets.
    fn identity(&self) -> String {
        format!("webhook {} {}", self.target, self.url)
    }

    fn tells_writes(&self) -> bool {
        false
    }

    fn check_references(&self, environment: &dyn Environment) -> Result<(), Error> {
        self.key.check(environment)
    }

    fn open<'s>(&'s self, _adapters: &'s dyn Adapters) -> Result<Box<dyn Sink + 's>, Error> {
        Ok(Box::new(WebhookSink(self)))
    }
}

struct WebhookSink<'s>(&'s Webhook);

impl WebhookSink<'_> {
    fn key(&self, context: &Context<'_>) -> Result<Secret, Error> {
        context.secret(&self.0.key.secret, &self.0.key.path)
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
        let call = Call::post(Step::Deliver, &WEBHOOK, &self.0.origin, self.0.place.as_str())
            .header("x-lakekey-signature", signature)
            .header("x-lakekey-timestamp", sent.to_string())
            .body("application/json", body)
            .repeatable(true)
            .fenced();
        context.execute(call).await.map(drop).map_err(|error| match error.code() {
            Code::Redirected => {
                error.with_hint(format!("give in {}.url the address that it redirects to", self.0.path))
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

impl Sink for WebhookSink<'_> {
    fn label(&self) -> String {
        self.0.label()
    }

    fn observe<'a>(&'a self, context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async {
            // A missing key is found before a credential is made.
            self.key(context)?;
            Ok(SinkState { written: Written::Unknown, holds: None, editor: None })
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
        Box::pin(async { Ok(SinkState { written: Written::Unknown, holds: None, editor: None }) })
    }
}
