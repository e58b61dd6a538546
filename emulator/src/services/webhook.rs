//! A receiver of webhooks and of heartbeats, which keeps what it is sent and checks nothing.

use crate::call::Call;
use crate::reply::Reply;
use crate::state::WebhookDelivery;
use crate::world::World;

pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    if !matches!(call.method.as_str(), "GET" | "POST" | "PUT") {
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
