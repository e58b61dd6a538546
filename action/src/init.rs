//! A first `lakekey.yml`, and the workflow or pipeline that runs it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;

use lakekey_core::{Code, Config, Environment, Error, Host, Step, look_up};

use crate::arguments::Init;
use crate::console::{Console, Told};
use crate::exit_status::{self, DONE};
use crate::platform::{ProcessEnvironment, SystemClock, SystemEntropy};
use crate::report_text;
use crate::transport::HttpTransport;

mod answers;
mod next;
mod templates;

use answers::Answers;

/// Writes a first configuration and returns the exit status.
pub(crate) async fn run(console: &Rc<Console>, flags: Init) -> u8 {
    match written(console, flags).await {
        Ok(()) => DONE,
        Err(error) => {
            console.tell(&error, None, &report_text::error(&error, None, console.err()));
            exit_status::of_error(&error)
        }
    }
}

async fn written(console: &Rc<Console>, flags: Init) -> Result<(), Error> {
    let (path, workflow) = (flags.config.clone(), flags.workflow.clone());
    for file in [Some(&path), workflow.as_ref()].into_iter().flatten() {
        is_free(file)?;
    }
    let mut answers = Answers::gather(console, flags)?;
    let config = checked(&answers)?;
    // As the reader has it: without what a browser puts behind the host.
    if let Some(target) = config.targets().first() {
        answers.workspace = target.workspace().to_string();
    }
    let looked_up = looked_up(console, &answers).await;
    if let Some(tenant) = looked_up.as_ref().and_then(|found| found.tenant.as_ref().ok()) {
        answers.tenant_id.get_or_insert_with(|| tenant.clone());
    }
    checked(&answers)?;
    write(&path, &templates::configuration(&answers, false))?;
    console.result(&format!("wrote {path}"));
    if let Some(file) = &workflow {
        write(file, &templates::workflow(&answers, file, &path))?;
        console.result(&format!("wrote {file}"));
    }
    let trusted = looked_up.map(|found| found.trusted);
    console.result(&next::steps(&answers, &path, trusted.as_ref(), console.out()));
    Ok(())
}

/// Refuses to write over a file.
fn is_free(file: &str) -> Result<(), Error> {
    if fs::symlink_metadata(file).is_err() {
        return Ok(());
    }
    let words = format!("{file} is there already, and nothing is written over it");
    Err(Error::new(Code::UsageInvalid, Step::Configure, words)
        .with_hint("name another file, or move this one away"))
}

fn write(file: &str, text: &str) -> Result<(), Error> {
    let failed = |error: &std::io::Error| {
        let words = format!("{file} could not be written: {error}");
        Error::new(Code::UsageInvalid, Step::Configure, words)
            .with_hint("run `lakekey init` in a folder that can be written to")
    };
    if let Some(folder) = Path::new(file).parent() {
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .map_err(|error| failed(&error))
}

/// Reads what would be written as a run reads it, so that nothing is written that a run would refuse.
fn checked(answers: &Answers) -> Result<Config, Error> {
    let text = templates::configuration(answers, false);
    Config::read(text.as_bytes(), &ProcessEnvironment).map_err(|error| {
        let key = error.key().unwrap_or_default();
        let flag = Answers::flag_of(key).unwrap_or_else(|| key.to_owned());
        error.with_key(flag)
    })
}

/// Looks up the tenant, and the subject that GitHub sends; what cannot be looked up is said.
async fn looked_up(console: &Rc<Console>, answers: &Answers) -> Option<lakekey_core::LookedUp> {
    let text = templates::configuration(answers, true);
    let config = Config::read(text.as_bytes(), &ProcessEnvironment).ok()?;
    let http = HttpTransport::new();
    let transport = Told { inner: &http, console };
    let environment = AsGithub;
    let host =
        Host::new(&transport, &SystemClock, &SystemEntropy).environment(&environment).observer(&**console);
    let found = look_up(host, &config).await?;
    for (what, error) in
        [("the tenant", found.tenant.as_ref().err()), ("the subject", found.trusted.as_ref().err())]
    {
        if let Some(error) = error {
            console.note(&format!("{what} could not be looked up: {}", error.message()));
        }
    }
    Some(found)
}

/// Is the environment in which GitHub is asked with whatever token of GitHub's is at hand.
struct AsGithub;

impl Environment for AsGithub {
    fn variable(&self, name: &str) -> Option<String> {
        let of = |name: &str| ProcessEnvironment.variable(name);
        match name {
            templates::GITHUB_TOKEN => of(name).or_else(|| of("GH_TOKEN")).or_else(|| of("GITHUB_TOKEN")),
            name => of(name),
        }
    }
}
