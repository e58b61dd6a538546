//! Secrets taken out of what a service says, before anything of it is cut or shown.

use zeroize::Zeroizing;

use crate::host::{HeaderValue, Response};
use crate::model::Secret;

/// What stands where a secret stood.
const MASK: &str = "***";

/// Returns a refusal without the secrets that the run knows of and those that the request has carried: a
/// service that repeats what it was sent must not make a message of it.
pub(super) fn without(response: &Response, secrets: &[Secret], sent: &[&Secret]) -> Response {
    // A header such as `Bearer VALUE` is repeated without its first word too.
    let parts = sent.iter().flat_map(|secret| {
        let text = secret.expose("what a request has carried, to leave it out of the answer");
        [Some(text), text.split_once(' ').map(|(_, value)| value)]
    });
    let mut forms: Vec<Zeroizing<String>> = secrets.iter().flat_map(Secret::forms).collect();
    forms.extend(parts.flatten().flat_map(|text| Secret::new(text).forms()));
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let masked = |text: &str| {
        forms.iter().fold(text.to_owned(), |text, form| match text.contains(form.as_str()) {
            true => text.replace(form.as_str(), MASK),
            false => text,
        })
    };
    Response {
        status: response.status,
        headers: response.headers.iter().map(|(name, value)| (name.clone(), masked(value))).collect(),
        body: masked(&String::from_utf8_lossy(&response.body)).into_bytes().into(),
    }
}

/// Returns the secrets that stand in headers.
pub(super) fn of_headers<'h>(headers: impl IntoIterator<Item = &'h HeaderValue>) -> Vec<&'h Secret> {
    let sensitive = |value: &'h HeaderValue| match value {
        HeaderValue::Sensitive(secret) => Some(secret),
        HeaderValue::Plain(_) => None,
    };
    headers.into_iter().filter_map(sensitive).collect()
}
