//! Why an assertion matches none of the federated credentials of an application, from what was sent and what
//! is registered.

use serde_json::Value;

use super::context::Request;
use super::jwt;
use super::resource::Resource;
use crate::model::{Code, Error, Secret, Step, one_line};
use crate::service::github::{has_ids, unlike};
use crate::service::graph::{self, By, FederatedCredentialInfo, Match};

/// Says what to do about a refusal of an assertion that no federated credential matches.
pub(super) async fn explained(
    request: &Request<'_>,
    client_id: &str,
    error: Error,
    sent: Option<&Secret>,
) -> Error {
    let of_subject =
        matches!(error.code(), Code::FederatedCredentialMismatch | Code::FederatedCredentialCase);
    let claims = sent.and_then(jwt::claims).filter(|_| of_subject);
    let Some(sent) = claims.as_ref().and_then(|claims| claims.get("sub")).and_then(Value::as_str) else {
        return error;
    };
    let sent = one_line(sent);
    // What was made a moment ago spreads yet, and is not asked for at each attempt.
    let is_new = request.context.has_made(&[Step::MakeFederatedCredential]);
    let registered = match is_new || request.resource == Resource::Graph {
        true => None,
        false => registered(request, client_id).await,
    };
    match hint(&sent, registered.as_deref()) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Lists whom the application trusts, where `directory` may look; that it may not is no news here.
async fn registered(request: &Request<'_>, client_id: &str) -> Option<Vec<FederatedCredentialInfo>> {
    let context = request.context;
    let graph = &context.endpoints.graph;
    let sign_in = context.subject.directory.as_ref()?;
    let directory = sign_in.sign_in(context, Resource::Graph, graph, request.step).await.ok()?;
    let found = graph::find_application(context, &directory, By::ClientId(client_id)).await.ok()??;
    graph::list_federated_credentials(context, &directory, &found.object_id).await.ok()
}

/// Says what to do.
fn hint(sent: &str, registered: Option<&[FederatedCredentialInfo]>) -> Option<String> {
    let Some(registered) = registered else {
        return sent.starts_with("repo:").then(|| match has_ids(sent) {
            true => format!(
                "this repository sends its subject with ids: register \"{sent}\" letter by letter; one \
                 without ids does not match (with a `directory`, `lakekey doctor` compares and `lakekey \
                 provision` registers it)"
            ),
            false => format!(
                "this repository sends its subject without ids, while the Azure portal registers one with \
                 ids: register \"{sent}\" letter by letter (with a `directory`, `lakekey doctor` compares \
                 and `lakekey provision` registers it)"
            ),
        });
    };
    let subjects = || {
        registered.iter().filter_map(|known| match known.matches() {
            Match::Subject(subject) => Some(subject),
            Match::Expression(_) => None,
        })
    };
    if registered.is_empty() {
        return Some(format!(
            "the application trusts nobody yet: register \"{sent}\", as `lakekey provision` does with \
             federated-credential"
        ));
    }
    if subjects().any(|subject| subject == sent) {
        return Some(format!(
            "\"{sent}\" is registered: where issuer and audience are right too, what is stored is stale; \
             delete that federated credential and make it again (editing it does not help)"
        ));
    }
    subjects().find_map(|subject| unlike(sent, &subject)).or_else(|| {
        let all: Vec<String> = registered.iter().take(5).map(FederatedCredentialInfo::described).collect();
        Some(format!("register \"{sent}\" too; the application trusts {}", all.join("; ")))
    })
}
