//! The command line: commands and options as clap knows them.
//!
//! The npm package has the same ones, from the table `wasm/npm/cli/commands.json`; a test compares the two.

use std::path::PathBuf;

use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::console::LogForm;
use crate::exit_status::{self, FailOn};
use crate::style::Colours;

/// Provisions, rotates and revokes the credentials of Databricks service principals.
#[derive(Debug, Parser)]
#[command(name = "lakekey", version, long_version = LONG_VERSION, after_help = after_help())]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Commands,
}

/// The version, the commit and what it was built for.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("LAKEKEY_COMMIT_NAME"),
    ", ",
    env!("LAKEKEY_TARGET_TRIPLE"),
    ")"
);

fn after_help() -> String {
    let statuses: Vec<String> =
        exit_status::MEANINGS.iter().map(|(status, meaning)| format!("{status} {meaning}")).collect();
    format!(
        "Examples:\n  lakekey init --workflow .github/workflows/lakekey.yml\n  lakekey check --no-secrets\n  \
         lakekey rotate --target 'catalog-*' --dry-run\n  lakekey status --fail-on overdue\n  lakekey revoke \
         --target catalog-prod --superseded\n\nOptions may stand before the command too.\nExit status: {}.\n\
         LAKEKEY_LOG=error|warn|info|debug|trace says how much is told on standard error.",
        statuses.join("; ")
    )
}

/// Names the configuration, and says how what is found is told.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// The configuration, YAML or JSON; `-` reads standard input
    #[arg(
        long,
        value_name = "FILE",
        env = "LAKEKEY_CONFIG",
        hide_env_values = true,
        default_value = "lakekey.yml"
    )]
    pub config: String,
    /// Print one JSON report and nothing else on standard output
    #[arg(long, env = "LAKEKEY_JSON", hide_env_values = true)]
    pub json: bool,
    /// A host that may get secrets although it is no vendor's own; may be given several times
    #[arg(
        long = "allow-host",
        value_name = "HOST",
        env = "LAKEKEY_ALLOW_HOSTS",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub allow_hosts: Vec<String>,
    /// Says how much is told, and how it looks.
    #[command(flatten)]
    pub telling: Telling,
}

/// Says how much is told, and how it looks.
#[derive(Debug, Clone, Default, Args)]
pub struct Telling {
    /// Colours: auto, always or never; by default at a terminal, unless NO_COLOR is set
    #[arg(long, value_name = "WHEN", help_heading = "Output", hide_possible_values = true)]
    pub color: Option<Colours>,
    /// How it is told on standard error: text, or json, one object a line for a log collector
    #[arg(long, value_name = "FORM", help_heading = "Output", hide_possible_values = true)]
    pub log: Option<LogForm>,
    /// Tell where the time goes: every request, as a table; with =FILE as a trace for Perfetto too
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Output",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub timings: Option<PathBuf>,
    /// Tell more: every request; twice, the sizes too
    #[arg(short, long, action = ArgAction::Count, help_heading = "Output", conflicts_with = "quiet")]
    pub verbose: u8,
    /// Tell only what failed or was changed, so that cron sends no mail for nothing
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// Holds what every command of the core takes.
#[derive(Debug, Clone, Args)]
pub struct Shared {
    /// Names the configuration.
    #[command(flatten)]
    pub source: Source,
    /// A target to serve, or a pattern such as `catalog-*`; all by default; may be given several times
    #[arg(
        long = "target",
        value_name = "NAME",
        env = "LAKEKEY_TARGET",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub targets: Vec<String>,
}

/// Holds what every command of the core takes that changes something.
#[derive(Debug, Args)]
pub struct Changing {
    /// What every command of the core takes.
    #[command(flatten)]
    pub shared: Shared,
    /// Change nothing and say what would be done
    #[arg(long, env = "LAKEKEY_DRY_RUN", hide_env_values = true)]
    pub dry_run: bool,
}

/// Names a form of the result for programs other than one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// OpenMetrics, which Prometheus reads.
    Openmetrics,
}

/// Names a command.
#[derive(Debug, Subcommand)]
pub enum Commands {
    /// Make the principal able to use tokens, from nothing, and deliver a first credential
    Provision {
        /// What every command that changes something takes.
        #[command(flatten)]
        changing: Changing,
        /// Write the application id that it finds or makes into the configuration
        #[arg(long)]
        write: bool,
        /// Tell nobody that the configuration names under notify, and leave out the heartbeat
        #[arg(long)]
        no_notify: bool,
    },
    /// Renew what is due, deliver, verify, revoke what is superseded
    Rotate {
        /// What every command that changes something takes.
        #[command(flatten)]
        changing: Changing,
        /// Renew what is not due too
        #[arg(long)]
        force: bool,
        /// Tell nobody that the configuration names under notify, and leave out the heartbeat
        #[arg(long)]
        no_notify: bool,
    },
    /// Show every managed credential: age, expiry, when due, where delivered, what is left over
    Status {
        /// What every command of the core takes.
        #[command(flatten)]
        shared: Shared,
        /// Exit with 3 where a credential is due, or overdue, or being narrowed, or a place was overwritten
        #[arg(long, value_name = "STATE", env = "LAKEKEY_FAIL_ON", hide_env_values = true)]
        fail_on: Option<FailOn>,
        /// Tell the details of every target, not only of those that ask for attention
        #[arg(long)]
        all: bool,
        /// Print Markdown, as for a job's summary
        #[arg(long, conflicts_with_all = ["json", "format"])]
        markdown: bool,
        /// Print openmetrics: when each credential ends and is due, for a file that a collector reads
        #[arg(long, value_name = "FORM", hide_possible_values = true, conflicts_with = "json")]
        format: Option<Format>,
        /// Write a page of the whole fleet too, which needs nothing beside it
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Tell nobody that the configuration names under notify, and leave out the heartbeat
        #[arg(long)]
        no_notify: bool,
    },
    /// Walk the procedure and say which step is refused, why and what to do; without --fix it only reads
    Doctor {
        /// What every command of the core takes.
        #[command(flatten)]
        shared: Shared,
        /// Add the principal, its entitlements and its permission: each request is shown before it is sent
        #[arg(long)]
        fix: bool,
        /// Send them without asking
        #[arg(long)]
        yes: bool,
    },
    /// Show what provision and rotate would do
    Plan {
        /// What every command of the core takes.
        #[command(flatten)]
        shared: Shared,
        /// Print a workflow matrix of at most that many shards instead
        #[arg(long, value_name = "SHARDS", value_parser = clap::value_parser!(u16).range(1..=256))]
        matrix: Option<u16>,
        /// Exit with 3 where something would be done
        #[arg(long)]
        exit_code: bool,
    },
    /// Write a first lakekey.yml, and with --workflow what runs it; asks, or takes the answers as options
    Init(Box<Init>),
    /// Check the configuration offline and show every mistake at once
    Check {
        /// The configuration, YAML or JSON
        #[command(flatten)]
        source: Source,
        /// Take a variable or a file that is not there for a warning, so that a pull request can check
        #[arg(long)]
        no_secrets: bool,
    },
    /// Revoke credentials, the emergency brake
    Revoke(Revoke),
    /// Tell the whole story on the embedded emulator
    Demo {
        /// Colours: auto, always or never; by default at a terminal, unless NO_COLOR is set
        #[arg(long, value_name = "WHEN", hide_possible_values = true)]
        color: Option<Colours>,
        /// Begin with nothing prepared: no application, no principal, no permission, no secret
        #[arg(long)]
        from_nothing: bool,
    },
    /// Run the emulator until interrupted
    Emulate(Emulate),
    /// Print the JSON Schema of lakekey.yml
    Schema,
    /// Print the completions of a shell
    Completions {
        /// bash, elvish, fish, powershell or zsh
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Run as the GitHub Action: inputs from LAKEKEY_INPUT_…, output as workflow commands
    #[command(hide = true)]
    Action,
}

impl Commands {
    /// Returns how much is to be told, and how it is to look.
    #[must_use]
    pub fn telling(&self) -> Telling {
        match self {
            Self::Provision { changing, .. } | Self::Rotate { changing, .. } => {
                changing.shared.source.telling.clone()
            }
            Self::Status { shared, .. } | Self::Doctor { shared, .. } | Self::Plan { shared, .. } => {
                shared.source.telling.clone()
            }
            Self::Check { source, .. } => source.telling.clone(),
            Self::Revoke(revoke) => revoke.changing.shared.source.telling.clone(),
            Self::Init(init) => Telling { color: init.color, ..Telling::default() },
            Self::Demo { color, .. } => Telling { color: *color, ..Telling::default() },
            Self::Emulate(_) | Self::Schema | Self::Completions { .. } | Self::Action => Telling::default(),
        }
    }
}

/// Says which credentials are revoked.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["superseded", "managed", "all", "token_id"]))]
pub struct Revoke {
    /// What every command that changes something takes.
    #[command(flatten)]
    pub changing: Changing,
    /// Those that a newer, delivered one has superseded
    #[arg(long)]
    pub superseded: bool,
    /// Every one that lakekey made for the target, the one in use included
    #[arg(long)]
    pub managed: bool,
    /// Every one of the principal, also those that somebody else made, except those of other configured
    /// targets
    #[arg(long)]
    pub all: bool,
    /// The one with this id
    #[arg(long, value_name = "ID")]
    pub token_id: Option<String>,
    /// Do it although something stops working
    #[arg(long)]
    pub yes: bool,
}

/// Holds the answers that a first configuration is made of.
#[derive(Debug, Args)]
pub struct Init {
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "lakekey.yml")]
    pub config: String,
    /// Write the workflow of GitHub or the pipeline of Azure DevOps too
    #[arg(long, value_name = "FILE")]
    pub workflow: Option<String>,
    /// The workspace's address, as the browser has it
    #[arg(long, value_name = "URL")]
    pub workspace: Option<String>,
    /// A name for the target
    #[arg(long)]
    pub name: Option<String>,
    /// Where the principal is managed: entra or databricks
    #[arg(long)]
    pub kind: Option<String>,
    /// The tenant; looked up where left out
    #[arg(long, value_name = "ID")]
    pub tenant_id: Option<String>,
    /// The application (client) id
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// The principal's name, by which it is found or made
    #[arg(long, value_name = "NAME")]
    pub display_name: Option<String>,
    /// How the principal signs in; by default by what GitHub says of the job
    #[arg(long, value_name = "TYPE")]
    pub auth_type: Option<String>,
    /// The repository whose secret is written; by default that of the working directory
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,
    /// The name of the secret; DATABRICKS_TOKEN by default
    #[arg(long, value_name = "NAME")]
    pub secret: Option<String>,
    /// The environment of the secret; the repository's own by default
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The id of the GitHub App that writes secrets; a token by default
    #[arg(long, value_name = "ID")]
    pub app_id: Option<String>,
    /// How long a token lives
    #[arg(long, value_name = "DURATION", default_value = "90d")]
    pub lifetime: String,
    /// How long before its end it is renewed
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    pub renew_before: String,
    /// How long the one before lives on
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub overlap: String,
    /// Ask nothing: an answer that is missing is an error
    #[arg(long)]
    pub no_input: bool,
    /// Colours: auto, always or never; by default at a terminal, unless NO_COLOR is set
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    pub color: Option<Colours>,
}

/// Says how the emulator runs.
#[derive(Debug, Args)]
pub struct Emulate {
    /// The first of the ports to listen on; assigned by the system where left out
    #[arg(long, value_name = "PORT")]
    pub port_base: Option<u16>,
    /// How many workspaces there are
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=1000)
    )]
    pub workspaces: u16,
    /// How long every answer takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// Speak TLS, and leave the certificate authority in this folder
    #[arg(long, value_name = "DIR")]
    pub tls: Option<PathBuf>,
    /// Be an HTTP proxy for the services' real names, and leave its certificate authority in this folder
    #[arg(long, value_name = "DIR")]
    pub proxy: Option<PathBuf>,
    /// Make what this configuration names, and give its variables values
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    /// The faults to begin with, JSON
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
}
