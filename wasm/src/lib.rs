//! The core for JavaScript hosts: Node, Deno, Bun, workerd, browsers.
//!
//! [`run`] is the one way in. What the core asks of its platform, JavaScript fulfils through one object,
//! [`js::JsHost`]; `wasm/npm/lib/host.js` makes it from `fetch`, timers, `crypto` and the environment, each
//! of which the caller may replace. Documents and reports cross the border as JSON text: the shapes are the
//! core's, and nothing is converted twice.

mod host;
pub mod js;
mod panic;
mod request;
mod sink;

use js_sys::Function;
use lakekey_core::{CheckRequest, Config, Environment, Error, Host, Secret};
use wasm_bindgen::prelude::wasm_bindgen;

use host::Platform;
use js::JsHost;
use request::Request;
use sink::Sinks;

/// Has a function called with the place of a panic, and nothing of its message, which may hold anything.
#[wasm_bindgen(js_name = onPanic)]
pub fn on_panic(listener: Function) {
    panic::install(listener);
}

/// Runs a command; resolves to `{"exit": 0, "report": {…}}` as JSON.
///
/// `document` is YAML or JSON text, or JSON made of an object where `request` says so.
///
/// # Errors
/// A configuration error that was found before anything was sent, as JSON.
#[wasm_bindgen]
pub async fn run(request: String, document: String, host: JsHost) -> Result<String, String> {
    let outcome = async {
        let request = Request::read(&request)?;
        let platform = Platform::new(&host);
        let config = read(&request, &document, &platform)?;
        let sinks = Sinks::new(&host, request.run.writes());
        let host = Host::new(&platform, &platform, &platform)
            .environment(&platform)
            .observer(&platform)
            .cancellation(&platform);
        lakekey_core::run(host, &sinks, &config, &request.run).await
    };
    match outcome.await {
        Ok(report) => {
            // Not by way of a Value, which would sort the keys: the binary's reports stand in the order of
            // their shape.
            let text =
                serde_json::to_string(&report).map_err(|_| text(&request::unreadable("the report")))?;
            Ok(format!("{{\"exit\":{},\"report\":{text}}}", report.exit_status()))
        }
        Err(error) => Err(text(&error)),
    }
}

/// Spreads the targets over at most that many shards of a workflow matrix; returns JSON.
///
/// # Errors
/// A configuration error as JSON.
#[wasm_bindgen]
pub fn matrix(request: &str, document: &str, host: &JsHost) -> Result<String, String> {
    let spread = || {
        let request = Request::read(request)?;
        let config = read(&request, document, &Platform::new(host))?;
        let targets = lakekey_core::select(&config, &request.run.targets)?;
        Ok(lakekey_core::matrix(&targets, request.shards).to_string())
    };
    spread().map_err(|error: Error| text(&error))
}

/// Checks a configuration offline; returns every mistake as JSON, in the form of the binary's `check --json`.
///
/// # Errors
/// A call that cannot be read, as JSON.
#[wasm_bindgen]
pub fn check(request: &str, document: &str, host: &JsHost) -> Result<String, String> {
    let request = Request::read(request).map_err(|error| text(&error))?;
    let asked = CheckRequest { secrets: request.secrets, signs_in_to_github: host.octokit_signs_in() };
    let found = lakekey_core::check(document.as_bytes(), &Platform::new(host), asked);
    Ok(found.report().to_string())
}

/// Returns a document with the application id of a target's principal.
///
/// # Errors
/// A configuration error as JSON.
#[wasm_bindgen(js_name = withClientId)]
pub fn with_client_id(document: &str, target: &str, client_id: &str) -> Result<String, String> {
    lakekey_core::with_client_id(document, target, client_id).map_err(|error| text(&error))
}

/// Returns the names of the targets whose principal has no configured application id, as JSON.
///
/// # Errors
/// A configuration error as JSON.
#[wasm_bindgen(js_name = withoutClientId)]
pub fn without_client_id(request: &str, document: &str, host: &JsHost) -> Result<String, String> {
    let names = || {
        let request = Request::read(request)?;
        let config = read(&request, document, &Platform::new(host))?;
        let unnamed = config.targets().iter().filter(|target| target.client_id().is_none());
        Ok(serde_json::json!(unnamed.map(lakekey_core::Target::name).collect::<Vec<_>>()).to_string())
    };
    names().map_err(|error: Error| text(&error))
}

/// Seals a value with a public key of GitHub's, in base64.
///
/// # Errors
/// `reply-invalid` as JSON where the key is not 32 bytes in base64.
#[wasm_bindgen]
pub fn seal(public_key: &str, value: String, host: &JsHost) -> Result<String, String> {
    lakekey_core::github::seal(public_key, &Secret::new(value), &Platform::new(host))
        .map_err(|error| text(&error))
}

fn read(request: &Request, document: &str, environment: &dyn Environment) -> Result<Config, Error> {
    if request.object {
        // JSON.stringify made it, so that a failure here is ours.
        let value = serde_json::from_str(document).map_err(|_| request::unreadable("the configuration"))?;
        return Config::from_value(value, environment);
    }
    Config::read(document.as_bytes(), environment)
}

fn text(error: &Error) -> String {
    serde_json::json!(error).to_string()
}
