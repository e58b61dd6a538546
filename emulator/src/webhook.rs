//! A receiver of webhooks, which keeps what it is sent and checks nothing.

use crate::call::{Call, Reply};
use crate::world::World;

/// Describes one request that the receiver was sent.
#[derive(Debug, Clone)]
pub struct WebhookDelivery {
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// When it came, in milliseconds since 1970.
    pub at_ms: i64,
}

impl WebhookDelivery {
    /// Returns a header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    if !matches!(call.method.as_str(), "POST" | "PUT") {
        return Reply::unknown_route(call);
    }
    let headers = call.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    world.webhooks.push(WebhookDelivery {
        method: call.method.clone(),
        path: call.path.clone(),
        headers: headers.collect(),
        body: call.body.clone(),
        at_ms: call.now_ms,
    });
    Reply::empty(204)
}
