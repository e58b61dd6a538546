//! The stable codes, each with what to do where nothing more particular is known.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $hint:literal;)+) => {
        /// Names what went wrong; the text of a code never changes and is the anchor in
        /// `docs/troubleshooting.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Lists every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Returns the stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Returns what to do, where nothing more particular is known.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)+ }
            }
        }
    };
}

codes! {
    /// The configuration could not be read at all.
    ConfigUnreadable = "config-unreadable",
        "check that the file exists, is UTF-8 text and is smaller than 16 MiB";
    /// The configuration is not YAML or JSON.
    ConfigSyntax = "config-syntax", "correct the YAML at the place that the message names";
    /// A key is not known.
    ConfigUnknownKey = "config-unknown-key",
        "remove the key or correct its spelling; `lakekey schema` lists the known ones";
    /// A key that is needed is missing.
    ConfigMissingKey = "config-missing-key", "add the key";
    /// A value is not of the form that its key needs.
    ConfigInvalidValue = "config-invalid-value", "correct the value of the key that the message names";
    /// A secret stands in the configuration itself.
    ConfigLiteralSecret = "config-literal-secret",
        "put the secret into an environment variable or a file and refer to it: {env: NAME} or {file: \
         PATH}; replace the value that stood in the file, since it may have been seen";
    /// A name or a place is given twice.
    ConfigDuplicate = "config-duplicate", "give each target and each place of delivery once";
    /// An environment variable or file that the configuration refers to is missing.
    ConfigMissingSecret = "config-missing-secret",
        "set the environment variable, or make the file readable, where lakekey runs";
    /// A host does not belong to the chosen cloud.
    ConfigHostOutsideCloud = "config-host-outside-cloud",
        "correct the URL or `cloud`, or name the host in `endpoints.workspaces`";
    /// A URL would send a credential over plain HTTP.
    ConfigInsecureUrl = "config-insecure-url", "use https; plain http is accepted on loopback alone";
    /// A target named on the command line is not in the configuration.
    ConfigUnknownTarget = "config-unknown-target", "use one of the configured names";
    /// The command line or an input is wrong.
    UsageInvalid = "usage-invalid", "see `lakekey --help`";
    /// The lifetime asked for is longer than the workspace allows.
    LifetimeOverMaximum = "lifetime-over-maximum",
        "shorten `token.lifetime`, or have a workspace admin raise maxTokenLifetimeDays";

    /// No connection could be made.
    NotReachable = "not-reachable",
        "check the host name, the network, the proxy (HTTPS_PROXY, NO_PROXY) and the certificate \
         authorities (SSL_CERT_FILE) where lakekey runs";
    /// A service did not answer in time.
    TimedOut = "timed-out", "run again; if it repeats, look at the service's status page and at the network";
    /// The reply to a request was lost.
    ReplyLost = "reply-lost", "run again: the next run looks at what was done and converges";
    /// A reply could not be understood.
    ReplyInvalid = "reply-invalid",
        "something between lakekey and the service may answer in its place (a proxy, a log-in page); run \
         again from another network if it repeats";
    /// A reply was larger than any real one.
    ReplyTooLarge = "reply-too-large",
        "something between lakekey and the service may answer in its place; check the host name";
    /// A service answered with a redirect, which is never followed with a credential.
    Redirected = "redirected",
        "check the address: something answers in the service's place and sends the caller elsewhere";
    /// A service asked to slow down for longer than a run waits.
    RateLimited = "rate-limited", "run again later, and spread the targets over the day";
    /// A service failed on its side.
    ServiceUnavailable = "service-unavailable", "run again; if it repeats, look at the service's status page";
    /// A service refused for a reason that lakekey does not know.
    Refused = "refused", "read what the service said; with its request id its support can tell more";

    /// The client secret is wrong, or has not propagated yet.
    ClientSecretWrong = "client-secret-wrong",
        "check that the value of the secret is given, not its id, and that it belongs to this \
         application; a secret made a moment ago may need two minutes";
    /// The client secret has expired.
    ClientSecretExpired = "client-secret-expired",
        "make a new client secret, or use a federated credential, which does not expire";
    /// The application is not in the tenant.
    ApplicationNotFound = "application-not-found",
        "check client-id and tenant-id: the application must be registered, or have a service principal, \
         in that tenant";
    /// The application has no service principal in the tenant.
    ServicePrincipalMissing = "service-principal-missing",
        "create the application's service principal in the tenant: `lakekey provision` with `directory`, \
         or `az ad sp create --id CLIENT_ID`";
    /// The tenant does not exist.
    TenantNotFound = "tenant-not-found",
        "check tenant-id and `cloud`; leave tenant-id out to have the workspace asked";
    /// The scope was refused.
    ScopeInvalid = "scope-invalid",
        "leave the scope to lakekey: it is 2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default in every cloud";
    /// No federated credential matches the assertion.
    FederatedCredentialMismatch = "federated-credential-mismatch",
        "make issuer, subject and audience of the federated credential equal to those that the message \
         shows, letter by letter";
    /// A federated credential matches but for letter case.
    FederatedCredentialCase = "federated-credential-case",
        "correct the letter case of the federated credential's subject";
    /// A federated credential matches but for the audience.
    FederatedCredentialAudience = "federated-credential-audience",
        "ask for the audience that the federated credential has (the auth's `audience`), or register the \
         one that the message shows; Entra ID's own is api://AzureADTokenExchange";
    /// The assertion is outside its validity.
    AssertionExpired = "assertion-expired", "check the clock of the machine that runs lakekey";
    /// Azure Databricks has no service principal in the tenant.
    ResourceMissing = "resource-missing",
        "the tenant is probably not the one that holds the workspace; leave tenant-id out to have the \
         workspace asked";
    /// The client certificate has expired or is not valid yet.
    CertificateExpired = "certificate-expired", "renew the certificate and register it with the application";
    /// The client certificate cannot be used.
    CertificateInvalid = "certificate-invalid",
        "give a PEM with the certificate and its RSA private key, or a PKCS#12 file and its password";
    /// The private key is not that of the certificate.
    CertificateKeyMismatch = "certificate-key-mismatch",
        "give the private key that the certificate was made for";
    /// The token is for another tenant than the workspace's, or the vault's.
    WrongTenant = "wrong-tenant",
        "correct tenant-id: the message names the tenant that is expected and the one that the token is of; \
         leave it out to have the workspace asked";
    /// The token is for another resource.
    WrongAudience = "wrong-audience",
        "let lakekey get the token: one that was handed over must be for \
         2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";
    /// The application or the tenant belongs to another cloud.
    WrongCloud = "wrong-cloud", "correct `cloud`: public, usgov or china";
    /// A Conditional Access policy blocks the sign-in.
    ConditionalAccess = "conditional-access",
        "have an administrator of the tenant allow this application from this network in the policy that \
         the sign-in log names (Entra ID > Sign-in logs > Service principal sign-ins)";
    /// The application is switched off.
    ApplicationDisabled = "application-disabled",
        "switch the application on in Entra ID: Enterprise applications > Properties > Enabled for users to \
         sign in";
    /// The registration of the application is of a kind that cannot sign in so.
    ApplicationType = "application-type",
        "register the application for this tenant alone and as a confidential client (App registrations > \
         Authentication)";
    /// The tenant's policy for applications forbids this kind of credential.
    CredentialTypeNotAllowed = "credential-type-not-allowed",
        "use a federated credential, or have an administrator exempt the application from the tenant's app \
         management policy";
    /// The tenant does not allow this issuer for federated credentials.
    FederationNotAllowed = "federation-not-allowed",
        "have an administrator of the tenant allow the issuer that the message names for workload identity \
         federation";
    /// No federation policy of Databricks matches the token.
    FederationPolicyMismatch = "federation-policy-mismatch",
        "make a federation policy of the service principal (account console) with the issuer, subject and \
         audience that the message names; a new one takes one to two minutes";
    /// The application must be assigned to Azure Databricks.
    AssignmentRequired = "assignment-required",
        "assign the application to the enterprise application AzureDatabricks, or switch `Assignment \
         required` off there";
    /// The pipeline's job does not name the service connection.
    ServiceConnectionUnreferenced = "service-connection-unreferenced",
        "name the service connection in a task of the same job: one with `azureSubscription` and \
         `condition: false` is enough";
    /// The host is no workspace.
    NotAWorkspace = "not-a-workspace",
        "check the target's `workspace`: it is https://adb-….azuredatabricks.net, not the account console";
    /// Only an account admin may do this.
    AccountAdminRequired = "account-admin-required", "have an account admin do it, or give their sign-in";
    /// No managed identity is assigned to the machine.
    IdentityNotAssigned = "identity-not-assigned",
        "assign the managed identity to this machine, or correct its client-id";
    /// The workflow may not ask for an identity token.
    OidcPermissionMissing = "oidc-permission-missing", "add `permissions: {id-token: write}` to the job";
    /// The pipeline's own token is missing or was refused.
    SystemAccessTokenMissing = "system-access-token-missing",
        "map SYSTEM_ACCESSTOKEN: $(System.AccessToken) into the step's env";
    /// The Azure CLI failed.
    AzureCliFailed = "azure-cli-failed", "install the Azure CLI and run `az login`";
    /// No way to sign in was configured or found in the environment.
    SignInNotConfigured = "sign-in-not-configured",
        "give `auth`, or set the environment variables of Databricks unified authentication";
    /// The sign-in was refused for a reason that lakekey does not know.
    SignInRefused = "sign-in-refused",
        "read what the service said; the sign-in log of the tenant shows the refused attempt";
    /// A sign-in brought another principal than the configured one.
    WrongPrincipal = "wrong-principal", "check client-id: the credential signs in as somebody else";
    /// Nobody says who has signed in.
    IdentityUnknown = "identity-unknown",
        "give principal.client-id; and let the principal read itself (SCIM `Me`), or sign in by a token of \
         Entra ID, which says whose it is";
    /// Several principals bear the name, or several identities stand on the machine.
    IdentityAmbiguous = "identity-ambiguous", "give client-id to say which one is meant";

    /// The principal may not use tokens.
    TokenPermissionMissing = "token-permission-missing",
        "grant the principal CAN_USE on tokens (where it had it before, Terraform or another tool that keeps \
         the whole list has taken it out, and will again: see docs/migrate.md): `lakekey provision` with \
         `admin` does so without touching \
         anybody else's permission";
    /// Personal access tokens are switched off in the workspace.
    TokensDisabled = "tokens-disabled",
        "have a workspace admin enable personal access tokens, or set allow-enable-tokens: true and run \
         `lakekey provision`";
    /// The principal has no room for another token.
    QuotaExceeded = "quota-exceeded",
        "revoke credentials that nobody uses: `lakekey status` lists what is left over";
    /// The workspace does not know the principal.
    PrincipalNotInWorkspace = "principal-not-in-workspace",
        "add the service principal to the workspace: `lakekey provision` with `admin` does so";
    /// The principal lacks an entitlement.
    EntitlementMissing = "entitlement-missing",
        "give `entitlements`, such as workspace-access or databricks-sql-access, and run `lakekey provision` \
         with `admin`; a new one takes up to ten minutes";
    /// A credential's scopes do not cover what was asked with it.
    ScopeMissing = "scope-missing",
        "add the scope that the message names: to `token.scopes`, or to the credential that signs in";
    /// The workspace refuses this network.
    NetworkRefused = "network-refused",
        "run where the workspace's network rules allow it, or have its admin add this network";
    /// The principal is switched off.
    PrincipalInactive = "principal-inactive", "activate the service principal in the workspace";
    /// The credential was refused.
    CredentialInvalid = "credential-invalid", "the token or secret is wrong, expired or revoked; replace it";
    /// The caller is not an admin of the workspace.
    AdminRequired = "admin-required", "give `admin` a credential of a workspace admin";
    /// No admin was configured where one is needed.
    AdminNotConfigured = "admin-not-configured",
        "give the target an `admin`: `provision`, `doctor` and `revoke` use it, `rotate` never does";
    /// The workspace is behind Private Link and refuses this network.
    PrivateLink = "private-link", "run lakekey from a network that reaches the workspace's private endpoint";
    /// The workspace's IP access list refuses this network.
    IpAccessList = "ip-access-list",
        "add the runner's address to the workspace's IP access list, or run lakekey from a listed network";
    /// A new credential did not work in time.
    VerificationFailed = "verification-failed",
        "nothing was delivered; run again, and raise token.verify-within if the workspace is slow";
    /// A permission or principal did not take effect in time.
    SpreadingTooSlow = "spreading-too-slow", "run again in a few minutes: what was made stays and is found";

    /// Graph refused for lack of a permission.
    GraphPermissionMissing = "graph-permission-missing",
        "grant `directory` the application permission Application.ReadWrite.OwnedBy (with admin consent), \
         or use a user who may register applications";
    /// Several applications bear the name.
    ApplicationAmbiguous = "application-ambiguous", "give client-id to say which application is meant";
    /// An application bears the name, and lakekey did not make it.
    ApplicationNotOurs = "application-not-ours",
        "give principal.client-id if this application is meant; else choose another display-name";
    /// An application must be made, and nobody was named who may.
    DirectoryNotConfigured = "directory-not-configured",
        "give `directory`, who may write to Microsoft Graph, or the client-id of an application that \
         exists";
    /// A client secret would be made with no place to keep it.
    ClientSecretUndelivered = "client-secret-undelivered",
        "give `client-secret.deliver`, or sign in with a federated credential, which has no secret";

    /// The built-in GITHUB_TOKEN cannot write secrets.
    GithubTokenCannotWriteSecrets = "github-token-cannot-write-secrets",
        "the workflow's own GITHUB_TOKEN can never write secrets: use a GitHub App with the permission \
         `secrets: write`, or a fine-grained personal access token";
    /// The GitHub credential lacks a permission.
    GithubPermissionMissing = "github-permission-missing",
        "grant the App or token the permission that the message names, and install it on the repository \
         or organisation";
    /// The GitHub credential is wrong or expired.
    GithubCredentialInvalid = "github-credential-invalid",
        "replace the GitHub token, or the App's private key";
    /// The organisation demands single sign-on of the token.
    GithubSsoRequired = "github-sso-required",
        "authorise the token for the organisation: GitHub > Settings > Developer settings > the token > \
         Configure SSO";
    /// The organisation's rules forbid the token.
    GithubTokenPolicy = "github-token-policy",
        "use a GitHub App; or make a token within the organisation's rules, which the message names";
    /// The repository is archived.
    GithubRepositoryArchived = "github-repository-archived",
        "unarchive the repository, or remove this place of delivery";
    /// The repository has another name or owner now.
    GithubRepositoryMoved = "github-repository-moved", "write the repository's new name";
    /// The repository was blocked by GitHub.
    GithubRepositoryBlocked = "github-repository-blocked", "ask GitHub's support why it blocks the repository";
    /// The App's installation is suspended.
    GithubInstallationSuspended = "github-installation-suspended",
        "have an owner unsuspend it: Settings > GitHub Apps > Configure";
    /// The App is not installed there.
    GithubAppNotInstalled = "github-app-not-installed",
        "install the App on the repository or organisation: the App's settings > Install App";
    /// GitHub knows no such App, or the key is not the App's.
    GithubAppUnknown = "github-app-unknown",
        "check github.app-id, and that github.private-key is a key of that App that was not deleted";
    /// The account of the token is suspended.
    GithubAccountSuspended = "github-account-suspended", "use another account, or a GitHub App";
    /// A repository, organisation or environment does not exist, or is not visible.
    GithubNotFound = "github-not-found",
        "check the name; a private repository that the App is not installed on looks the same as one that \
         does not exist";
    /// No GitHub sign-in was configured.
    GithubNotConfigured = "github-not-configured",
        "give `github`, or the inputs github-token or app-id and private-key";
    /// A vault, scope, group or project does not exist, or is not visible.
    SinkNotFound = "sink-not-found", "check the name of the place of delivery";
    /// The caller may not write to a place of delivery.
    SinkPermissionMissing = "sink-permission-missing", "grant the permission that the message names";
    /// A network rule of a place of delivery refuses this network.
    SinkNetworkRefused = "sink-network-refused",
        "run from a network that the place allows, or have its owner allow the address that the message \
         names";
    /// The secret is switched off.
    SinkSecretDisabled = "sink-secret-disabled",
        "switch the secret's current version on, or deliver elsewhere";
    /// A place of delivery refused the value.
    SinkRefused = "sink-refused", "read what the service said";
    /// Who was to be told of a run did not take the notice.
    NoticeRefused = "notice-refused",
        "check the address that `notify` or `heartbeat` refers to; the credentials are as the report says";
    /// A secret of that name was deleted and waits for its purge.
    SinkSecretDeleted = "sink-secret-deleted",
        "recover or purge the deleted secret: `az keyvault secret recover --vault-name VAULT --name NAME`";
    /// A place of delivery changed while it was written.
    SinkChanged = "sink-changed", "somebody else edited it in the same moment; run again";
    /// A place of delivery does not show what was written.
    SinkMismatch = "sink-mismatch",
        "somebody else wrote to it in the same moment, or the write did not take effect; run again";
    /// Another hand writes to a place of delivery.
    SinkOverwritten = "sink-overwritten",
        "find out who else writes there (Terraform, another configuration, a person) and have them stop; \
         then `lakekey rotate --force` delivers once more";
    /// A command or callback failed.
    SinkFailed = "sink-failed", "see why it failed; the next run delivers a fresh credential to every place";
    /// This host has no such place of delivery.
    SinkUnsupported = "sink-unsupported",
        "`command` is for the binary, `callback` for a program that uses the npm package and passes the \
         function";

    /// Some places hold the new credential and one does not.
    PartialDelivery = "partial-delivery",
        "nothing was revoked; fix the place that failed and run again: the next run issues a fresh \
         credential to all";
    /// Another run is at work.
    AnotherRun = "another-run", "nothing to do: the other run renews the credential";
    /// The run took too long to go on safely.
    LeaseExpired = "lease-expired", "nothing was revoked; the next run begins again";
    /// The run was asked to stop.
    Cancelled = "cancelled", "run again: the next run goes on from what was done";
    /// The credential is not one that may be revoked so.
    RevokeRefused = "revoke-refused", "see `lakekey status` for what is held where";
    /// A defect of lakekey.
    Internal = "internal", "this is a defect of lakekey: please report it with the message";
}

/// Names whose mistake an error tells of, which decides the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Class {
    /// The command line, an input or an option.
    Usage,
    /// The configuration.
    Configuration,
    /// One target: a service, the network, or what the configuration refers to.
    Target,
}

impl Class {
    /// Returns the text that stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Configuration => "configuration",
            Self::Target => "target",
        }
    }
}

impl Code {
    /// Returns whose mistake it is.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::UsageInvalid => Class::Usage,
            Self::ConfigUnreadable
            | Self::ConfigSyntax
            | Self::ConfigUnknownKey
            | Self::ConfigMissingKey
            | Self::ConfigInvalidValue
            | Self::ConfigLiteralSecret
            | Self::ConfigDuplicate
            | Self::ConfigMissingSecret
            | Self::ConfigHostOutsideCloud
            | Self::ConfigInsecureUrl
            | Self::ConfigUnknownTarget => Class::Configuration,
            _ => Class::Target,
        }
    }

    /// Returns true where a service was not reached, or its answer did not come or could not be read.
    pub(crate) const fn is_no_answer(self) -> bool {
        matches!(
            self,
            Self::NotReachable | Self::TimedOut | Self::ReplyLost | Self::ReplyInvalid | Self::ReplyTooLarge
        )
    }
}

/// Says that a text is no code of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoCode;

impl fmt::Display for NoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no code of this version")
    }
}

impl std::error::Error for NoCode {}

impl FromStr for Code {
    type Err = NoCode;

    fn from_str(text: &str) -> Result<Self, NoCode> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(NoCode)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_kebab_case_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            let text = code.as_str();
            assert!(text.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{text}");
            assert!(seen.insert(text), "{text} stands twice");
            assert!(!code.hint().is_empty());
            assert_eq!(text.parse(), Ok(*code));
        }
    }

    #[test]
    fn a_mistake_in_the_document_is_one_of_the_configuration() {
        for code in Code::ALL {
            let configuration = code.as_str().starts_with("config-");
            assert_eq!(code.class() == Class::Configuration, configuration, "{code}");
        }
    }
}
