//! Which subject the identity tokens of a repository's runs carry. Nobody can tell it from the repository's
//! name: newer ones send ids besides names, and an organisation may have a template of its own.
//!
//! <https://docs.github.com/actions/reference/security/oidc>,
//! <https://docs.github.com/rest/actions/oidc>

use serde::Deserialize;

use super::api::versioned;
use super::refusals::GITHUB;
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Code, Error, Step, one_line};

/// Says how the subject of a repository's runs is made.
#[derive(Debug, Deserialize)]
struct Customization {
    #[serde(default)]
    use_default: Option<bool>,
    #[serde(default)]
    include_claim_keys: Option<Vec<String>>,
    #[serde(default)]
    use_immutable_subject: Option<bool>,
    #[serde(default)]
    sub_claim_prefix: Option<String>,
}

/// Describes a repository as GitHub spells it.
#[derive(Debug, Deserialize)]
pub(crate) struct Described {
    id: u64,
    full_name: String,
    #[serde(default)]
    visibility: Option<String>,
    owner: Account,
}

#[derive(Debug, Deserialize)]
struct Account {
    id: u64,
    login: String,
}

impl Described {
    /// Returns the number under which GitHub keeps the repository, whatever it is called.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    fn with_ids(&self) -> String {
        let name = self.full_name.rsplit('/').next().unwrap_or_default();
        format!("repo:{}@{}/{name}@{}", self.owner.login, self.owner.id, self.id)
    }
}

/// Asks GitHub about one repository, as somebody who may read its Actions.
pub(crate) struct Asking<'a> {
    pub(crate) client: &'a Client<'a>,
    pub(crate) reader: &'a Identity,
    pub(crate) step: Step,
    pub(crate) owner: &'a str,
    pub(crate) name: &'a str,
}

impl Asking<'_> {
    fn call(&self, path: String) -> Call {
        versioned(Call::by(self.reader, self.step, &GITHUB, Method::GET, path))
    }

    /// Describes the repository.
    ///
    /// # Errors
    /// As GitHub answers.
    pub(crate) async fn described(&self) -> Result<Described, Error> {
        let path = format!("/repos/{}/{}", encode(self.owner), encode(self.name));
        self.client.json(self.call(path)).await
    }

    /// Returns the subject of those runs of the repository that `context` describes, such as
    /// `environment:rotation`.
    ///
    /// # Errors
    /// `github-permission-missing` where the sign-in may not read Actions; `github-not-found`; `refused`
    /// where the organisation's template names what nobody knows before a run.
    pub(crate) async fn subject(&self, context: &str) -> Result<String, Error> {
        let (owner, name) = (encode(self.owner), encode(self.name));
        let path = format!("/repos/{owner}/{name}/actions/oidc/customization/sub");
        let own: Customization = match self.client.json(self.call(path)).await {
            Ok(own) => own,
            // GitHub says the same of what it hides and of what was never customized.
            Err(error) if error.status() == Some(404) => {
                return Ok(format!("repo:{}:{context}", self.described().await?.full_name));
            }
            Err(error) => return Err(self.unpermitted(error)),
        };
        let prefix = own.sub_claim_prefix.as_deref().filter(|prefix| !prefix.is_empty());
        if own.use_default != Some(false) {
            let prefix = match (prefix, own.use_immutable_subject) {
                (Some(prefix), _) => one_line(prefix),
                (None, Some(true)) => self.described().await?.with_ids(),
                (None, _) => format!("repo:{}", self.described().await?.full_name),
            };
            return Ok(format!("{prefix}:{context}"));
        }
        let keys = match own.include_claim_keys.clone().filter(|keys| !keys.is_empty()) {
            Some(keys) => keys,
            None => self.template_of_owner().await?,
        };
        let repository = self.described().await?;
        let mut parts = Vec::with_capacity(keys.len());
        for key in &keys {
            parts.push(match key.as_str() {
                "context" => context.to_owned(),
                "repo" => {
                    match (prefix.filter(|prefix| prefix.starts_with("repo:")), own.use_immutable_subject) {
                        (Some(prefix), _) => one_line(prefix),
                        (None, Some(true)) => repository.with_ids(),
                        (None, _) => format!("repo:{}", repository.full_name),
                    }
                }
                "repository" => format!("repository:{}", repository.full_name),
                "repository_id" => format!("repository_id:{}", repository.id),
                "repository_owner" => format!("repository_owner:{}", repository.owner.login),
                "repository_owner_id" => format!("repository_owner_id:{}", repository.owner.id),
                "repository_visibility" if repository.visibility.is_some() => {
                    format!("repository_visibility:{}", repository.visibility.as_deref().unwrap_or_default())
                }
                "environment" if context.starts_with("environment:") => context.to_owned(),
                "ref" if context.starts_with("ref:") => context.to_owned(),
                other => return Err(self.unforeseen(other, &keys)),
            });
        }
        Ok(parts.join(":"))
    }

    async fn template_of_owner(&self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Template {
            #[serde(default)]
            include_claim_keys: Vec<String>,
        }
        let path = format!("/orgs/{}/actions/oidc/customization/sub", encode(self.owner));
        let template: Result<Template, Error> = self.client.json(self.call(path)).await;
        let keys = template.map_err(|error| self.unpermitted(error))?.include_claim_keys;
        // An organisation that has none uses the usual one.
        Ok(if keys.is_empty() { vec!["repo".to_owned(), "context".to_owned()] } else { keys })
    }

    fn unpermitted(&self, error: Error) -> Error {
        let repository = format!("{}/{}", self.owner, self.name);
        match error.status() {
            Some(401 | 403 | 404) => error.with_hint(format!(
                "let `github` read the repository's Actions (permission Actions: read) on {repository}; or \
                 write federated-credential.subject, as `gh api \
                 repos/{repository}/actions/oidc/customization/sub` and the log of a run show it"
            )),
            _ => error,
        }
    }

    fn unforeseen(&self, key: &str, keys: &[String]) -> Error {
        let words = format!(
            "the subjects of {}/{} are made of {}, and nobody knows {} before a run",
            self.owner,
            self.name,
            one_line(&keys.join(", ")),
            one_line(key)
        );
        Error::new(Code::Refused, self.step, words).with_hint(
            "run `lakekey provision` in the workflow itself, whose token shows the subject; or write \
             federated-credential.subject",
        )
    }
}

/// Returns the number of an account of GitHub: a person or an organisation.
///
/// # Errors
/// As GitHub answers.
pub(crate) async fn account(
    client: &Client<'_>,
    reader: &Identity,
    step: Step,
    login: &str,
) -> Result<u64, Error> {
    let path = format!("/users/{}", encode(login));
    let call = versioned(Call::by(reader, step, &GITHUB, Method::GET, path));
    client.json::<Account>(call).await.map(|account| account.id)
}

/// Takes the ids out of a subject of GitHub, so that two that differ in them alone can be told; `None` for a
/// subject that is not of the usual form.
fn without_ids(subject: &str) -> Option<(String, &str)> {
    let (repository, context) = subject.strip_prefix("repo:")?.split_once(':')?;
    let (owner, name) = repository.split_once('/')?;
    let plain = |text: &str| text.split('@').next().unwrap_or_default().to_ascii_lowercase();
    Some((format!("{}/{}", plain(owner), plain(name)), context))
}

/// Returns true for a subject that names owner and repository with their ids.
pub(crate) fn has_ids(subject: &str) -> bool {
    subject.strip_prefix("repo:").is_some_and(|rest| rest.split(':').next().is_some_and(|r| r.contains('@')))
}

/// Says what makes a registered subject another than the one that a run has sent, and the ways out; `None`
/// where the two have nothing to do with each other.
pub(crate) fn unlike(sent: &str, registered: &str) -> Option<String> {
    let ((own, context), (other, other_context)) = (without_ids(sent)?, without_ids(registered)?);
    if own != other {
        return None;
    }
    if context != other_context {
        return Some(format!(
            "\"{registered}\" is registered, and the run was {context}: let the job run as {other_context}, \
             or register \"{sent}\" too (`lakekey provision` with federated-credential)"
        ));
    }
    Some(match (has_ids(sent), has_ids(registered)) {
        (true, false) => format!(
            "\"{registered}\" is registered without the ids that this repository sends: register \"{sent}\" \
             too (`lakekey provision` with federated-credential), or have an administrator of the \
             repository opt out of the ids"
        ),
        (false, true) => format!(
            "\"{registered}\" is registered with ids that this repository does not send (the Azure portal \
             writes them for every repository): register \"{sent}\" too (`lakekey provision` with \
             federated-credential), or have an administrator opt in: `gh api --method PUT \
             repos/{own}/actions/oidc/customization/sub -F use_default=true -F use_immutable_subject=true`"
        ),
        (true, true) if sent != registered => format!(
            "\"{registered}\" is registered with the ids of another repository of that name: it was made \
             anew or has moved; register \"{sent}\""
        ),
        _ => format!(
            "\"{registered}\" is registered, which differs from \"{sent}\" in letter case alone: register \
             it as it is sent"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::unlike;

    #[test]
    fn each_way_in_which_a_registered_subject_differs_names_its_way_out() {
        for (sent, registered, words) in [
            ("repo:acme@1/data@2:environment:e", "repo:acme/data:environment:e", "without the ids"),
            ("repo:acme/data:environment:e", "repo:acme@1/data@2:environment:e", "opt in: `gh api"),
            ("repo:acme@1/data@2:environment:e", "repo:acme@1/data@3:environment:e", "made anew"),
            ("repo:Acme/data:environment:e", "repo:acme/data:environment:e", "letter case"),
            ("repo:acme/data:ref:refs/heads/x", "repo:acme/data:environment:e", "run as environment:e"),
        ] {
            let said = unlike(sent, registered).unwrap_or_default();
            assert!(said.contains(words), "{sent}: {said}");
        }
        assert_eq!(unlike("repo:acme/data:pull_request", "repo:acme/other:pull_request"), None);
        assert_eq!(unlike("sc://acme/data/lakekey", "repo:acme/other:pull_request"), None);
    }
}
