//! The five calls by which a secret is kept. A host may make them with a client of its own; where it does
//! not, the core makes them itself.
//!
//! <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/dependabot/secrets>

use serde::{Deserialize, Serialize};

use super::place::{Place, Visibility};
use super::refusals::GITHUB;
use crate::host::{LocalFuture, Method};
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Error, Origin, Step, Timestamp};

/// How many repositories GitHub lists on a page at the most.
pub const PAGE: usize = 100;

/// Says who asks, for which step, and with whose credential.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Sends the requests.
    pub client: &'a Client<'a>,
    /// The API's base URL.
    pub api: &'a Origin,
    /// Whose credential is sent; `None` only where [`Api::signs_in`] says that the client has its own.
    pub identity: Option<&'a Identity>,
    /// The step of the procedure.
    pub step: Step,
}

impl Asked<'_> {
    /// Starts a call of the API, in the version that this code was written for.
    #[must_use]
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call {
        let call = versioned(Call::new(self.step, &GITHUB, method, self.api, path));
        match self.identity {
            Some(identity) => call.identity(identity),
            None => call,
        }
    }
}

/// Asks for the version of the API that this code was written for.
///
/// <https://docs.github.com/rest/about-the-rest-api/api-versions>
#[must_use]
pub fn versioned(call: Call) -> Call {
    call.header("accept", "application/vnd.github+json").header("x-github-api-version", "2022-11-28")
}

/// Holds the key that a value is sealed with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PublicKey {
    /// The key's id.
    #[serde(deserialize_with = "crate::model::id")]
    pub key_id: String,
    /// The key, 32 bytes in base64.
    pub key: String,
}

/// Describes a secret that exists.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Found {
    /// When it was last written, in whole seconds of GitHub's clock.
    pub updated_at: Timestamp,
    /// Which repositories see it, for an organisation's.
    #[serde(default)]
    pub visibility: Option<Visibility>,
}

/// Holds what is written.
#[derive(Debug, Clone, Serialize)]
pub struct Body {
    /// The sealed value in base64.
    pub encrypted_value: String,
    /// The id of the key that it is sealed with.
    pub key_id: String,
    /// Which repositories are to see it, for an organisation's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// The ids of those repositories, where they are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected_repository_ids: Option<Vec<u64>>,
}

/// Makes the five calls.
///
/// An implementation decides nothing: it sends what it is asked to send, through the client that it is given,
/// and hands back what GitHub answers.
pub trait Api {
    /// Returns true where this client signs in by itself, so that no sign-in has to be configured.
    fn signs_in(&self) -> bool {
        false
    }

    /// Reads the key that a value of this place is sealed with.
    fn public_key<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
    ) -> LocalFuture<'a, Result<PublicKey, Error>>;

    /// Reads a secret's dates; `None` where there is no such secret.
    fn find<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
    ) -> LocalFuture<'a, Result<Option<Found>, Error>>;

    /// Reads the id of a repository of the place's owner.
    fn repository_id<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        name: &'a str,
    ) -> LocalFuture<'a, Result<u64, Error>>;

    /// Reads a page of the ids of the repositories that see an organisation's secret; pages count from 1.
    fn selected<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        page: usize,
    ) -> LocalFuture<'a, Result<Vec<u64>, Error>>;

    /// Writes the secret and returns when GitHub answered, by its own clock.
    fn put<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        body: &'a Body,
    ) -> LocalFuture<'a, Result<Option<Timestamp>, Error>>;
}

/// Makes the calls with the core's own HTTP.
#[derive(Debug, Clone, Copy, Default)]
pub struct OverHttp;

#[derive(Deserialize)]
struct Repository {
    id: u64,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Vec<Repository>,
}

/// Returns the path of a repository of the place's owner.
#[must_use]
pub fn repository_path(place: &Place, name: &str) -> String {
    format!("/repos/{}/{}", encode(&place.owner), encode(name))
}

/// Returns the path of a page of the repositories that see an organisation's secret.
#[must_use]
pub fn selected_path(place: &Place, page: usize) -> String {
    format!("{}/repositories?per_page={PAGE}&page={page}", place.secret_path())
}

impl Api for OverHttp {
    fn public_key<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
    ) -> LocalFuture<'a, Result<PublicKey, Error>> {
        Box::pin(async move { asked.client.json(asked.call(Method::GET, place.public_key_path())).await })
    }

    fn find<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
    ) -> LocalFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            match asked.client.json(asked.call(Method::GET, place.secret_path())).await {
                Err(error) if error.status() == Some(404) => Ok(None),
                found => found.map(Some),
            }
        })
    }

    fn repository_id<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        name: &'a str,
    ) -> LocalFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let call = asked.call(Method::GET, repository_path(place, name));
            asked.client.json::<Repository>(call).await.map(|repository| repository.id)
        })
    }

    fn selected<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        page: usize,
    ) -> LocalFuture<'a, Result<Vec<u64>, Error>> {
        Box::pin(async move {
            let call = asked.call(Method::GET, selected_path(place, page));
            let listed: Repositories = asked.client.json(call).await?;
            Ok(listed.repositories.into_iter().map(|repository| repository.id).collect())
        })
    }

    fn put<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        body: &'a Body,
    ) -> LocalFuture<'a, Result<Option<Timestamp>, Error>> {
        Box::pin(async move {
            let call = asked.call(Method::PUT, place.secret_path()).json(&serde_json::json!(body)).fenced();
            let response = asked.client.execute(call).await?;
            Ok(response.header("date").and_then(Timestamp::from_http_date))
        })
    }
}
