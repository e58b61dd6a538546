//! What only a JavaScript host has: functions of the caller, and an Octokit that the caller may pass.

mod callback;
mod octokit;

use lakekey_core::github::{Api, OverHttp};
use lakekey_core::{Adapters, Callback, Code, Error, Sink};

use crate::js::JsHost;
use callback::CallbackSink;
use octokit::OverOctokit;

/// Gives them to a run.
pub(crate) struct Sinks<'a> {
    host: &'a JsHost,
    /// Whether the run may deliver: only then are the caller's functions needed.
    writing: bool,
    /// What keeps GitHub secrets where the caller wants it to be an Octokit.
    octokit: Option<OverOctokit<'a>>,
}

impl<'a> Sinks<'a> {
    pub(crate) fn new(host: &'a JsHost, writing: bool) -> Self {
        let octokit = host.has_octokit().then(|| OverOctokit::new(host));
        Self { host, writing, octokit }
    }
}

impl Adapters for Sinks<'_> {
    fn github(&self) -> &dyn Api {
        match &self.octokit {
            Some(octokit) => octokit,
            None => &OverHttp,
        }
    }

    fn callback<'s>(&'s self, callback: &'s Callback) -> Result<Option<Box<dyn Sink + 's>>, Error> {
        let Callback { name, path, .. } = callback;
        if self.writing && !self.host.has_sink(name) {
            let words = format!("the caller has passed no function named \"{name}\"");
            return Err(Error::config(Code::SinkUnsupported, format!("{path}.name"), words).with_hint(
                format!(
                    "pass it: rotate(config, {{ sinks: {{ \"{name}\": async (value, info) => {{ … }} }} }})"
                ),
            ));
        }
        Ok(Some(Box::new(CallbackSink { host: self.host, callback })))
    }
}
