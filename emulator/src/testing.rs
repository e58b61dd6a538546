//! What the tests of several services share.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use http::Request;
use serde_json::Value;

use crate::{Emulator, Options};

pub(crate) const LOGIN: &str = "https://login.microsoftonline.com";
pub(crate) const GITHUB: &str = "https://api.github.com";
pub(crate) const WORKSPACE: &str = "https://adb-1000000000000001.1.azuredatabricks.net";
pub(crate) const DATABRICKS_SCOPE: &str = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default";

/// An answer, its body read as JSON; `Null` where it is none.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.json[field].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

pub(crate) fn emulator() -> Emulator {
    Emulator::in_process(&Options::default())
}

pub(crate) fn read(response: http::Response<Vec<u8>>) -> Answer {
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        json: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

pub(crate) fn request(method: &str, path: &str, token: &str, body: Option<Value>) -> Request<Vec<u8>> {
    let mut builder = Request::builder().method(method).uri(path).header("user-agent", "tests");
    if !token.is_empty() {
        builder = builder.header("authorization", format!("Bearer {token}"));
    }
    if body.is_some() {
        builder = builder.header("content-type", "application/json");
    }
    builder.body(body.map_or_else(Vec::new, |body| body.to_string().into_bytes())).unwrap()
}

pub(crate) fn send(
    emulator: &Emulator,
    origin: &str,
    method: &str,
    path: &str,
    token: &str,
    body: Option<Value>,
) -> Answer {
    read(emulator.serve(origin, request(method, path, token, body)))
}

/// Sends a form.
pub(crate) fn form(emulator: &Emulator, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("user-agent", "tests")
        .body(body.into_bytes())
        .unwrap();
    read(emulator.serve(origin, request))
}

/// Signs the seeded application in, and returns its token for a scope.
pub(crate) fn sign_in(emulator: &Emulator, scope: &str) -> String {
    let seeded = emulator.world(|world| world.seeded.clone());
    let path = format!("/{}/oauth2/v2.0/token", seeded.tenant);
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", seeded.client_id.as_str()),
        ("client_secret", seeded.client_secret.as_str()),
        ("scope", scope),
    ];
    form(emulator, LOGIN, &path, &fields).text("access_token").to_owned()
}

/// Returns the PAT of the first workspace's admin.
pub(crate) fn admin(emulator: &Emulator) -> String {
    emulator.world(|world| world.seeded.admin_tokens[0].clone())
}

/// Brings the seeded application into the first workspace, lets it use tokens, and signs it in.
pub(crate) fn principal(emulator: &Emulator) -> String {
    let id = emulator.world(|world| world.seeded.client_id.clone());
    emulator.seed(crate::Seed::principal(id.clone())).unwrap();
    emulator.seed(crate::Seed::TokenPermission { workspace: 0, service_principal_name: id }).unwrap();
    sign_in(emulator, DATABRICKS_SCOPE)
}
