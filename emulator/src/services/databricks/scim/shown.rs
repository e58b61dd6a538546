//! What the parts of SCIM share: bodies, filters, pages, and how a member is shown.

use serde_json::{Map, Value, json};

use super::reply::refuse;
use crate::call::Call;
use crate::json::unknown_field;
use crate::reply::Reply;
use crate::state::{Grantee, Member, MemberKind, Workspace};

pub(super) const PRINCIPAL_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal";
pub(super) const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

pub(super) fn body(call: &Call, known: &[&str]) -> Result<Map<String, Value>, Reply> {
    if !call.has_content_type("application/scim+json") && !call.has_content_type("application/json") {
        return Err(refuse(
            415,
            None,
            "Unsupported Content-Type: expected application/scim+json or application/json",
        ));
    }
    let map = call.json_object().map_err(|error| refuse(400, Some("invalidSyntax"), error))?;
    match unknown_field(&map, known) {
        Some(field) => Err(refuse(400, Some("invalidSyntax"), format!("Unknown attribute: {field}"))),
        None => Ok(map),
    }
}

pub(super) fn find<'a>(workspace: &'a Workspace, id: &str, kind: MemberKind) -> Result<&'a Member, Reply> {
    workspace
        .members
        .iter()
        .find(|member| member.kind == kind && member.id.to_string() == id)
        .ok_or_else(|| missing(id))
}

pub(super) fn find_mut<'a>(
    workspace: &'a mut Workspace,
    id: &str,
    kind: MemberKind,
) -> Result<&'a mut Member, Reply> {
    let is_meant = |member: &&mut Member| member.kind == kind && member.id.to_string() == id;
    workspace.members.iter_mut().find(is_meant).ok_or_else(|| missing(id))
}

/// Removes a member with what it holds and was granted.
pub(super) fn remove(workspace: &mut Workspace, id: &str, kind: MemberKind) -> Result<Reply, Reply> {
    let member = find(workspace, id, kind)?.clone();
    let grantee = match kind {
        MemberKind::User => Grantee::User(member.name),
        MemberKind::ServicePrincipal => Grantee::ServicePrincipal(member.name),
    };
    workspace.members.retain(|other| other.id != member.id);
    workspace.tokens.retain(|pat| pat.owner_id != member.id);
    workspace.grants.retain(|grant| grant.who != grantee);
    Ok(Reply::empty(204))
}

pub(super) fn missing(id: &str) -> Reply {
    refuse(404, None, format!("User with id {id} not found."))
}

pub(super) fn page(call: &Call, found: &[Value]) -> Result<Reply, Reply> {
    let number = |name: &str, default: usize| match call.query(name) {
        None => Ok(default),
        Some(text) => {
            text.parse().map_err(|_| refuse(400, Some("invalidValue"), format!("{name} must be a number")))
        }
    };
    let known = ["filter", "startIndex", "count", "attributes", "excludedAttributes", "sortBy", "sortOrder"];
    if let Some((name, _)) = call.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(refuse(400, Some("invalidValue"), format!("Unknown parameter: {name}")));
    }
    let start = number("startIndex", 1)?.max(1);
    let count = number("count", 100)?;
    let page: Vec<&Value> = found.iter().skip(start - 1).take(count).collect();
    let mut answer = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": found.len(),
        "startIndex": start,
        "itemsPerPage": page.len(),
    });
    // An empty page has no such key.
    if let (false, Some(map)) = (page.is_empty(), answer.as_object_mut()) {
        map.insert("Resources".to_owned(), json!(page));
    }
    Ok(Reply::json(200, &answer))
}

/// A filter of one comparison, such as `applicationId eq "…"`.
pub(super) struct Filter {
    attribute: String,
    operator: String,
    value: String,
}

impl Filter {
    pub(super) fn read(text: &str) -> Result<Self, Reply> {
        let wrong = || refuse(400, Some("invalidFilter"), format!("Invalid filter: {text}"));
        let mut parts = text.splitn(3, ' ');
        let (Some(attribute), Some(operator), Some(value)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        // A string in a filter is written as JSON writes it.
        let value: String = serde_json::from_str(value.trim()).or_else(|_| {
            let quoted = value.trim().strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
            quoted.map(str::to_owned).ok_or_else(wrong)
        })?;
        let known = matches!(attribute, "applicationId" | "displayName" | "userName" | "id" | "externalId");
        if !known || !matches!(operator, "eq" | "co" | "sw" | "ne") {
            return Err(wrong());
        }
        Ok(Self {
            attribute: attribute.to_owned(),
            operator: operator.to_owned(),
            value: value.to_lowercase(),
        })
    }

    /// Says whether a group is meant.
    pub(super) fn is_of_group(&self, (number, name): &(u64, String)) -> bool {
        let text = if self.attribute == "id" { number.to_string() } else { name.to_lowercase() };
        match self.operator.as_str() {
            "eq" => text == self.value,
            "ne" => text != self.value,
            "sw" => text.starts_with(&self.value),
            _ => text.contains(&self.value),
        }
    }

    pub(super) fn accepts(&self, member: &Member) -> bool {
        let text = match self.attribute.as_str() {
            "applicationId" | "userName" => member.name.clone(),
            "id" => member.id.to_string(),
            "externalId" => member.external_id.clone().unwrap_or_default(),
            _ => member.display_name.clone(),
        };
        let text = text.to_lowercase();
        match self.operator.as_str() {
            "eq" => text == self.value,
            "ne" => text != self.value,
            "sw" => text.starts_with(&self.value),
            _ => text.contains(&self.value),
        }
    }
}

pub(super) fn shown(member: &Member, workspace: &Workspace) -> Value {
    let mut value = json!({
        "id": member.id.to_string(),
        "displayName": member.display_name,
        "active": member.active,
    });
    let Some(map) = value.as_object_mut() else { return value };
    match member.kind {
        MemberKind::ServicePrincipal => {
            map.insert("schemas".to_owned(), json!([PRINCIPAL_SCHEMA]));
            map.insert("applicationId".to_owned(), json!(member.name));
        }
        MemberKind::User => {
            map.insert("schemas".to_owned(), json!([USER_SCHEMA]));
            map.insert("userName".to_owned(), json!(member.name));
            map.insert("emails".to_owned(), json!([{"type": "work", "value": member.name, "primary": true}]));
        }
    }
    if let Some(id) = &member.external_id {
        map.insert("externalId".to_owned(), json!(id));
    }
    if !member.entitlements.is_empty() {
        let list: Vec<Value> = member.entitlements.iter().map(|value| json!({"value": value})).collect();
        map.insert("entitlements".to_owned(), json!(list));
    }
    let groups: Vec<Value> = workspace
        .groups
        .iter()
        .filter(|(_, name)| member.groups.contains(name))
        .map(|(id, name)| {
            json!({
                "display": name, "type": "direct", "value": id.to_string(), "$ref": format!("Groups/{id}"),
            })
        })
        .collect();
    if !groups.is_empty() {
        map.insert("groups".to_owned(), json!(groups));
    }
    value
}
