//! Lists, page by page, and how they are filtered.
//!
//! <https://learn.microsoft.com/graph/paging>

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::refusals::GRAPH;
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Code, Error, Step};

/// How many pages of a list are read; a page has a hundred entries or more.
const PAGES: usize = 50;

/// Holds one page of a list.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default = "Vec::new")]
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

/// Reads all pages of a list.
pub(super) async fn list<T: DeserializeOwned>(
    client: &Client<'_>,
    identity: &Identity,
    step: Step,
    path: String,
) -> Result<Vec<T>, Error> {
    let graph = identity.origin();
    let mut all = Vec::new();
    let mut path = path;
    for _ in 0..PAGES {
        let call = Call::by(identity, step, &GRAPH, Method::GET, path);
        let page: Page<T> = client.json(call).await?;
        all.extend(page.value);
        let Some(next) = page.next else { return Ok(all) };
        // The link is absolute; the credential follows it to its own host alone.
        let Some(rest) = next.strip_prefix(graph.as_str()).filter(|rest| rest.starts_with('/')) else {
            return Err(Error::new(
                Code::ReplyInvalid,
                step,
                "Microsoft Graph names another host for the next page of a list",
            ));
        };
        path = rest.to_owned();
    }
    Err(Error::new(Code::ReplyInvalid, step, "Microsoft Graph answers with a list that does not end"))
}

/// Builds a `$filter` that compares one attribute with one text.
pub(super) fn equals(attribute: &str, value: &str) -> String {
    format!("$filter={}", encode(&format!("{attribute} eq '{}'", value.replace('\'', "''"))))
}
