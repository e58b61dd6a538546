//! What can be looked up before anybody signs in to a workspace: for who writes a first configuration.

use super::resolve::Config;
use super::shared::Run;
use super::trust;
use crate::auth::{Session, asked_tenant};
use crate::host::Host;
use crate::model::{Error, PrincipalKind};
use crate::sink::NoAdapters;

/// Names whom a principal is to trust, as Entra ID and Databricks are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// Who signs the assertions.
    pub issuer: String,
    /// Which of them are meant.
    pub subject: String,
    /// For whom they are made; none where the service's own is taken.
    pub audience: Option<String>,
}

/// Holds what was looked up for the first target of a configuration.
#[derive(Debug)]
pub struct LookedUp {
    /// The workspace's tenant; an error says why it is not known.
    pub tenant: Result<String, Error>,
    /// Whom the principal is to trust, where the configuration has a `federated-credential`; GitHub is asked
    /// for the subject.
    pub trusted: Result<Option<Trusted>, Error>,
}

/// Looks up what a configuration leaves out. No secret goes anywhere but that of `github` to GitHub.
///
/// Returns nothing for a configuration without targets.
pub async fn look_up(host: Host<'_>, config: &Config) -> Option<LookedUp> {
    let target = config.targets.first()?;
    let run = Run { host, session: Session::default(), config, adapters: &NoAdapters };
    let context = run.context(target);
    let tenant = asked_tenant(&context).await;
    let trusted = match target.subject.principal.kind {
        PrincipalKind::Entra => trust::wanted(&context, target).await.map(|trust| {
            trust.map(|trust| Trusted {
                subject: trust.matches.as_str().to_owned(),
                issuer: trust.issuer,
                audience: Some(trust.audience),
            })
        }),
        PrincipalKind::Databricks => trust::wanted_policy(&context, target).await.map(|policy| {
            policy.map(|policy| Trusted {
                issuer: policy.issuer,
                subject: policy.subject,
                audience: policy.audience,
            })
        }),
    };
    Some(LookedUp { tenant, trusted })
}
