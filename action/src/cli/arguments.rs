//! The command line.

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

/// Provisions, rotates and revokes the credentials of Databricks service principals.
#[derive(Debug, Parser)]
#[command(name = "lakekey", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub shared: Shared,
    /// What to do.
    #[command(subcommand)]
    pub command: Commands,
}

const AFTER_HELP: &str = "Exit status: 0 done or nothing to do; 1 a target failed; 2 the command line or \
                          the configuration is wrong and nothing was sent; 3 `status --fail-on` found \
                          something.\nLAKEKEY_LOG=error|warn|info|debug|trace says how much is told on \
                          standard error.";

/// Holds what every command takes.
#[derive(Debug, Args)]
pub struct Shared {
    /// The configuration, YAML or JSON
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "LAKEKEY_CONFIG",
        hide_env_values = true,
        default_value = "lakekey.yml"
    )]
    pub config: String,
    /// A target to serve, all by default; may be given several times
    #[arg(
        long = "target",
        global = true,
        value_name = "NAME",
        env = "LAKEKEY_TARGET",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub targets: Vec<String>,
    /// Print one JSON report and nothing else on standard output
    #[arg(long, global = true, env = "LAKEKEY_JSON", hide_env_values = true)]
    pub json: bool,
    /// Change nothing and say what would be done
    #[arg(long, global = true, env = "LAKEKEY_DRY_RUN", hide_env_values = true)]
    pub dry_run: bool,
}

/// Names a command.
#[derive(Debug, Subcommand)]
pub enum Commands {
    /// Make the principal able to use tokens, from nothing, and deliver a first credential
    Provision,
    /// Renew what is due, deliver, verify, revoke what is superseded
    Rotate {
        /// Renew what is not due too
        #[arg(long)]
        force: bool,
    },
    /// Show every managed credential: age, expiry, when due, where delivered, what is left over
    Status {
        /// Exit with 3 where a credential is due, or overdue
        #[arg(long, value_name = "STATE", env = "LAKEKEY_FAIL_ON", hide_env_values = true)]
        fail_on: Option<FailOn>,
    },
    /// Walk the procedure read-only and say which step is refused, why and what to do
    Doctor,
    /// Show what provision and rotate would do
    Plan {
        /// Print a workflow matrix of at most that many shards instead
        #[arg(long, value_name = "SHARDS", value_parser = clap::value_parser!(u16).range(1..=256))]
        matrix: Option<u16>,
    },
    /// Take credentials back, the emergency brake
    Revoke(Revoke),
    /// Tell the whole story on the embedded emulator
    Demo {
        /// Begin with nothing prepared: no application, no principal, no permission, no secret
        #[arg(long)]
        from_nothing: bool,
    },
    /// Run the emulator until interrupted
    Emulate(Emulate),
    /// Print the JSON Schema of lakekey.yml
    Schema,
    /// Run as the GitHub Action: inputs from LAKEKEY_INPUT_…, output as workflow commands
    #[command(hide = true)]
    Action,
}

/// Says which credentials are taken back.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["superseded", "all", "token_id"]))]
pub struct Revoke {
    /// Those that a newer, delivered one has superseded
    #[arg(long)]
    pub superseded: bool,
    /// Every one, the one in use included
    #[arg(long)]
    pub all: bool,
    /// The one with this id
    #[arg(long, value_name = "ID")]
    pub token_id: Option<String>,
    /// Do it although something stops working
    #[arg(long)]
    pub yes: bool,
}

/// Says how the emulator runs.
#[derive(Debug, Args)]
pub struct Emulate {
    /// The first of the ports to listen on; assigned by the system where left out
    #[arg(long, value_name = "PORT")]
    pub port_base: Option<u16>,
    /// How many workspaces there are
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub workspaces: u16,
    /// How long every answer takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// Speak TLS, and leave the certificate authority in this folder
    #[arg(long, value_name = "DIR")]
    pub tls: Option<std::path::PathBuf>,
    /// The faults to begin with, JSON
    #[arg(long, value_name = "FILE")]
    pub faults: Option<std::path::PathBuf>,
}

/// Says what makes `status` exit with 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A credential is due, or overdue.
    Due,
    /// A credential is overdue.
    Overdue,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn status_of(arguments: &[&str]) -> Option<i32> {
        Arguments::try_parse_from([&["lakekey"], arguments].concat()).err().map(|error| error.exit_code())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_not_known_exits_with_2() {
        for wrong in [
            &["rotat"][..],
            &["rotate", "--fast"],
            &[],
            &["plan", "--matrix", "0"],
            &["status", "--fail-on", "soon"],
        ] {
            assert_eq!(status_of(wrong), Some(2), "{wrong:?}");
        }
    }

    #[test]
    fn a_revocation_says_exactly_one_of_what() {
        assert_eq!(status_of(&["revoke", "--target", "a"]), Some(2));
        assert_eq!(status_of(&["revoke", "--target", "a", "--all", "--superseded"]), Some(2));
        assert_eq!(status_of(&["revoke", "--target", "a", "--token-id", "x"]), None);
    }

    #[test]
    fn options_may_stand_before_and_after_the_command() {
        assert_eq!(
            status_of(&["--json", "rotate", "--target", "a", "--target", "b", "--config", "x.yml"]),
            None
        );
    }
}
