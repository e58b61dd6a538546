//! Whose an application is: anybody may register one, and names are not unique.
//!
//! <https://learn.microsoft.com/graph/api/resources/application>

use serde::Deserialize;

use super::applications::{Application, MARK};
use super::federation::list_federated_credentials;
use super::pages::list;
use crate::http::{Client, Identity, encode};
use crate::model::{Code, Error, Step};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    #[serde(deserialize_with = "crate::model::id")]
    id: String,
    display_name: Option<String>,
    user_principal_name: Option<String>,
}

/// Refuses an application that was found by its name and that lakekey did not make.
///
/// # Errors
/// `application-not-ours`, with what a person needs to judge whose it is.
pub(crate) async fn check_ours(
    client: &Client<'_>,
    identity: &Identity,
    application: &Application,
) -> Result<(), Error> {
    if application.tags.iter().any(|tag| tag == MARK) {
        return Ok(());
    }
    let path = format!("/v1.0/applications/{}/owners", encode(&application.object_id));
    let owners: Result<Vec<Owner>, Error> = list(client, identity, Step::MakeApplication, path).await;
    let owners = owners.map_or_else(
        // What is refused here does not hide the refusal that matters.
        |error| format!("its owners cannot be read ({})", error.code()),
        |owners| match owners.is_empty() {
            true => "nobody owns it".to_owned(),
            false => format!("its owners are {}", owners.iter().map(named).collect::<Vec<_>>().join(", ")),
        },
    );
    let federated = list_federated_credentials(client, identity, &application.object_id).await;
    let federated = federated.map_or_else(|_| "unknown".to_owned(), |list| list.len().to_string());
    let words = format!(
        "the application {} is named \"{}\", and lakekey did not register it; {owners}; it has {} client \
         secrets and {federated} federated credentials",
        application.app_id,
        application.display_name,
        application.password_credentials.len()
    );
    Err(Error::new(Code::ApplicationNotOurs, Step::MakeApplication, words))
}

fn named(owner: &Owner) -> String {
    owner
        .user_principal_name
        .clone()
        .or_else(|| owner.display_name.clone())
        .unwrap_or_else(|| owner.id.clone())
}
