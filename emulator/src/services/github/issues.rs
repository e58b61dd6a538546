//! Issues and their comments.
//!
//! <https://docs.github.com/rest/issues/issues>

use serde_json::{Value, json};

use super::access::{Caller, call_base};
use super::fields::{body, required};
use super::reply::{not_found, refuse};
use crate::call::Call;
use crate::clock::rfc3339;
use crate::reply::Reply;
use crate::state::{Issue, Place};
use crate::world::World;

pub(super) fn handle(
    world: &mut World,
    call: &Call,
    caller: &Caller,
    repository: &str,
    rest: &[&str],
) -> Result<Reply, Reply> {
    caller.must(world, &Place::Repository(repository.to_owned()), "issues", call.method != "GET")?;
    let issues = world.github.issues.entry(repository.to_ascii_lowercase()).or_default();
    let base = format!("{}/repos/{repository}/issues", call_base(call));
    let find = |issues: &mut Vec<Issue>, number: &str| {
        let number: usize = number.parse().map_err(|_| not_found())?;
        (1..=issues.len()).contains(&number).then_some(number).ok_or_else(not_found)
    };
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let wanted = call.query("state").unwrap_or("open");
            let labels = call.query("labels").unwrap_or_default();
            let wanted_labels: Vec<&str> = labels.split(',').filter(|label| !label.is_empty()).collect();
            let mut listed: Vec<(usize, &Issue)> = issues.iter().enumerate().collect();
            listed.retain(|(_, issue)| {
                let open = issue.closed_as.is_none();
                let state = wanted == "all" || open == (wanted == "open");
                state && wanted_labels.iter().all(|label| issue.labels.iter().any(|known| known == label))
            });
            let shown: Vec<Value> =
                listed.into_iter().rev().map(|(index, issue)| shown(&base, index + 1, issue)).collect();
            Ok(Reply::json(200, &json!(shown)))
        }
        ("POST", []) => {
            let map = body(call, &["title", "body", "labels", "assignees", "milestone", "type"])?;
            let labels = map.get("labels").and_then(Value::as_array).cloned().unwrap_or_default();
            let issue = Issue {
                title: required(&map, "title")?.to_owned(),
                body: map.get("body").and_then(Value::as_str).unwrap_or_default().to_owned(),
                labels: labels.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                comments: Vec::new(),
                closed_as: None,
                updated_ms: call.now_ms,
            };
            issues.push(issue);
            let number = issues.len();
            Ok(Reply::json(201, &shown(&base, number, &issues[number - 1])))
        }
        ("GET", [number]) => {
            let number = find(issues, number)?;
            Ok(Reply::json(200, &shown(&base, number, &issues[number - 1])))
        }
        ("PATCH", [number]) => {
            let number = find(issues, number)?;
            let map = body(
                call,
                &["title", "body", "state", "state_reason", "labels", "assignees", "milestone", "type"],
            )?;
            let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
            let issue = &mut issues[number - 1];
            match text("state").as_deref() {
                None => {}
                Some("open") => issue.closed_as = None,
                Some("closed") => {
                    issue.closed_as = Some(text("state_reason").unwrap_or_else(|| "completed".to_owned()));
                }
                Some(_) => return Err(refuse(422, "Validation Failed")),
            }
            issue.title = text("title").unwrap_or_else(|| issue.title.clone());
            issue.body = text("body").unwrap_or_else(|| issue.body.clone());
            issue.updated_ms = call.now_ms;
            Ok(Reply::json(200, &shown(&base, number, issue)))
        }
        ("POST", [number, "comments"]) => {
            let number = find(issues, number)?;
            let map = body(call, &["body"])?;
            let text = required(&map, "body")?.to_owned();
            issues[number - 1].comments.push(text.clone());
            let id = issues[number - 1].comments.len();
            Ok(Reply::json(201, &json!({"id": id, "body": text, "created_at": rfc3339(call.now_ms)})))
        }
        ("GET", [number, "comments"]) => {
            let number = find(issues, number)?;
            let comments = issues[number - 1].comments.iter().enumerate();
            let shown: Vec<Value> =
                comments.map(|(index, text)| json!({"id": index + 1, "body": text})).collect();
            Ok(Reply::json(200, &json!(shown)))
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

fn shown(base: &str, number: usize, issue: &Issue) -> Value {
    let labels: Vec<Value> = issue.labels.iter().map(|name| json!({"name": name})).collect();
    json!({
        "id": number,
        "number": number,
        "url": format!("{base}/{number}"),
        "title": issue.title,
        "body": issue.body,
        "labels": labels,
        "state": if issue.closed_as.is_some() { "closed" } else { "open" },
        "state_reason": issue.closed_as,
        "comments": issue.comments.len(),
        "updated_at": rfc3339(issue.updated_ms),
    })
}
