//! Secrets taken out of what a service says, before anything of it is cut or shown.

use crate::host::{HeaderValue, Response};
use crate::model::{Masks, Secret};

/// Returns a refusal without the secrets that are known and those that stood in the headers of the request: a
/// service that repeats what it was sent must not make a message of it.
pub(super) fn without(response: &Response, known: &Masks, sent: &[HeaderValue]) -> Response {
    let carried = Masks::default();
    for value in sent {
        let HeaderValue::Sensitive(secret) = value else { continue };
        let text = secret.expose("what a request has carried, to leave it out of the answer");
        // A header such as `Bearer VALUE` is repeated without its first word too.
        for part in [Some(text), text.split_once(' ').map(|(_, value)| value)].into_iter().flatten() {
            carried.add(&Secret::new(part));
        }
    }
    let masked = |text: &str| carried.apply(&known.apply(text));
    Response {
        status: response.status,
        headers: response.headers.iter().map(|(name, value)| (name.clone(), masked(value))).collect(),
        body: masked(&String::from_utf8_lossy(&response.body)).into_bytes().into(),
    }
}
