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
    route(emulator, request)
        .unwrap_or_else(|message| Reply::json(400, &json!({"error": message})))
        .into_response()
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
