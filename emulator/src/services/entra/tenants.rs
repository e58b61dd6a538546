//! Which tenants there are.

use super::refusal::Refusal;
use crate::world::World;

pub(super) fn known_tenant(world: &World, tenant: &str) -> Result<(), Refusal> {
    if world.directory.tenants.iter().any(|known| known.eq_ignore_ascii_case(tenant)) {
        return Ok(());
    }
    if matches!(tenant, "common" | "organizations" | "consumers") {
        let text = "No tenant-identifying information found in either the request or implied by any \
                    provided credentials.";
        return Err(Refusal::new(50_059, text));
    }
    Err(Refusal::new(
        90_002,
        format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing \
             into the correct cloud. Check with your subscription administrator, this may happen if there \
             are no active subscriptions for the tenant."
        ),
    ))
}
