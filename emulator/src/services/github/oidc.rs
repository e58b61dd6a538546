//! Which subject the tokens of a repository's runs carry.
//!
//! <https://docs.github.com/rest/actions/oidc>

use serde_json::{Value, json};

use super::access::Caller;
use super::fields::body;
use super::reply::not_found;
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{Place, Repository, SubjectForm};
use crate::world::World;

/// Answers `/repos/{owner}/{repo}/actions/oidc/customization/sub`.
pub(super) fn of_repository(
    world: &mut World,
    call: &Call,
    caller: &Caller,
    full_name: &str,
) -> Result<Reply, Reply> {
    let write = call.method != "GET";
    caller.must(world, &Place::Repository(full_name.to_owned()), "actions", write)?;
    if write {
        let map = body(call, &["use_default", "include_claim_keys", "use_immutable_subject"])?;
        let keys = map.get("include_claim_keys").and_then(Value::as_array);
        let keys = keys.map(|keys| keys.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        let default = map.get("use_default").and_then(Value::as_bool).unwrap_or(true);
        let ids = map.get("use_immutable_subject").and_then(Value::as_bool).unwrap_or(false);
        let form = match (default, ids) {
            (false, _) => SubjectForm::Template(keys.unwrap_or_default()),
            (true, true) => SubjectForm::Ids,
            (true, false) => SubjectForm::Names,
        };
        world.set_subject_form(full_name, form);
        return Ok(Reply::json(201, &json!({})));
    }
    let form = world.subject_form(full_name);
    let repository = world.github.repository(full_name).ok_or_else(not_found)?;
    let prefix = |ids: bool| prefix(world, repository, ids);
    Ok(match form {
        SubjectForm::Unsaid => return Err(not_found()),
        SubjectForm::Template(keys) => Reply::json(
            200,
            &json!({"use_default": false, "include_claim_keys": keys, "use_immutable_subject": false,
                "sub_claim_prefix": prefix(false)}),
        ),
        // GitHub has been seen to say no of the form that it sends.
        form => Reply::json(
            200,
            &json!({"use_default": true, "use_immutable_subject": false,
                "sub_claim_prefix": prefix(form == SubjectForm::Ids)}),
        ),
    })
}

fn prefix(world: &World, repository: &Repository, ids: bool) -> String {
    let (owner, name) = repository.full_name.split_once('/').unwrap_or_default();
    match ids {
        true => format!("repo:{owner}@{}/{name}@{}", world.github.account_id(owner), repository.id),
        false => format!("repo:{owner}/{name}"),
    }
}

/// Answers `/orgs/{org}/actions/oidc/customization/sub`.
pub(super) fn of_organization(world: &World, caller: &Caller, name: &str) -> Result<Reply, Reply> {
    caller.must(world, &Place::Organization(name.to_owned()), "organization_administration", false)?;
    let keys = world.github.templates.get(&name.to_ascii_lowercase()).ok_or_else(not_found)?;
    Ok(Reply::json(200, &json!({"include_claim_keys": keys})))
}
