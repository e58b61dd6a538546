//! The issues of a repository, as far as one of them is kept: octocrab speaks, the core sends.
//!
//! <https://docs.github.com/rest/issues/issues>

use lakekey_core::Error;
use lakekey_core::github::Asked;
use octocrab::Octocrab;
use serde::Deserialize;

use super::bridge;

/// Holds of an issue what is needed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    #[serde(default)]
    body: Option<String>,
    /// A pull request is an issue too.
    #[serde(default)]
    pull_request: Option<serde_json::Value>,
}

impl Issue {
    /// Returns the text.
    pub(crate) fn text(&self) -> &str {
        self.body.as_deref().unwrap_or_default()
    }
}

/// Names the repository and the label by which its issues are found.
#[derive(Clone, Copy)]
pub(crate) struct Tracker<'a> {
    pub(crate) asked: Asked<'a>,
    pub(crate) owner: &'a str,
    pub(crate) name: &'a str,
    pub(crate) label: &'static str,
}

impl Tracker<'_> {
    /// Finds the open issue whose text holds the mark.
    ///
    /// # Errors
    /// Every code of GitHub's refusals.
    pub(crate) async fn find(&self, mark: &str) -> Result<Option<Issue>, Error> {
        let Self { owner, name, label, .. } = self;
        let path = format!("/repos/{owner}/{name}/issues?state=open&labels={label}&per_page=100");
        let open: Vec<Issue> = bridge::read(self.asked, path).await?;
        Ok(open.into_iter().find(|issue| issue.pull_request.is_none() && issue.text().contains(mark)))
    }

    /// Opens one.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(crate) async fn open(&self, title: &str, text: &str) -> Result<(), Error> {
        let body = serde_json::json!({"title": title, "body": text, "labels": [self.label]});
        let path = format!("/repos/{}/{}/issues", self.owner, self.name);
        self.send(async |crab| crab._post(&path, Some(&body)).await).await
    }

    /// Replaces its title and its text.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(crate) async fn rewrite(&self, number: u64, title: &str, text: &str) -> Result<(), Error> {
        let body = serde_json::json!({"title": title, "body": text});
        let path = self.path(number);
        self.send(async |crab| crab._patch(&path, Some(&body)).await).await
    }

    /// Adds a comment, of which those are told who follow it.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(crate) async fn comment(&self, number: u64, text: &str) -> Result<(), Error> {
        let body = serde_json::json!({"body": text});
        let path = format!("{}/comments", self.path(number));
        self.send(async |crab| crab._post(&path, Some(&body)).await).await
    }

    /// Closes it.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(crate) async fn close(&self, number: u64) -> Result<(), Error> {
        let body = serde_json::json!({"state": "closed", "state_reason": "completed"});
        let path = self.path(number);
        self.send(async |crab| crab._patch(&path, Some(&body)).await).await
    }

    fn path(&self, number: u64) -> String {
        format!("/repos/{}/{}/issues/{number}", self.owner, self.name)
    }

    async fn send<T>(
        &self,
        operation: impl AsyncFnOnce(&Octocrab) -> octocrab::Result<T>,
    ) -> Result<(), Error> {
        bridge::ask(self.asked, operation).await.map(drop)
    }
}
