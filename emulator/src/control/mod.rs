//! The control origin: what was asked, what the world holds, and what is to go wrong.

mod azure_seeds;
mod azure_state;
mod seeds;
mod state;

use http::{Request, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::call::form_value;
use crate::clock::{parse_rfc3339, rfc3339};
use crate::emulator::Emulator;
use crate::fault::Fault;
use crate::json::one_or_many;
use crate::reply::Reply;
use crate::state::{Spread, SpreadKind};

pub use azure_seeds::{AzureSeed, SeedVariable};
pub use seeds::Seed;

/// Answers a request to the control origin.
pub(crate) fn handle(emulator: &Emulator, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    if !is_local(request) {
        let message = "The control origin answers to programs on this machine alone, not to pages of others.";
        return Reply::json(403, &json!({"error": message})).into_response();
    }
    route(emulator, request)
        .unwrap_or_else(|message| Reply::json(400, &json!({"error": message})))
        .into_response()
}

/// Says whether a request was meant for this machine: a page of another site could send one too, under a name
/// that leads here.
fn is_local(request: &Request<Vec<u8>>) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let is_loopback = |authority: &str| {
        let host = match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        matches!(host, "127.0.0.1" | "localhost" | "::1")
    };
    let of_origin = |origin: &str| origin.split_once("://").is_some_and(|(_, rest)| is_loopback(rest));
    header("host").is_none_or(is_loopback) && header("origin").is_none_or(of_origin)
}

fn route(emulator: &Emulator, request: &Request<Vec<u8>>) -> Result<Reply, String> {
    let query: Vec<(String, String)> =
        form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    match (request.method().as_str(), request.uri().path()) {
        ("GET", "/requests") => {
            let bodies = form_value(&query, "bodies").is_some_and(|value| matches!(value, "1" | "true"));
            let mut records = emulator.requests();
            if !bodies {
                records.iter_mut().for_each(|record| record.body = None);
            }
            Ok(done(json!({"requests": records})))
        }
        ("DELETE", "/requests") => {
            emulator.clear_requests();
            Ok(Reply::empty(204))
        }
        ("GET", "/state") => Ok(done(emulator.world(|world| state::shown(world)))),
        // For tests that look for secrets where they must not be; this is the one route that shows them.
        ("GET", "/issued-secrets") => Ok(done(json!({"secrets": emulator.issued_secrets()}))),
        ("POST", "/faults") => {
            let faults: Vec<Fault> = one_or_many(read(request)?, "faults")?;
            let count = faults.len();
            emulator.set_faults(faults);
            Ok(done(json!({"faults": count})))
        }
        ("DELETE", "/faults") => {
            emulator.set_faults(Vec::new());
            Ok(Reply::empty(204))
        }
        ("POST", "/clock") => clock(emulator, request),
        ("GET", "/clock") => Ok(done(json!({"now": rfc3339(emulator.now_ms())}))),
        ("POST", "/spread") => {
            let spreads: std::collections::BTreeMap<SpreadKind, Spread> = read(request)?;
            emulator
                .world(|world| spreads.into_iter().for_each(|(kind, spread)| world.spread.set(kind, spread)));
            Ok(Reply::empty(204))
        }
        ("POST", "/seed") => {
            let seeds: Vec<Seed> = one_or_many(read(request)?, "seeds")?;
            let made =
                seeds.into_iter().map(|seed| emulator.seed(seed)).collect::<Result<Vec<Value>, String>>()?;
            Ok(done(json!({"made": made})))
        }
        (method, path) => Ok(Reply::json(
            404,
            &json!({"error": format!("The control origin does not know {method} {path}.")}),
        )),
    }
}

fn done(value: Value) -> Reply {
    Reply::json(200, &value)
}

fn read<T: DeserializeOwned>(request: &Request<Vec<u8>>) -> Result<T, String> {
    serde_json::from_slice(request.body()).map_err(|error| error.to_string())
}

fn clock(emulator: &Emulator, request: &Request<Vec<u8>>) -> Result<Reply, String> {
    let map: serde_json::Map<String, Value> = read(request)?;
    for (key, value) in &map {
        match (key.as_str(), value) {
            ("advance-seconds", value) => {
                let seconds = value.as_f64().ok_or("advance-seconds is a number")?;
                emulator.world(|world| world.clock.advance_ms((seconds * 1000.0) as i64));
            }
            ("now", Value::String(text)) => {
                let now = parse_rfc3339(text).ok_or("now is a time such as 2026-11-24T10:00:00Z")?;
                emulator.world(|world| world.clock.set_ms(now));
            }
            _ => return Err(format!("unknown field {key}")),
        }
    }
    Ok(done(json!({"now": rfc3339(emulator.now_ms())})))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::emulator::Options;

    #[test]
    fn a_request_for_another_name_or_from_another_site_is_refused() {
        let emulator = Emulator::in_process(&Options::default());
        let ask = |name: &str, value: &str| {
            let request = Request::get("/clock").header(name, value).body(Vec::new()).unwrap();
            handle(&emulator, &request).status().as_u16()
        };
        for (name, value, status) in [
            ("host", "127.0.0.1:4711", 200),
            ("host", "localhost", 200),
            ("host", "[::1]:4711", 200),
            ("host", "rebound.example:4711", 403),
            ("host", "127.0.0.1.example", 403),
            ("origin", "http://127.0.0.1:4711", 200),
            ("origin", "https://evil.example", 403),
            ("origin", "null", 403),
        ] {
            assert_eq!(ask(name, value), status, "{name}: {value}");
        }
    }
}
