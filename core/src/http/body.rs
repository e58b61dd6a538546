//! From the body of an answer to what was asked for.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::Call;
use super::dialect::{is_html, is_json, request_id};
use crate::host::Response;
use crate::model::typed::{Misfit, from_value};
use crate::model::{Code, Error, Temporary};

/// Decodes a body. What was cut or replaced on its way may come whole the next time.
pub(super) fn decoded<T: DeserializeOwned>(call: &Call, response: &Response) -> Result<T, Error> {
    // Little stands here, since it is compiled once a type.
    from_value(json_of(call, response)?).map_err(|misfit| unfit(call, response, &misfit))
}

fn json_of(call: &Call, response: &Response) -> Result<Value, Error> {
    let value = serde_json::from_slice(&response.body).map_err(|error| {
        if is_html(response) {
            return garbled(call, response, "a web page, probably a log-in page");
        }
        let place = format!("line {}, column {}", error.line(), error.column());
        garbled(call, response, &format!("a body that is no JSON ({place})"))
    })?;
    match call.proves && !is_json(response) {
        true => Err(garbled(call, response, "a body whose content type is not that of JSON")),
        false => Ok(value),
    }
}

fn unfit(call: &Call, response: &Response, misfit: &Misfit) -> Error {
    // What does not fit may be a secret; its place is none.
    match misfit.path() {
        "" => garbled(call, response, "a body of another form"),
        path => garbled(call, response, &format!("a body of another form (at {path})")),
    }
}

fn garbled(call: &Call, response: &Response, what: &str) -> Error {
    Error::new(Code::ReplyInvalid, call.step, format!("{} answered with {what}", call.service))
        .with_request_id(request_id(response))
        .with_temporary(Temporary::Yes)
        .with_uncertainty(!call.repeatable)
}
