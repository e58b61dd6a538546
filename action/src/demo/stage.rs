//! Where the story plays: the emulator on loopback, its time, its environment, and a look at what works
//! there.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use lakekey_core::{
    Clock, Command, Config, Environment, Error, Event, HeaderValue, LocalFuture, Method, NeverCancelled,
    Observer, Phase, Report, Request, RunRequest, Secret, Timestamp, Transport as _, encode,
};
use lakekey_emulator::{Emulator, HostOptions, Hosted, host};

use super::expectation::Broken;
use crate::configuration;
use crate::console::Console;
use crate::layout::wrapped;
use crate::platform::ProcessEnvironment;
use crate::report_text;
use crate::run::Runner;
use crate::style::{Look, Tone};
use crate::transport::HttpTransport;

/// Holds the running emulator and who tells of it.
pub(super) struct Stage<'a> {
    console: &'a Rc<Console>,
    hosted: Hosted,
    more: Vec<(String, Secret)>,
}

/// Tells the emulator's time, so that two months pass in a moment.
struct StageClock<'a>(&'a Emulator);

impl Clock for StageClock<'_> {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.now_ms()).unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> LocalFuture<'_, ()> {
        // Nobody watches a wait: it passes on the emulator's clock.
        self.0.advance(duration);
        Box::pin(tokio::task::yield_now())
    }
}

impl Environment for Stage<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        let kept = self.more.iter().find(|(known, _)| known == name);
        match kept {
            Some((_, value)) => Some(value.expose("the environment of the demonstration").to_owned()),
            None => self.hosted.ready().env.get(name).cloned(),
        }
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        ProcessEnvironment.file(path)
    }

    fn azure_cli<'a>(&'a self, _arguments: &'a [&'a str]) -> LocalFuture<'a, Result<Secret, String>> {
        Box::pin(async { Err("the demonstration signs in without the Azure CLI".to_owned()) })
    }
}

/// Shortens an id, and leaves any other word as it is.
fn short(word: &str) -> String {
    let is_id = word.len() > 40 && word.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { report_text::short(word) } else { word.to_owned() }
}

/// Tells every step as a line of the story.
struct Teller<'a>(&'a Console);

impl Observer for Teller<'_> {
    fn secret(&self, secret: &Secret) {
        self.0.secret(secret);
    }

    fn event(&self, event: &Event) {
        let (sign, tone) = match event.phase {
            Phase::Skipped => ("·", Tone::Faint),
            Phase::Waiting => ("…", Tone::Soon),
            Phase::Warning => ("!", Tone::Soon),
            Phase::Failed => ("x", Tone::Bad),
            _ => (report_text::mark(event.step), Tone::Good),
        };
        let head = format!("     {sign} {:26} ", event.step.as_str());
        let indent = head.chars().count();
        let head = self.0.out().paint(tone, &head);
        let message: Vec<String> = event.message.split(' ').map(short).collect();
        self.0.result(&format!("{head}{}", wrapped(&message.join(" "), indent, 80)));
    }
}

impl<'a> Stage<'a> {
    /// Raises the curtain.
    ///
    /// # Errors
    /// The emulator cannot listen on loopback, or not write its configuration.
    pub(super) async fn raise(console: &'a Rc<Console>) -> io::Result<Self> {
        let hosted = host(HostOptions::default()).await?;
        Ok(Self { console, hosted, more: Vec::new() })
    }

    /// Returns where everything is.
    pub(super) fn ready(&self) -> &lakekey_emulator::Ready {
        self.hosted.ready()
    }

    /// Returns the emulator.
    pub(super) fn emulator(&self) -> &Emulator {
        self.hosted.emulator()
    }

    /// Puts a variable into the environment of the story.
    pub(super) fn give(&mut self, name: &str, value: Secret) {
        self.more.push((name.to_owned(), value));
    }

    /// Returns how reports look in the story, which moves them to the right.
    pub(super) fn look(&self) -> Look {
        let look = self.console.out();
        Look { width: look.width.min(80) - 3, ..look }
    }

    /// Prints a line of the story.
    pub(super) fn say(&self, text: &str) {
        self.console.result(text);
    }

    /// Prints a sentence of the story, in lines that a terminal of 80 columns holds.
    pub(super) fn tell(&self, text: &str) {
        self.console.result(&wrapped(text, 0, 80));
    }

    /// Begins a chapter.
    pub(super) fn chapter(&self, number: u32, title: &str, command: &str) {
        let look = self.console.out();
        self.say(&look.paint(Tone::Strong, &format!("\n{number}. {}", wrapped(title, 3, 80))));
        if !command.is_empty() {
            self.say(&look.paint(Tone::Faint, &format!("   $ lakekey {command}")));
        }
    }

    /// Reads the configuration that the emulator has written.
    ///
    /// # Errors
    /// Every `config-…` code.
    pub(super) fn written_config(&self) -> Result<Config, Error> {
        configuration::read(&self.ready().config.to_string_lossy(), self)
    }

    /// Reads that configuration with other scopes for the PAT.
    ///
    /// # Errors
    /// Every `config-…` code; it cannot be read.
    pub(super) fn config_with_scopes(&self, scopes: &str) -> Result<Config, Broken> {
        let written = std::fs::read_to_string(&self.ready().config)?;
        let policy = "renew-before: 30d";
        Ok(Config::read(written.replace(policy, &format!("{policy}, scopes: {scopes}")).as_bytes(), self)?)
    }

    /// Runs a command as the binary would, telling its steps.
    ///
    /// # Errors
    /// As the core.
    pub(super) async fn run(&self, config: &Config, command: Command) -> Result<Report, Error> {
        let clock = StageClock(self.emulator());
        let teller = Teller(self.console);
        let runner = Runner {
            console: self.console,
            observer: &teller,
            environment: self,
            clock: &clock,
            cancellation: &NeverCancelled,
        };
        runner.run(config, &RunRequest::new(command)).await
    }

    /// Lets time pass.
    pub(super) fn pass_days(&self, days: u64) {
        self.emulator().advance(Duration::from_secs(days * 86_400));
    }

    /// Asks the workspace who a PAT belongs to and says what it answered; the PAT is the one with that id.
    pub(super) async fn try_out(&self, workspace: &str, id: &str) -> String {
        self.ask(workspace, id, &format!("preview/scim/v2/{}", encode("Me"))).await
    }

    /// Asks the workspace something with the PAT of that id and says what it answered.
    pub(super) async fn ask(&self, workspace: &str, id: &str, path: &str) -> String {
        let issued = self
            .emulator()
            .issued_secrets()
            .into_iter()
            .map(Secret::new)
            .find(|value| value.fingerprint() == id);
        let Some(value) = issued else { return "was never issued".to_owned() };
        let header = Secret::new(format!("Bearer {}", value.expose("a try at the emulator's workspace")));
        let request = Request {
            method: Method::GET,
            url: format!("{workspace}/api/2.0/{path}"),
            headers: vec![("authorization".to_owned(), HeaderValue::Sensitive(header))],
            body: zeroize::Zeroizing::default(),
            timeout: Duration::from_secs(10),
            max_body: 64 * 1024,
            fresh_connection: true,
            target: String::new(),
        };
        match HttpTransport::new().send(request).await {
            Ok(response) if response.status == 200 => "works".to_owned(),
            Ok(response) => format!("is dead: the workspace answers {}", response.status),
            Err(error) => format!("could not be tried: {}", error.message),
        }
    }
}
