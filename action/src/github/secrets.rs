//! The requests for one secret: its public key, its dates, its new value.

use lakekey_core::error::{Code, Error};
use lakekey_core::github::{Kind, Place};
use lakekey_core::timestamp::Timestamp;
use octocrab::Octocrab;
use octocrab::models::PublicKey;
use octocrab::models::actions::{CreateEnvironmentSecret, EnvironmentSecret};
use octocrab::models::orgs::secrets::Visibility;
use octocrab::models::repos::secrets::CreateRepositorySecret;

use super::bridge::Asking;

/// Describes a secret that exists.
pub(super) struct Found {
    /// When it was last written, in whole seconds of GitHub's clock.
    pub(super) updated: Timestamp,
    /// Who may see it, for an organisation's.
    pub(super) visibility: Option<Visibility>,
}

impl Found {
    fn new(updated_ms: i64, visibility: Option<Visibility>) -> octocrab::Result<Self> {
        Ok(Self { updated: Timestamp::from_millisecond(updated_ms).unwrap_or_default(), visibility })
    }
}

/// Reads, and reads once more where the answer came garbled.
pub(super) async fn read<T>(
    asking: &Asking<'_>,
    operation: impl AsyncFn(&Octocrab) -> octocrab::Result<T>,
) -> Result<T, Error> {
    match asking.ask(async |crab: &Octocrab| operation(crab).await).await {
        Err(error) if error.code() == Code::ReplyInvalid => {
            asking.ask(async |crab: &Octocrab| operation(crab).await).await.map(|answer| answer.value)
        }
        other => other.map(|answer| answer.value),
    }
}

/// Reads the key that a value is sealed with.
pub(super) async fn public_key(asking: &Asking<'_>, place: &Place) -> Result<PublicKey, Error> {
    let (owner, name) = (place.owner.as_str(), place.repository.as_str());
    read(asking, async |crab: &Octocrab| match place.kind {
        Kind::Repository => crab.repos(owner, name).secrets().get_public_key().await,
        Kind::RepositoryDependabot => crab.repos(owner, name).dependabot().secrets().get_public_key().await,
        Kind::Organization => crab.orgs(owner).secrets().get_public_key().await,
        Kind::OrganizationDependabot => crab.orgs(owner).dependabot().secrets().get_public_key().await,
        // octocrab has no such call, and would not encode the environment's name.
        Kind::Environment => crab.get(place.public_key_path(), None::<&()>).await,
    })
    .await
}

/// Reads the secret's dates; `None` where there is no such secret.
pub(super) async fn find(asking: &Asking<'_>, place: &Place) -> Result<Option<Found>, Error> {
    let (owner, name, secret) = (place.owner.as_str(), place.repository.as_str(), place.secret.as_str());
    let found = read(asking, async |crab: &Octocrab| match place.kind {
        Kind::Repository => {
            let found = crab.repos(owner, name).secrets().get_secret(secret).await?;
            Found::new(found.updated_at.timestamp_millis(), None)
        }
        Kind::RepositoryDependabot => {
            let found = crab.repos(owner, name).dependabot().secrets().get(secret).await?;
            Found::new(found.updated_at.timestamp_millis(), None)
        }
        Kind::Organization => {
            let found = crab.orgs(owner).secrets().get_secret(secret).await?;
            Found::new(found.updated_at.timestamp_millis(), Some(found.visibility))
        }
        Kind::OrganizationDependabot => {
            let found = crab.orgs(owner).dependabot().secrets().get(secret).await?;
            Found::new(found.updated_at.timestamp_millis(), Some(found.visibility))
        }
        Kind::Environment => {
            let found: EnvironmentSecret = crab.get(place.secret_path(), None::<&()>).await?;
            Found::new(found.updated_at.timestamp_millis(), None)
        }
    })
    .await;
    match found {
        Err(error) if error.status() == Some(404) => Ok(None),
        found => found.map(Some),
    }
}

/// Writes a repository's or an environment's secret and returns when GitHub answered.
pub(super) async fn put(
    asking: &Asking<'_>,
    place: &Place,
    sealed: &str,
    key_id: &str,
) -> Result<Option<Timestamp>, Error> {
    let (owner, name, secret) = (place.owner.as_str(), place.repository.as_str(), place.secret.as_str());
    let body = CreateRepositorySecret { encrypted_value: sealed, key_id };
    let answer = asking
        .ask(async |crab: &Octocrab| match place.kind {
            Kind::RepositoryDependabot => {
                crab.repos(owner, name).dependabot().secrets().create_or_update(secret, &body).await.map(drop)
            }
            Kind::Environment => {
                let body = CreateEnvironmentSecret { encrypted_value: sealed, key_id };
                octocrab::map_github_error(crab._put(place.secret_path(), Some(&body)).await?).await.map(drop)
            }
            _ => crab.repos(owner, name).secrets().create_or_update_secret(secret, &body).await.map(drop),
        })
        .await?;
    Ok(answer.at)
}
