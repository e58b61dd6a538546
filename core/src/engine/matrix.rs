//! Shards for a workflow matrix.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::resolve::Target;

/// Returns true for a place whose name in reports says that it is one of GitHub's.
pub(super) fn is_at_github(place: &str) -> bool {
    place.starts_with("github-secret ")
}

/// Divides targets among at most that many shards of like work; all targets of a workspace stay in one shard,
/// so that one process keeps to the workspace's limits. What counts is how many places a shard writes to at
/// GitHub, whose limits are the narrowest, and how many targets it has.
///
/// Returns `{"include":[{"shard":0,"targets":["…"]},…]}`.
///
/// <https://docs.github.com/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations>
#[must_use]
pub fn matrix(targets: &[&Target], shards: usize) -> Value {
    let mut workspaces: BTreeMap<&str, (usize, Vec<&str>)> = BTreeMap::new();
    for target in targets {
        let writes = target.places().iter().filter(|place| is_at_github(place)).count();
        let (work, names) = workspaces.entry(target.workspace().as_str()).or_default();
        *work += 1 + writes;
        names.push(target.name());
    }
    let mut groups: Vec<(usize, Vec<&str>)> = workspaces.into_values().collect();
    // The largest first, each to the shard that has least; the sort is stable, so that equal input gives
    // equal shards.
    groups.sort_by_key(|(work, _)| std::cmp::Reverse(*work));
    let mut filled: Vec<(usize, Vec<&str>)> = vec![Default::default(); shards.min(groups.len())];
    for (work, group) in groups {
        if let Some((sum, smallest)) = filled.iter_mut().min_by_key(|(sum, shard)| (*sum, shard.len())) {
            *sum += work;
            smallest.extend(group);
        }
    }
    let include: Vec<Value> = filled
        .iter()
        .enumerate()
        .map(|(shard, (_, targets))| json!({"shard": shard, "targets": targets}))
        .collect();
    json!({ "include": include })
}
