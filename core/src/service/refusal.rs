//! How the services say no: from a status, headers and a body to a code, a sentence and whether to try again.

use std::time::Duration;

use serde_json::Value;

use crate::call::{Call, Service};
use crate::error::{Code, Error};
use crate::platform::Response;
use crate::timestamp::Timestamp;

/// Says whether a refused request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// No: the same answer would come, or the request may have been carried out.
    Never,
    /// Yes, after a wait that grows.
    Again,
    /// Yes, after the wait that the service names; nobody asks that host for anything before.
    After(Duration),
}

/// Judges a response; `None` means success.
pub(crate) fn judge(call: &Call, response: &Response, now: Timestamp) -> Option<(Error, Retry)> {
    match response.status {
        // Azure DevOps shows its log-in page with a success to a caller whom it does not know.
        203 if call.service == Service::AzureDevops => {
            let error = Error::new(
                Code::CredentialInvalid,
                call.step,
                "Azure DevOps shows its log-in page: it does not know the caller",
            );
            Some((error.with_status(203).with_request_id(request_id(response)), Retry::Never))
        }
        200..=299 => None,
        300..=399 if call.redirect_expected && !is_private_link(response) => None,
        300..=399 => Some((redirected(call, response), Retry::Never)),
        _ => {
            let said = Said::read(response);
            let code = code(call.service, response, &said);
            let retry = retry(call, response, &said, now);
            let code = match code {
                Code::Refused if response.status == 429 => Code::RateLimited,
                Code::Refused if response.status >= 500 => Code::ServiceUnavailable,
                code => code,
            };
            let words = if said.message.is_empty() {
                format!("{} answered {} without a reason", call.service, response.status)
            } else {
                format!("{} answered {}: {}", call.service, response.status, said.message)
            };
            let error = Error::new(code, call.step, words)
                .with_status(response.status)
                .with_reason(said.code)
                .with_request_id(request_id(response).or(said.request_id))
                // A refusal with 4xx is definite; after a 5xx nobody knows what was done.
                .with_uncertainty(response.status >= 500);
            Some((error, retry))
        }
    }
}

/// Holds what the body of a refusal says, whatever its shape.
#[derive(Debug, Default)]
struct Said {
    code: Option<String>,
    message: String,
    request_id: Option<String>,
    numbers: Vec<i64>,
}

impl Said {
    fn read(response: &Response) -> Self {
        let text = String::from_utf8_lossy(&response.body);
        let Ok(body) = serde_json::from_str::<Value>(&text) else {
            return Self { message: plain(&text), ..Self::default() };
        };
        let text_of = |value: Option<&Value>| match value {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        // Graph and Key Vault nest: {"error": {"code", "message", "innererror"}}.
        let nested = body.get("error").filter(|e| e.is_object());
        let code = text_of(nested.and_then(|e| e.get("code")))
            .or_else(|| text_of(body.get("error_code")))
            .or_else(|| text_of(body.get("typeKey")))
            .or_else(|| text_of(body.get("error")))
            .or_else(|| text_of(body.get("scimType")));
        let inner = nested.and_then(|e| e.get("innererror").or_else(|| e.get("innerError")));
        let message = text_of(nested.and_then(|e| e.get("message")))
            .or_else(|| text_of(body.get("error_description")))
            .or_else(|| text_of(body.get("message")))
            .or_else(|| text_of(body.get("detail")))
            .or_else(|| text_of(body.get("error")))
            .unwrap_or_default();
        Self {
            code: text_of(inner.and_then(|i| i.get("code")))
                .filter(|c| c == "ObjectIsDeletedButRecoverable")
                .or(code),
            message: one_line(&message),
            request_id: text_of(body.get("trace_id"))
                .or_else(|| text_of(inner.and_then(|i| i.get("request-id")))),
            numbers: body
                .get("error_codes")
                .and_then(Value::as_array)
                .map(|codes| codes.iter().filter_map(Value::as_i64).collect())
                .unwrap_or_default(),
        }
    }
}

/// Takes the sentence out of a body that is no JSON: `CODE: message`, or HTML with the message in `<pre>`.
fn plain(text: &str) -> String {
    let inside =
        text.split_once("<pre>").and_then(|(_, rest)| rest.split_once("</pre>")).map(|(inside, _)| inside);
    match inside {
        Some(inside) => one_line(inside),
        None if text.trim_start().starts_with('<') => "a web page".to_owned(),
        None => one_line(text),
    }
}

/// Keeps the first line, at most 300 characters, without control characters, so that a message can neither
/// forge another line of a log nor fill it.
fn one_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

fn code(service: Service, response: &Response, said: &Said) -> Code {
    let message = said.message.to_ascii_lowercase();
    let has = |part: &str| message.contains(part);
    match service {
        Service::Entra => entra_code(said, &message),
        Service::Databricks => databricks_code(response.status, said, &message),
        Service::Graph => match (response.status, said.code.as_deref()) {
            (401, _) => Code::CredentialInvalid,
            (403, _) | (_, Some("Authorization_RequestDenied")) => Code::GraphPermissionMissing,
            _ => Code::Refused,
        },
        Service::Github => match response.status {
            401 => Code::GithubCredentialInvalid,
            403 if has("not accessible by integration") => Code::GithubTokenCannotWriteSecrets,
            403 | 429 if has("rate limit") => Code::RateLimited,
            403 => Code::GithubPermissionMissing,
            404 => Code::GithubNotFound,
            422 => Code::SinkRefused,
            _ => Code::Refused,
        },
        Service::KeyVault => match (response.status, said.code.as_deref()) {
            (409, Some("ObjectIsDeletedButRecoverable")) => Code::SinkSecretDeleted,
            (409, _) if has("deleted but recoverable") => Code::SinkSecretDeleted,
            (401 | 403, _) => Code::SinkPermissionMissing,
            (404, _) => Code::SinkNotFound,
            (400, _) => Code::SinkRefused,
            _ => Code::Refused,
        },
        Service::AzureDevops => match response.status {
            401 | 403 => Code::SinkPermissionMissing,
            404 => Code::SinkNotFound,
            400 => Code::SinkRefused,
            409 => Code::SinkChanged,
            _ => Code::Refused,
        },
        Service::Metadata => match response.status {
            400 => Code::IdentityNotAssigned,
            _ => Code::SignInRefused,
        },
        Service::IdentityToken => match response.status {
            401 | 403 => Code::OidcPermissionMissing,
            _ => Code::SignInRefused,
        },
        Service::Webhook => Code::SinkRefused,
    }
}

/// Reads the codes of Entra ID.
///
/// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
fn entra_code(said: &Said, message: &str) -> Code {
    let mut numbers = said.numbers.iter().copied().chain(
        message
            .split("aadsts")
            .nth(1)
            .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
            .and_then(|digits| digits.parse().ok()),
    );
    if let Some(number) = numbers.next() {
        return match number {
            7_000_215 => Code::ClientSecretWrong,
            7_000_222 => Code::ClientSecretExpired,
            700_016 => Code::ApplicationNotFound,
            7_000_229 => Code::ServicePrincipalMissing,
            90_002 | 900_023 => Code::TenantNotFound,
            70_011 | 1_002_012 => Code::ScopeInvalid,
            70_021 | 700_211 | 700_213 => Code::FederatedCredentialMismatch,
            700_212 => Code::FederatedCredentialAudience,
            7_002_138 => Code::FederatedCredentialCase,
            500_011 => Code::ResourceMissing,
            700_024 => Code::AssertionExpired,
            700_027 => Code::CertificateInvalid,
            _ => Code::SignInRefused,
        };
    }
    match said.code.as_deref() {
        Some("invalid_scope") => Code::ScopeInvalid,
        Some("invalid_tenant") => Code::TenantNotFound,
        _ => Code::Refused,
    }
}

/// Reads the refusals of a workspace.
///
/// <https://docs.databricks.com/api/azure/workspace/introduction>
fn databricks_code(status: u16, said: &Said, message: &str) -> Code {
    let has = |part: &str| message.contains(part);
    let reason = said.code.as_deref().unwrap_or_default();
    if has("invalid access token") || has("token is expired") || reason == "invalid_client" {
        return Code::CredentialInvalid;
    }
    if has("does not have permission to use tokens") {
        return Code::TokenPermissionMissing;
    }
    if has("personal access tokens are disabled")
        || has("tokens are disabled")
        || reason == "FEATURE_DISABLED"
    {
        return Code::TokensDisabled;
    }
    if reason == "QUOTA_EXCEEDED" {
        return Code::QuotaExceeded;
    }
    if has("ip acl") || has("ip access list") {
        return Code::IpAccessList;
    }
    if has("lifetime") && status == 400 {
        return Code::LifetimeOverMaximum;
    }
    if reason == "invalid_scope" {
        return Code::ScopeInvalid;
    }
    match status {
        401 => Code::CredentialInvalid,
        403 if has("admin") => Code::AdminRequired,
        403 if has("unauthorized access to workspace")
            || has("not found")
            || has("not a member")
            || has("does not exist")
            || has("not part of") =>
        {
            Code::PrincipalNotInWorkspace
        }
        403 if has("inactive") || has("deactivated") => Code::PrincipalInactive,
        _ => Code::Refused,
    }
}

/// Decides by what each service documents whether to try again.
fn retry(call: &Call, response: &Response, said: &Said, now: Timestamp) -> Retry {
    let named = retry_after(response, now);
    let message = said.message.to_ascii_lowercase();
    match (call.service, response.status) {
        // GitHub: after `retry-after`, else at the reset where nothing remains, else after a minute.
        // https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
        (Service::Github, 403 | 429) if response.status == 429 || message.contains("rate limit") => {
            let minute = Duration::from_secs(60);
            let reset = (response.header("x-ratelimit-remaining") == Some("0"))
                .then(|| response.header("x-ratelimit-reset")?.parse::<i64>().ok())
                .flatten()
                .map(|at| Duration::from_secs(u64::try_from(at - now.as_second()).unwrap_or(1)));
            Retry::After(named.or(reset).unwrap_or(minute))
        }
        (_, 429) => Retry::After(named.unwrap_or(Duration::from_secs(1))),
        // Nobody promises that a 503 did nothing, so that only what may be repeated is.
        (_, 503) if call.repeatable => named.map_or(Retry::Again, Retry::After),
        // The official client repeats neither 500 nor 504 of a workspace; texts that name an overload it
        // does.
        (Service::Databricks, 400..=599) if call.repeatable && message.contains("token bucket limit") => {
            Retry::Again
        }
        (Service::Databricks, 500 | 504) => Retry::Never,
        (Service::Metadata, 404 | 410) => Retry::Again,
        (_, 500 | 502 | 504) if call.repeatable => Retry::Again,
        _ => Retry::Never,
    }
}

/// Reads `Retry-After`, which is a number of seconds or a date.
fn retry_after(response: &Response, now: Timestamp) -> Option<Duration> {
    let text = response.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = Timestamp::from_http_date(text)?;
    // The date is by the service's clock, which the same response tells.
    let there = response.header("date").and_then(Timestamp::from_http_date).unwrap_or(now);
    let left = u64::try_from(date.as_millisecond() - there.as_millisecond()).unwrap_or(0);
    Some(Duration::from_millis(left))
}

/// Returns the id under which the service knows the request.
pub(crate) fn request_id(response: &Response) -> Option<String> {
    [
        "x-request-id",
        "x-databricks-request-id",
        "x-ms-request-id",
        "request-id",
        "x-github-request-id",
        "x-vss-e2eid",
        "activityid",
    ]
    .into_iter()
    .find_map(|name| response.header(name))
    .map(one_line)
}

/// Returns true where a body is a web page.
pub(crate) fn is_html(response: &Response) -> bool {
    response.header("content-type").is_some_and(|t| t.starts_with("text/html"))
        || response.body.trim_ascii_start().starts_with(b"<")
}

fn is_private_link(response: &Response) -> bool {
    response
        .header("location")
        .is_some_and(|location| location.contains("error=private-link-validation-error"))
}

/// Explains a redirect, which no API of these services sends.
fn redirected(call: &Call, response: &Response) -> Error {
    let location = response.header("location").unwrap_or_default();
    if is_private_link(response) {
        return Error::new(
            Code::PrivateLink,
            call.step,
            "the workspace is behind Private Link and refuses this network",
        );
    }
    // The query may carry a token of the session; host and path say enough.
    let place = one_line(location.split(['?', '#']).next().unwrap_or_default());
    Error::new(
        Code::Redirected,
        call.step,
        format!("{} answered with a redirect to \"{place}\", which is not followed", call.service),
    )
    .with_status(response.status)
    // Whoever answered in the service's place may have passed the request on first.
    .with_uncertainty(true)
    .with_request_id(request_id(response))
}
