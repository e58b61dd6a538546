//! Who a target's principal is, and that it is this one who has signed in.
//!
//! Nothing is done or said with a sign-in before the workspace has been asked whose it is: a person at `az`,
//! another application's id or the identity of a machine signs in as well as the principal does.

use futures_util::future::join;
use serde_json::Value;

use super::context::{Context, Issuer, SignIn};
use super::jwt;
use super::parties::{principal_sign_in, sign_in_admin, sign_in_directory};
use super::resource::Resource;
use crate::http::Identity;
use crate::model::{Code, Error, Origin, PrincipalKind, Step};
use crate::service::databricks::me::{may_not_ask, me};
use crate::service::databricks::scim::{self, ServicePrincipal};
use crate::service::graph::{self, By};

/// Signs the principal in at its workspace, and asks whose sign-in it is beside a first question, whose
/// answer counts for nothing where it is somebody else's.
///
/// # Errors
/// `wrong-principal`; `identity-unknown`; every code of a refused sign-in; as the question is answered.
pub(crate) async fn as_principal<T>(
    context: &Context<'_>,
    question: impl AsyncFnOnce(&Identity) -> Result<T, Error>,
) -> Result<T, Error> {
    let (identity, sign_in) = signed_in(context).await?;
    if context.is_known() {
        return question(&identity).await;
    }
    let (known, answer) = join(check_identity(context, &identity, &sign_in), question(&identity)).await;
    known?;
    answer
}

/// Signs the principal in at its workspace, once it is known whose sign-in it is.
///
/// # Errors
/// `wrong-principal`; `identity-unknown`; every code of a refused sign-in.
pub(crate) async fn known_principal(context: &Context<'_>) -> Result<Identity, Error> {
    let (identity, sign_in) = signed_in(context).await?;
    if !context.is_known() {
        check_identity(context, &identity, &sign_in).await?;
    }
    Ok(identity)
}

/// Checks that it is the principal who has signed in where a place is, by what the access token says; where
/// it says nothing the workspace is asked.
///
/// # Errors
/// `wrong-principal`; `identity-unknown`; as the workspace answers.
pub(crate) async fn check_principal(
    context: &Context<'_>,
    identity: &Identity,
    sign_in: &SignIn,
) -> Result<(), Error> {
    if context.is_known() {
        return Ok(());
    }
    let expected = principal_id(context).await?;
    match said_by_token(identity, sign_in.method.issuer(&context.subject.principal)) {
        Some(bearer) => bearer.must_be(context, sign_in, &expected),
        None => known_principal(context).await.map(drop),
    }
}

/// Signs in who manages the OAuth secrets of a principal: the admin, or else the principal itself, which the
/// workspace is asked of first.
///
/// # Errors
/// Every code of a refused sign-in, and of [`known_principal`].
pub(crate) async fn sign_in_keeper(
    context: &Context<'_>,
    origin: &Origin,
    step: Step,
) -> Result<Identity, Error> {
    let in_workspace = *origin == context.subject.workspace;
    let (sign_in, step) = match &context.subject.admin {
        Some(admin) => (admin.clone(), if in_workspace { Step::SignInAdmin } else { step }),
        None if in_workspace => return known_principal(context).await,
        None => (principal_sign_in(context)?, step),
    };
    sign_in.sign_in(context, Resource::Databricks, origin, step).await
}

/// Returns the principal's application id: the configured one, else that of the principal with the configured
/// name, else that of its sign-in.
///
/// # Errors
/// `principal-not-in-workspace`, `application-not-found`, `identity-ambiguous` and `application-not-ours` of
/// a name; `config-missing-key` where nothing says who is meant.
pub(crate) async fn principal_id(context: &Context<'_>) -> Result<String, Error> {
    if let Some(known) = context.client_id() {
        return Ok(known.to_owned());
    }
    let subject = context.subject;
    match (&subject.principal.display_name, own_id(context)) {
        (Some(name), own) => {
            let found = match context.has_a_witness() {
                true => named(context, name).await?,
                false => named_by_itself(context, name, own.as_deref()).await?,
            };
            Ok(context.keep_client_id(found))
        }
        (None, Some(own)) => Ok(own),
        (None, None) => Err(unsaid(context)),
    }
}

/// Finds the principal of that name by its own sign-in, where nobody else can be asked.
async fn named_by_itself(context: &Context<'_>, name: &str, own: Option<&str>) -> Result<String, Error> {
    let sign_in = principal_sign_in(context)?;
    let workspace = &context.subject.workspace;
    let identity = sign_in.sign_in(context, Resource::Databricks, workspace, Step::SignIn).await?;
    let refused = match in_workspace_by_name(context, &identity, name).await {
        Err(error) if may_not_ask(&error) => error,
        found => return found,
    };
    // Who may not look others up may know its own name.
    let me = me(context, &identity, Step::SignIn).await?;
    match own {
        Some(own) if me.is(own) && me.display_name.as_deref() == Some(name) => Ok(own.to_owned()),
        Some(own) if me.is(own) => {
            let words = format!(
                "{own} signs in, which is named \"{}\" and not \"{name}\"",
                me.display_name.as_deref().unwrap_or_default()
            );
            Err(Error::new(Code::WrongPrincipal, Step::SignIn, words).with_key(sign_in.path))
        }
        _ => Err(unknown(&refused)),
    }
}

/// Returns the application id that the sign-in gives.
fn own_id(context: &Context<'_>) -> Option<String> {
    principal_sign_in(context).ok()?.method.client_id().map(str::to_ascii_lowercase)
}

/// Says that nothing says who is meant.
fn unsaid(context: &Context<'_>) -> Error {
    Error::config(
        Code::ConfigMissingKey,
        format!("{}.principal.client-id", context.subject.path),
        "the application id is needed, to know whose credentials these are",
    )
}

/// Finds the principal of that name: in the workspace as its admin sees it, else in Entra ID; and asks Entra
/// ID for lakekey's mark, where `directory` is there.
async fn named(context: &Context<'_>, name: &str) -> Result<String, Error> {
    let subject = context.subject;
    let by_admin = match &subject.admin {
        Some(_) => {
            let admin = sign_in_admin(context).await?;
            Some(in_workspace_by_name(context, &admin, name).await?)
        }
        None => None,
    };
    if subject.principal.kind != PrincipalKind::Entra || subject.directory.is_none() {
        return by_admin.ok_or_else(|| unsaid(context));
    }
    let directory = sign_in_directory(context, Step::SignIn).await?;
    let by = by_admin.as_deref().map_or(By::Name(name), By::ClientId);
    let found = graph::find_application(context, &directory, by).await.map_err(|e| e.at(Step::SignIn))?;
    let found = found.ok_or_else(|| match by {
        By::ClientId(id) => graph::unknown(id).at(Step::SignIn),
        By::Name(_) => {
            let words = format!("no application is named \"{name}\"");
            Error::new(Code::ApplicationNotFound, Step::SignIn, words)
        }
    })?;
    // One that the sign-in names by its id is meant.
    if own_id(context).is_none() {
        graph::check_ours(context, &directory, &found).await.map_err(|error| error.at(Step::SignIn))?;
    }
    Ok(found.app_id)
}

async fn in_workspace_by_name(context: &Context<'_>, who: &Identity, name: &str) -> Result<String, Error> {
    let found = scim::find(context, who, scim::By::Name(name)).await.map_err(|e| e.at(Step::SignIn))?;
    let found = single(found, name)?.ok_or_else(|| {
        let words = format!("the workspace knows no service principal named \"{name}\"");
        Error::new(Code::PrincipalNotInWorkspace, Step::SignIn, words)
    })?;
    Ok(found.application_id)
}

/// Finds the principal in the workspace as its admin sees it, by its application id or else by its name.
///
/// # Errors
/// `identity-ambiguous` where several bear the name; `config-missing-key` where neither is given.
pub(crate) async fn find_in_workspace(
    context: &Context<'_>,
    admin: &Identity,
    known: Option<&str>,
) -> Result<Option<ServicePrincipal>, Error> {
    let principal = &context.subject.principal;
    let (by, value) = match (known.or(context.client_id()), &principal.display_name) {
        (Some(id), _) => (scim::By::ApplicationId(id), id),
        (None, Some(name)) => (scim::By::Name(name), name.as_str()),
        (None, None) => return Err(unsaid(context)),
    };
    single(scim::find(context, admin, by).await?, value)
}

fn single(mut found: Vec<ServicePrincipal>, value: &str) -> Result<Option<ServicePrincipal>, Error> {
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().map(|principal| principal.application_id.as_str()).collect();
        let words = format!("several service principals are named \"{value}\": {}", ids.join(", "));
        return Err(Error::new(Code::IdentityAmbiguous, Step::ImportPrincipal, words));
    }
    Ok(found.pop())
}

async fn signed_in(context: &Context<'_>) -> Result<(Identity, SignIn), Error> {
    let sign_in = principal_sign_in(context)?;
    if context.has_a_witness() || own_id(context).is_none() && context.client_id().is_none() {
        // Who is meant is found before anybody signs in; a name that nobody else can look up is no answer.
        principal_id(context).await?;
    }
    let workspace = &context.subject.workspace;
    let identity = sign_in.sign_in(context, Resource::Databricks, workspace, Step::SignIn).await?;
    Ok((identity, sign_in))
}

/// Signs the principal in without a question, for the tests of the ways to sign in.
#[cfg(test)]
pub(crate) async fn sign_in_principal(context: &Context<'_>) -> Result<Identity, Error> {
    signed_in(context).await.map(|(identity, _)| identity)
}

/// Asks the workspace whose sign-in this is, and refuses anybody but the principal.
async fn check_identity(context: &Context<'_>, identity: &Identity, sign_in: &SignIn) -> Result<(), Error> {
    let expected = principal_id(context).await?;
    match me(context, identity, Step::SignIn).await {
        Ok(me) if me.is(&expected) => {}
        Ok(me) => return Err(somebody_else(context, sign_in, me.name(), &expected)),
        Err(error) if may_not_ask(&error) => {
            let issuer = sign_in.method.issuer(&context.subject.principal);
            let bearer = said_by_token(identity, issuer).ok_or_else(|| unknown(&error))?;
            bearer.must_be(context, sign_in, &expected)?;
        }
        Err(error) => return Err(error),
    }
    context.keep_client_id(expected);
    context.set_known();
    Ok(())
}

fn unknown(refused: &Error) -> Error {
    let words = format!(
        "nobody says who has signed in: the access token does not, and the workspace refuses the question \
         ({})",
        refused.message()
    );
    Error::new(Code::IdentityUnknown, Step::SignIn, words).because(refused)
}

fn somebody_else(context: &Context<'_>, sign_in: &SignIn, who: Option<&str>, expected: &str) -> Error {
    let words = format!(
        "{} signs in as {}, and the principal of {} is {expected}",
        sign_in.method.name(),
        who.unwrap_or("somebody else"),
        context.subject.name
    );
    Error::new(Code::WrongPrincipal, Step::SignIn, words).with_key(sign_in.path.clone())
}

/// Says whom an access token stands for.
#[derive(Debug, PartialEq, Eq)]
enum Bearer {
    Application(String),
    Person,
}

impl Bearer {
    fn must_be(&self, context: &Context<'_>, sign_in: &SignIn, expected: &str) -> Result<(), Error> {
        match self {
            Self::Application(id) if id.eq_ignore_ascii_case(expected) => Ok(()),
            Self::Application(id) => Err(somebody_else(context, sign_in, Some(id), expected)),
            Self::Person => Err(somebody_else(context, sign_in, None, expected)),
        }
    }
}

/// Reads from an access token whom it stands for; `None` where it does not say so, or did not come from its
/// issuer.
///
/// <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>
fn said_by_token(identity: &Identity, issuer: Issuer) -> Option<Bearer> {
    let claims = jwt::claims(identity.token()?)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match issuer {
        Issuer::Somebody => None,
        Issuer::Databricks => text("sub").map(|id| Bearer::Application(id.to_owned())),
        Issuer::Entra => {
            let (object, subject) = (text("oid")?, text("sub"));
            let id = text("appid").or_else(|| text("azp"))?;
            // The application of a person's token is the one through which the person signs in.
            let alone = match text("idtyp") {
                Some(kind) => kind == "app",
                None => subject == Some(object),
            };
            Some(if alone && text("scp").is_none() {
                Bearer::Application(id.to_owned())
            } else {
                Bearer::Person
            })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::model::{Origin, Secret};

    fn bearer(claims: &Value, issuer: Issuer) -> Option<Bearer> {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let origin = Origin::parse("https://adb-1.2.azuredatabricks.net", "workspace").unwrap();
        said_by_token(&Identity::bearer(&origin, &Secret::new(token)), issuer)
    }

    fn application(id: &str) -> Option<Bearer> {
        Some(Bearer::Application(id.to_owned()))
    }

    #[test]
    fn an_access_token_says_whose_it_is() {
        for (claims, issuer, expected) in [
            (json!({"appid": "a", "oid": "o", "sub": "o"}), Issuer::Entra, application("a")),
            (json!({"azp": "a", "oid": "o", "sub": "o", "idtyp": "app"}), Issuer::Entra, application("a")),
            (json!({"sub": "a", "iss": "x"}), Issuer::Databricks, application("a")),
            // A person's token names the application through which the person signs in.
            (json!({"appid": "a", "oid": "o", "sub": "p"}), Issuer::Entra, Some(Bearer::Person)),
            (json!({"appid": "a", "oid": "o", "sub": "o", "scp": "x"}), Issuer::Entra, Some(Bearer::Person)),
            (
                json!({"appid": "a", "oid": "o", "sub": "o", "idtyp": "user"}),
                Issuer::Entra,
                Some(Bearer::Person),
            ),
            (json!({"appid": "a"}), Issuer::Entra, None),
            (json!({"oid": "o", "sub": "o"}), Issuer::Entra, None),
            (json!({"iss": "x"}), Issuer::Databricks, None),
            // What somebody has handed over proves nothing.
            (json!({"appid": "a", "oid": "o", "sub": "o"}), Issuer::Somebody, None),
        ] {
            assert_eq!(bearer(&claims, issuer), expected, "{claims} {issuer:?}");
        }
    }

    #[test]
    fn what_is_no_json_web_token_says_nothing() {
        let origin = Origin::parse("https://adb-1.2.azuredatabricks.net", "workspace").unwrap();
        for text in ["dapi123", "a.b", "e30.!!.x", "e30.W10.x", ""] {
            let identity = Identity::bearer(&origin, &Secret::new(text));
            assert_eq!(said_by_token(&identity, Issuer::Databricks), None, "{text}");
        }
    }
}
