//! Shards for a workflow matrix.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::resolve::Target;

/// Divides targets among at most that many shards of like size; all targets of a workspace stay in one shard,
/// so that one process keeps to the workspace's limits.
///
/// Returns `{"include":[{"shard":0,"targets":["…"]},…]}`.
///
/// <https://docs.github.com/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations>
#[must_use]
pub fn matrix(targets: &[&Target], shards: usize) -> Value {
    let mut workspaces: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for target in targets {
        workspaces.entry(target.workspace().as_str()).or_default().push(target.name());
    }
    let mut groups: Vec<Vec<&str>> = workspaces.into_values().collect();
    // The largest first, each to the shard that has least; the sort is stable, so that equal input gives
    // equal shards.
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut filled: Vec<Vec<&str>> = vec![Vec::new(); shards.min(groups.len())];
    for group in groups {
        if let Some(smallest) = filled.iter_mut().min_by_key(|shard| shard.len()) {
            smallest.extend(group);
        }
    }
    let include: Vec<Value> = filled
        .iter()
        .enumerate()
        .map(|(shard, targets)| json!({"shard": shard, "targets": targets}))
        .collect();
    json!({ "include": include })
}
