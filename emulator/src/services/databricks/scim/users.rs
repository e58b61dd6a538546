//! SCIM's people.
//!
//! <https://docs.databricks.com/api/azure/workspace/users>

use serde_json::{Map, Value};

use super::patch::{entitlements, patch};
use super::reply::refuse;
use super::shown::{body, find, find_mut, remove, shown};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{Member, MemberKind, Workspace};

const FIELDS: [&str; 12] = [
    "schemas",
    "userName",
    "displayName",
    "name",
    "emails",
    "active",
    "entitlements",
    "externalId",
    "groups",
    "roles",
    "id",
    "meta",
];

/// Creates, changes and deletes people; `number` is the id of a new one.
pub(super) fn handle(
    workspace: &mut Workspace,
    call: &Call,
    number: u64,
    rest: &[&str],
) -> Result<Reply, Reply> {
    match (call.method.as_str(), rest) {
        ("POST", []) => {
            let map = body(call, &FIELDS)?;
            let name = map.get("userName").and_then(Value::as_str).filter(|name| name.contains('@'));
            let name =
                name.ok_or_else(|| refuse(400, Some("invalidValue"), "userName must be an e-mail address"))?;
            if workspace.member(name).is_some() {
                let detail = format!("User with username {name} already exists.");
                return Err(refuse(409, Some("uniqueness"), detail));
            }
            let member = Member {
                id: number,
                name: name.to_owned(),
                kind: MemberKind::User,
                display_name: display(&map).unwrap_or_else(|| name.to_owned()),
                active: map.get("active").is_none_or(|active| active != &Value::Bool(false)),
                entitlements: entitlements(map.get("entitlements"))?,
                groups: vec!["users".to_owned()],
                external_id: map.get("externalId").and_then(Value::as_str).map(str::to_owned),
            };
            let answer = shown(&member, workspace);
            workspace.members.push(member);
            Ok(Reply::json(201, &answer))
        }
        ("PUT", [id]) => {
            let map = body(call, &FIELDS)?;
            let given = entitlements(map.get("entitlements"))?;
            let member = find_mut(workspace, id, MemberKind::User)?;
            member.display_name = display(&map).unwrap_or_else(|| member.display_name.clone());
            member.active = map.get("active").is_none_or(|active| active != &Value::Bool(false));
            member.entitlements = given;
            Ok(Reply::json(200, &shown(&find(workspace, id, MemberKind::User)?.clone(), workspace)))
        }
        ("PATCH", [id]) => {
            let map = body(call, &["schemas", "Operations"])?;
            patch(find_mut(workspace, id, MemberKind::User)?, &map)?;
            Ok(Reply::empty(204))
        }
        ("DELETE", [id]) => remove(workspace, id, MemberKind::User),
        _ => Err(Reply::unknown_route(call)),
    }
}

fn display(map: &Map<String, Value>) -> Option<String> {
    map.get("displayName").and_then(Value::as_str).map(str::to_owned)
}
