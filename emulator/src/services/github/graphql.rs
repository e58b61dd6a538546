//! The two questions that `gh` asks by GraphQL: who is signed in, and which numbers repositories have.
//!
//! <https://docs.github.com/graphql>

use serde_json::{Map, Value, json};

use super::access::Caller;
use super::reply::refuse;
use crate::call::Call;
use crate::reply::Reply;
use crate::world::World;

/// Answers `POST /graphql`.
pub(super) fn handle(world: &World, call: &Call, caller: &Caller) -> Result<Reply, Reply> {
    let body = call.json_object().map_err(|error| refuse(400, &error))?;
    let query = body.get("query").and_then(Value::as_str).unwrap_or_default();
    let variables = body.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut data = Map::new();
    let mut errors = Vec::new();
    if query.contains("viewer") {
        data.insert("viewer".to_owned(), json!({"login": caller.name, "id": "U_1", "databaseId": 1}));
    }
    for (at, _) in query.match_indices("repository(") {
        let alias = alias(&query[..at]).unwrap_or("repository");
        let arguments = query[at..].split_once('(').map(|(_, rest)| rest).unwrap_or_default();
        let arguments = arguments.split(')').next().unwrap_or_default();
        let of = |name: &str| argument(arguments, name, &variables);
        let name = format!("{}/{}", of("owner"), of("name"));
        match world.github.repository(&name).filter(|_| caller.reaches(world, &name)) {
            Some(found) => {
                let owner = found.full_name.split('/').next().unwrap_or_default();
                let short = found.full_name.rsplit('/').next().unwrap_or_default();
                data.insert(
                    alias.to_owned(),
                    json!({
                        "id": format!("R_{}", found.id), "databaseId": found.id, "name": short,
                        "owner": {"login": owner}, "hasIssuesEnabled": true, "viewerPermission": "ADMIN",
                        "defaultBranchRef": {"name": "main"}, "isPrivate": true, "description": "",
                        "parent": null, "mergeCommitAllowed": true, "rebaseMergeAllowed": true,
                        "squashMergeAllowed": true, "hasWikiEnabled": false,
                    }),
                );
            }
            None => {
                let message = format!("Could not resolve to a Repository with the name '{name}'.");
                errors.push(json!({"type": "NOT_FOUND", "path": [alias], "message": message}));
                data.insert(alias.to_owned(), Value::Null);
            }
        }
    }
    if data.is_empty() {
        return Err(Reply::unknown_route(call));
    }
    let mut answer = json!({"data": data});
    if !errors.is_empty() {
        answer["errors"] = json!(errors);
    }
    Ok(Reply::json(200, &answer))
}

/// Returns the name that a query gives to what comes next, such as `repo_000:`.
fn alias(before: &str) -> Option<&str> {
    let before = before.trim_end().strip_suffix(':')?;
    let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    Some(&before[start..]).filter(|alias| !alias.is_empty())
}

/// Returns an argument: a text, or the variable that stands for it.
fn argument(arguments: &str, name: &str, variables: &Map<String, Value>) -> String {
    let Some((_, value)) = arguments.split_once(&format!("{name}:")) else { return String::new() };
    let value = value.trim_start();
    if let Some(text) = value.strip_prefix('"') {
        return text.split('"').next().unwrap_or_default().to_owned();
    }
    let variable: String = value
        .trim_start_matches('$')
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    variables.get(&variable).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_argument_is_a_text_or_a_variable_and_an_alias_stands_before_it() {
        let variables = json!({"o": "acme"}).as_object().cloned().unwrap_or_default();
        assert_eq!(argument("owner: $o, name: \"data\"", "owner", &variables), "acme");
        assert_eq!(argument("owner: $o, name: \"data\"", "name", &variables), "data");
        assert_eq!(alias("query { repo_000: "), Some("repo_000"));
        assert_eq!(alias("query { "), None);
    }
}
