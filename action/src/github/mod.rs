//! The five calls that keep a GitHub secret, made by octocrab and sent by the core.
//!
//! The paths are those of the core: octocrab's own calls do not encode an environment's name, and take no
//! repository's id over 32 bits.
//!
//! <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/dependabot/secrets>

mod bridge;
pub(crate) mod issues;

use lakekey_core::github::{Api, Asked, Body, Found, Place, PublicKey, repository_path, selected_path};
use lakekey_core::{Error, LocalFuture, Timestamp};
use octocrab::Octocrab;
use serde::Deserialize;

/// Makes the calls with octocrab.
#[derive(Debug, Clone, Copy, Default)]
pub struct OverOctocrab;

/// Holds of a repository what is needed; the whole has a hundred fields more.
#[derive(Deserialize)]
struct Repository {
    id: u64,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Vec<Repository>,
}

impl Api for OverOctocrab {
    fn public_key<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
    ) -> LocalFuture<'a, Result<PublicKey, Error>> {
        Box::pin(bridge::read(asked, place.public_key_path()))
    }

    fn find<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
    ) -> LocalFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            match bridge::read(asked, place.secret_path()).await {
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
            bridge::read(asked, repository_path(place, name))
                .await
                .map(|repository: Repository| repository.id)
        })
    }

    fn selected<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        page: usize,
    ) -> LocalFuture<'a, Result<Vec<u64>, Error>> {
        Box::pin(async move {
            let listed: Repositories = bridge::read(asked, selected_path(place, page)).await?;
            Ok(listed.repositories.into_iter().map(|repository| repository.id).collect())
        })
    }

    fn put<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        body: &'a Body,
    ) -> LocalFuture<'a, Result<Option<Timestamp>, Error>> {
        Box::pin(bridge::ask(asked, async |crab: &Octocrab| {
            let answer = crab._put(place.secret_path(), Some(body)).await?;
            let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
            Ok(date.and_then(Timestamp::from_http_date))
        }))
    }
}
