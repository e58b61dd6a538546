//! What this run has made and what may not be known everywhere yet: only for that a refusal is waited out.

use crate::auth::Context;
use crate::model::{Code, Error, Step, Temporary};

/// Returns true where something that this run has made explains the refusal.
pub(super) fn is_awaited(context: &Context<'_>, error: &Error) -> bool {
    error.temporary() == Temporary::Propagation && context.has_made(makers(error.code()))
}

/// Returns true where what these steps are to make explains the refusal.
pub(super) fn is_explained(steps: &[Step], error: &Error) -> bool {
    let in_place = matches!(error.step(), Step::ReadSinks | Step::SignInSink);
    // The secret that it is to sign in with is nowhere before it is made.
    let is_unmade = error.code() == Code::ConfigMissingSecret;
    (error.temporary() == Temporary::Propagation || is_unmade)
        && !in_place
        && makers(error.code()).iter().any(|step| steps.contains(step))
}

/// Returns an error as it is to be treated: what nothing that this run has made explains, no wait changes.
pub(super) fn judged(context: &Context<'_>, error: Error) -> Error {
    match error.temporary() {
        Temporary::Propagation if !is_awaited(context, &error) => error.with_temporary(Temporary::No),
        _ => error,
    }
}

/// Lists the steps after which a refusal may pass.
const fn makers(code: Code) -> &'static [Step] {
    match code {
        Code::FederatedCredentialMismatch
        | Code::FederatedCredentialCase
        | Code::FederatedCredentialAudience => &[Step::MakeFederatedCredential, Step::MakeApplication],
        Code::FederationPolicyMismatch => &[Step::MakeFederationPolicy],
        Code::ClientSecretWrong | Code::ClientSecretExpired => &[Step::CreateToken, Step::MakeApplication],
        Code::ConfigMissingSecret => &[Step::CreateToken],
        // A workspace that does not know the principal yet calls its credential wrong.
        Code::CredentialInvalid => &[Step::CreateToken, Step::MakeApplication, Step::ImportPrincipal],
        Code::PrincipalNotInWorkspace => &[Step::ImportPrincipal, Step::MakeApplication],
        Code::TokenPermissionMissing => &[Step::GrantTokenPermission, Step::ImportPrincipal],
        Code::EntitlementMissing => &[Step::AddEntitlements, Step::ImportPrincipal],
        Code::TokensDisabled => &[Step::WorkspaceSettings],
        _ => &[Step::MakeApplication, Step::MakeServicePrincipal],
    }
}
