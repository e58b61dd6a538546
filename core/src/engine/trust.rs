//! Whom a principal is to trust: what the configuration leaves to be asked is asked of the job that lakekey
//! runs in, and else of GitHub.

use std::rc::Rc;

use super::resolve::Target;
use crate::auth::{Context, GithubSignIn, Job, job, principal_sign_in};
use crate::config::{FederatedCredential, Repository, Whose};
use crate::model::{Code, Error, Origin, Step};
use crate::service::databricks::federation::Policy;
use crate::service::github::{Asking, account};
use crate::service::graph::{Match, Trust};

const STEP: Step = Step::MakeFederatedCredential;

/// The claims of which an expression for GitHub has to compare one, since summer 2026.
const ID_CLAIMS: [&str; 2] = ["repository_id", "repository_owner_id"];

/// Returns whom the target's principal is to trust: by GitHub's issuer and the cloud's audience, where none
/// is given.
///
/// # Errors
/// `config-missing-key` where GitHub has to be asked and `github` is not given; as GitHub answers.
pub(super) async fn wanted(context: &Context<'_>, target: &Target) -> Result<Option<Trust>, Error> {
    let Some(configured) = &target.federated_credential else { return Ok(None) };
    let asking = Asker { context, target, job: job_of(context, configured).await };
    let issuer = asking.issuer(configured);
    let matches = asking.matches(&configured.whose, &issuer).await?;
    let own = || context.endpoints.cloud.token_exchange_audience().to_owned();
    let audience = configured.audience.clone().unwrap_or_else(own);
    Ok(Some(Trust::new(configured.name.clone(), issuer, matches, audience)))
}

/// Returns the federation policy that a Databricks principal is to have: for the audience that its `auth`
/// shows its tokens for, where none is given.
///
/// # Errors
/// As [`wanted`].
pub(super) async fn wanted_policy(context: &Context<'_>, target: &Target) -> Result<Option<Policy>, Error> {
    let Some(configured) = &target.federated_credential else { return Ok(None) };
    let asking = Asker { context, target, job: job_of(context, configured).await };
    let issuer = asking.issuer(configured);
    let Match::Subject(subject) = asking.matches(&configured.whose, &issuer).await? else {
        let key = format!("{}.federated-credential.claims-matching-expression", target.subject.path);
        return Err(Error::invalid(&key, "a federation policy of Databricks knows no expressions"));
    };
    let own = || principal_sign_in(context).ok()?.method.assertion_audience(&target.subject.workspace);
    let audience = configured.audience.clone().or_else(own);
    Ok(Some(Policy::new(configured.name.clone(), issuer, subject, audience)))
}

/// Asks who the job is that lakekey runs in, where that matters.
async fn job_of(context: &Context<'_>, configured: &FederatedCredential) -> Option<Job> {
    match (&configured.issuer, &configured.whose) {
        (Some(_), Whose::Subject(_)) => None,
        _ => job(context, STEP).await,
    }
}

/// Returns who signs the tokens of the jobs of a GitHub, by the address of its API.
///
/// <https://docs.github.com/actions/reference/security/oidc>,
/// <https://docs.github.com/enterprise-cloud@latest/admin/data-residency/network-details-for-ghecom>
fn issuer_of(api: &Origin) -> String {
    let host = api.host();
    if host == "api.github.com" || api.is_loopback() {
        return "https://token.actions.githubusercontent.com".to_owned();
    }
    match host.strip_prefix("api.").filter(|rest| rest.ends_with(".ghe.com")) {
        Some(tenant) => format!("https://token.actions.{tenant}"),
        None => format!("{}/_services/token", api.without_path()),
    }
}

struct Asker<'a> {
    context: &'a Context<'a>,
    target: &'a Target,
    job: Option<Job>,
}

impl Asker<'_> {
    /// An enterprise may have an issuer of its own, which its jobs alone tell.
    fn issuer(&self, configured: &FederatedCredential) -> String {
        let by_job = || self.job.as_ref().map(|job| job.issuer.clone());
        let by_api = || issuer_of(&self.context.endpoints.github_api);
        configured.issuer.clone().or_else(by_job).unwrap_or_else(by_api)
    }

    async fn matches(&self, whose: &Whose, issuer: &str) -> Result<Match, Error> {
        match whose {
            Whose::Subject(subject) => Ok(Match::Subject(subject.clone())),
            Whose::Runs(repository, runs) => {
                let context = runs.context();
                let by_job = self.job_in(repository).and_then(|job| job.subject_of(&context));
                match by_job {
                    Some(subject) => Ok(Match::Subject(subject)),
                    None => Ok(Match::Subject(self.asked(repository, &context).await?)),
                }
            }
            Whose::Expression(text, repository) => {
                let is_githubs = issuer.contains("token.actions.") || issuer.ends_with("/_services/token");
                let has_id = ID_CLAIMS.iter().any(|claim| text.contains(claim));
                if !is_githubs || has_id {
                    return Ok(Match::Expression(text.clone()));
                }
                let claim = self.id_claim(text, repository.as_ref()).await?;
                Ok(Match::Expression(format!("{text} and {claim}")))
            }
        }
    }

    /// Returns the job that lakekey runs in, where it is one of that repository.
    fn job_in(&self, repository: &Repository) -> Option<&Job> {
        self.job.as_ref().filter(|job| job.repository.eq_ignore_ascii_case(&repository.to_string()))
    }

    async fn asked(&self, repository: &Repository, context: &str) -> Result<String, Error> {
        let sign_in = self.sign_in("subject", &format!("which subject {repository} sends"))?;
        let Repository { owner, name } = repository;
        let reader = sign_in.reader(self.context, (owner, name), STEP).await?;
        Asking { client: self.context, reader: &reader, step: STEP, owner, name }.subject(context).await
    }

    /// Returns the comparison of an id that an expression has to have: that of the repository, or of the
    /// owner where the expression is for all of its repositories.
    async fn id_claim(&self, text: &str, repository: Option<&Repository>) -> Result<String, Error> {
        let named = repository.cloned().or_else(|| named_in(text));
        let Some(Repository { owner, name }) = &named else {
            let key = format!("{}.federated-credential.claims-matching-expression", self.target.subject.path);
            let words = "an expression for GitHub has to compare claims['repository_id'] or \
                         claims['repository_owner_id'], and this one does not say which repository is meant";
            return Err(Error::invalid(&key, words)
                .with_hint("give `repository` beside it, or compare one of the two in the expression"));
        };
        if let Some(id) =
            named.as_ref().and_then(|it| self.job_in(it)).and_then(|job| job.repository_id.clone())
        {
            return Ok(format!("claims['repository_id'] eq '{id}'"));
        }
        let sign_in = self.sign_in("claims-matching-expression", "which id the repository has")?;
        if name == "*" {
            let reader = sign_in.reader(self.context, (owner, ".github"), STEP).await?;
            let id = account(self.context, &reader, STEP, owner).await?;
            return Ok(format!("claims['repository_owner_id'] eq '{id}'"));
        }
        let reader = sign_in.reader(self.context, (owner, name), STEP).await?;
        let asking = Asking { client: self.context, reader: &reader, step: STEP, owner, name };
        Ok(format!("claims['repository_id'] eq '{}'", asking.described().await?.id()))
    }

    fn sign_in(&self, key: &str, what: &str) -> Result<&Rc<GithubSignIn>, Error> {
        self.target.github.as_ref().ok_or_else(|| {
            let words = format!("GitHub has to be asked {what}, and nothing says how to sign in there");
            let path = format!("{}.federated-credential.{key}", self.target.subject.path);
            Error::config(Code::ConfigMissingKey, "github", words).with_hint(format!(
                "give `github` the sign-in of somebody who may read the repository's Actions; or write \
                 {path} in full; or provision in a workflow of the repository, with id-token: write"
            ))
        })
    }
}

/// Finds the repository that an expression names behind `repo:`; its name is `*` where all of an owner's are
/// meant.
fn named_in(text: &str) -> Option<Repository> {
    let rest = text.split_once("'repo:")?.1;
    let (owner, rest) = rest.split_once('/')?;
    let name: String = rest.chars().take_while(|c| !matches!(c, ':' | '\'' | '@')).collect();
    let owner = owner.split('@').next().unwrap_or_default();
    let plain = |text: &str| !text.is_empty() && !text.contains(['*', '?']);
    match plain(owner) {
        true if plain(&name) => Some(Repository { owner: owner.to_owned(), name }),
        true => Some(Repository { owner: owner.to_owned(), name: "*".to_owned() }),
        false => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_of_a_githubs_jobs_follows_from_the_address_of_its_api() {
        for (api, issuer) in [
            ("https://api.github.com", "https://token.actions.githubusercontent.com"),
            ("https://api.acme.ghe.com", "https://token.actions.acme.ghe.com"),
            ("https://github.example/api/v3", "https://github.example/_services/token"),
            ("http://127.0.0.1:8080", "https://token.actions.githubusercontent.com"),
        ] {
            assert_eq!(issuer_of(&Origin::parse(api, "").unwrap()), issuer, "{api}");
        }
    }

    #[test]
    fn an_expression_names_the_repository_that_it_is_for() {
        for (text, named) in [
            ("claims['sub'] matches 'repo:acme/data:environment:*'", Some(("acme", "data"))),
            ("claims['sub'] matches 'repo:acme@1/data@2:*'", Some(("acme", "data"))),
            ("claims['sub'] matches 'repo:acme/*'", Some(("acme", "*"))),
            ("claims['sub'] matches 'repo:*'", None),
            ("claims['job_workflow_ref'] eq 'x'", None),
        ] {
            let found = named_in(text);
            assert_eq!(found.as_ref().map(|it| (it.owner.as_str(), it.name.as_str())), named, "{text}");
        }
    }
}
