//! The steps of the procedure, by which a failure says where it happened.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        /// Names the step of the procedure in which something happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Step { $($(#[doc = $doc])+ $name,)+ }

        impl Step {
            /// Lists every step, in the order of the procedure.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Returns the stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

steps! {
    /// Reads and checks the configuration.
    Configure = "configure";
    /// Finds out the tenant of a workspace.
    FindTenant = "find-tenant";
    /// Makes the application in Entra ID.
    MakeApplication = "make-application";
    /// Makes the application's service principal in the tenant.
    MakeServicePrincipal = "make-service-principal";
    /// Makes the federated credential.
    MakeFederatedCredential = "make-federated-credential";
    /// Signs in as the admin.
    SignInAdmin = "sign-in-admin";
    /// Imports the principal into the workspace.
    ImportPrincipal = "import-principal";
    /// Makes the federation policy of a Databricks principal.
    MakeFederationPolicy = "make-federation-policy";
    /// Adds the entitlements.
    AddEntitlements = "add-entitlements";
    /// Reads or corrects the workspace's settings for tokens.
    WorkspaceSettings = "workspace-settings";
    /// Grants the permission to use tokens.
    GrantTokenPermission = "grant-token-permission";
    /// Signs in as the principal.
    SignIn = "sign-in";
    /// Signs in where a sink is.
    SignInSink = "sign-in-sink";
    /// Lists the credentials.
    ListTokens = "list-tokens";
    /// Reads the sinks.
    ReadSinks = "read-sinks";
    /// Creates a credential.
    CreateToken = "create-token";
    /// Verifies a credential.
    VerifyToken = "verify-token";
    /// Looks for other runs.
    CheckOtherRuns = "check-other-runs";
    /// Writes to a sink.
    Deliver = "deliver";
    /// Reads back from a sink.
    ReadBack = "read-back";
    /// Marks a credential as delivered.
    MarkActive = "mark-active";
    /// Revokes a credential.
    RevokeToken = "revoke-token";
    /// Tells others how a run has ended.
    Notify = "notify";
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = Self::ALL.iter().copied().find(|step| step.as_str() == text);
        known.ok_or_else(|| serde::de::Error::custom("no step of this version"))
    }
}
