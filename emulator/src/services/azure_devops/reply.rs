//! The shapes in which Azure DevOps refuses.

use serde_json::json;

use crate::call::Call;
use crate::reply::Reply;

/// Where the service's exceptions are defined.
const NAMESPACE: &str = "Microsoft.TeamFoundation.DistributedTask.WebApi";

/// Answers with Azure DevOps' wrapped exception.
pub(super) fn refusal(status: u16, kind: &str, message: impl Into<String>) -> Reply {
    let message: String = message.into();
    Reply::json(
        status,
        &json!({
            "$id": "1", "innerException": null, "message": message,
            "typeName": format!("{NAMESPACE}.{kind}, {NAMESPACE}"),
            "typeKey": kind, "errorCode": 0, "eventId": 3000,
        }),
    )
}

/// Answers with a page for people, as Azure DevOps does where its API is not reached at all.
pub(super) fn page(status: u16, title: &str) -> Reply {
    let body = format!(
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"><html \
         lang=\"en-US\"><head><title>\r\n\t{title}\r\n</title></head><body></body></html>"
    );
    Reply::text(status, "text/html; charset=utf-8", body)
}

pub(super) fn no_project(name: &str) -> Reply {
    let message = format!(
        "TF200016: The following project does not exist: {name}. Verify that the name of the project is \
         correct and that the project exists on the specified Azure DevOps Server."
    );
    refusal(404, "ProjectDoesNotExistWithNameException", message)
}

/// The newest version of the API that is released; those above it are previews.
const RELEASED: f64 = 7.1;
const LATEST: f64 = 7.2;

/// Checks the version of the API, which stands in the query or in the `Accept` header.
///
/// <https://learn.microsoft.com/azure/devops/integrate/concepts/rest-api-versioning>
pub(super) fn api_version(call: &Call) -> Result<(), Reply> {
    let in_header = || {
        let accept = call.header("accept")?;
        accept.split(';').find_map(|part| part.trim().strip_prefix("api-version="))
    };
    let Some(text) = call.query("api-version").or_else(in_header) else {
        let message = format!(
            "No api-version was supplied for the \"{}\" request. The version must be supplied either as \
             part of the Accept header (e.g. \"application/json; api-version=1.0\") or as a query parameter \
             (e.g. \"?api-version=1.0\").",
            call.method
        );
        return Err(refusal(400, "VssVersionNotSpecifiedException", message));
    };
    let (number, preview) = text.split_once("-preview").map_or((text, false), |(number, _)| (number, true));
    let number: f64 = match number.parse() {
        Ok(number) => number,
        Err(_) => {
            return Err(refusal(
                400,
                "VssInvalidApiResourceVersionException",
                format!("The api-version '{text}' is not valid."),
            ));
        }
    };
    if !(1.0..=LATEST).contains(&number) {
        let message = format!(
            "The requested REST API version of {number} is out of range for this server. The latest REST \
             API version this server supports is {LATEST}."
        );
        return Err(refusal(400, "VssVersionOutOfRangeException", message));
    }
    if number > RELEASED && !preview {
        let message = format!(
            "The requested version \"{text}\" of the resource is under preview. The -preview flag must be \
             supplied in the api-version for such requests. For example: \"{text}-preview\""
        );
        return Err(refusal(400, "VssInvalidPreviewVersionException", message));
    }
    Ok(())
}
