//! What an organisation's secret has besides: the repositories that may see it.

use lakekey_core::call::encode;
use lakekey_core::config;
use lakekey_core::error::{Code, Error};
use lakekey_core::github::{Kind, Place};
use lakekey_core::timestamp::Timestamp;
use octocrab::Octocrab;
use octocrab::models::orgs::secrets::{CreateOrganizationSecret, Visibility};
use serde::Deserialize;

use super::bridge::Asking;
use super::secrets::{Found, read};

/// How many repositories GitHub lists on a page at the most.
const PAGE: usize = 100;

/// Says who may see an organisation's secret.
#[derive(Clone)]
pub(super) struct Audience {
    visibility: Visibility,
    /// The ids of the repositories, with `selected`.
    repositories: Option<Vec<u32>>,
}

impl Audience {
    /// The private repositories, which is GitHub's own choice for a new secret.
    pub(super) const PRIVATE: Self = Self { visibility: Visibility::Private, repositories: None };
}

/// Holds of a repository what is needed; the whole has a hundred fields more.
#[derive(Deserialize)]
struct Repository {
    id: u64,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Vec<Repository>,
}

/// Finds the ids of the repositories that the configuration names.
pub(super) async fn named(
    asking: &Asking<'_>,
    place: &Place,
    visibility: config::Visibility,
) -> Result<Audience, Error> {
    let visibility = match visibility {
        config::Visibility::All => Visibility::All,
        config::Visibility::Private => Visibility::Private,
        config::Visibility::Selected => Visibility::Selected,
    };
    if visibility != Visibility::Selected {
        return Ok(Audience { visibility, repositories: None });
    }
    let mut ids = Vec::with_capacity(place.selected.len());
    for name in &place.selected {
        let path = format!("/repos/{}/{}", encode(&place.owner), encode(name));
        let repository: Repository = read(asking, async |crab: &Octocrab| crab.get(&path, None::<&()>).await)
            .await
            .map_err(|error| match error.code() {
                Code::GithubNotFound => {
                    let words = format!(
                        "{} has no repository {name}, or whoever signs in may not see it",
                        place.owner
                    );
                    Error::new(Code::GithubNotFound, asking.step, words)
                        .with_status(404)
                        .with_request_id(error.request_id().map(str::to_owned))
                }
                _ => error,
            })?;
        ids.push(id(asking, repository.id)?);
    }
    Ok(Audience { visibility, repositories: Some(ids) })
}

/// Returns who may see the secret now, so that a write changes nothing of it.
pub(super) async fn kept(asking: &Asking<'_>, place: &Place, found: &Found) -> Result<Audience, Error> {
    let visibility = found.visibility.clone().unwrap_or(Visibility::Private);
    if visibility != Visibility::Selected {
        return Ok(Audience { visibility, repositories: None });
    }
    let mut ids = Vec::new();
    for page in 1.. {
        let path = format!("{}/repositories?per_page={PAGE}&page={page}", place.secret_path());
        let listed: Repositories =
            read(asking, async |crab: &Octocrab| crab.get(&path, None::<&()>).await).await?;
        let last = listed.repositories.len() < PAGE;
        for repository in listed.repositories {
            ids.push(id(asking, repository.id)?);
        }
        if last {
            break;
        }
    }
    Ok(Audience { visibility, repositories: Some(ids) })
}

fn id(asking: &Asking<'_>, id: u64) -> Result<u32, Error> {
    u32::try_from(id).map_err(|_| {
        Error::new(
            Code::ReplyInvalid,
            asking.step,
            "GitHub answered with a repository's id that is too large",
        )
    })
}

/// Writes the secret and returns when GitHub answered.
pub(super) async fn put(
    asking: &Asking<'_>,
    place: &Place,
    sealed: &str,
    key_id: &str,
    audience: &Audience,
) -> Result<Option<Timestamp>, Error> {
    let body = CreateOrganizationSecret {
        encrypted_value: sealed,
        key_id,
        visibility: audience.visibility.clone(),
        selected_repository_ids: audience.repositories.as_deref(),
    };
    let (owner, secret) = (place.owner.as_str(), place.secret.as_str());
    let answer = asking
        .ask(async |crab: &Octocrab| match place.kind {
            Kind::OrganizationDependabot => {
                crab.orgs(owner).dependabot().secrets().create_or_update(secret, &body).await.map(drop)
            }
            _ => crab.orgs(owner).secrets().create_or_update_secret(secret, &body).await.map(drop),
        })
        .await?;
    Ok(answer.at)
}
