//! The shapes of GitHub's answers.

use serde_json::{Value, json};

use crate::call::Call;
use crate::reply::Reply;

/// Refuses in GitHub's shape.
pub(super) fn refuse(status: u16, message: &str) -> Reply {
    let body = json!({
        "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string(),
    });
    Reply::json(status, &body)
}

pub(super) fn not_found() -> Reply {
    refuse(404, "Not Found")
}

/// Answers with the page that was asked for of a list, and a link to the next one.
pub(super) fn paged(call: &Call, name: &str, items: Vec<Value>) -> Reply {
    let number =
        |name: &str, default: usize| call.query(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (size, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
    let total = items.len();
    let shown: Vec<Value> = items.into_iter().skip((page - 1) * size).take(size).collect();
    let reply = match name {
        "" => Reply::json(200, &Value::Array(shown)),
        name => Reply::json(200, &json!({"total_count": total, name: shown})),
    };
    if page * size >= total {
        return reply;
    }
    let base = format!("{}{}", call.origin, call.path);
    reply.with_header("link", format!("<{base}?per_page={size}&page={}>; rel=\"next\"", page + 1))
}
