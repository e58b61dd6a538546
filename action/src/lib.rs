//! lakekey on a machine: HTTP, time, the environment, GitHub secrets and commands for the core, and the
//! binary on top.
//!
//! Another program can run the core with the same parts:
//!
//! ```no_run
//! use lakekey::adapters::NativeAdapters;
//! use lakekey::configuration;
//! use lakekey::platform::{ProcessEnvironment, SystemClock, SystemEntropy};
//! use lakekey::transport::HttpTransport;
//! use lakekey_core::{Command, Host, Report, RunRequest, run};
//!
//! # async fn example() -> Result<Report, lakekey_core::Error> {
//! let config = configuration::read("lakekey.yml", &ProcessEnvironment)?;
//! let http = HttpTransport::new();
//! let host = Host::new(&http, &SystemClock, &SystemEntropy).environment(&ProcessEnvironment);
//! run(host, &NativeAdapters::default(), &config, &RunRequest::new(Command::Status)).await
//! # }
//! ```

pub mod adapters;
pub mod arguments;
mod child;
pub mod command;
pub mod command_line;
pub mod configuration;
pub mod console;
pub mod demo;
pub mod dispatch;
pub mod emulate;
pub mod exit_status;
pub mod github;
mod init;
pub mod layout;
pub mod metrics;
pub mod mistakes;
pub mod page;
pub mod platform;
mod progress;
mod rehearsal;
pub mod report_text;
pub mod run;
pub mod style;
pub mod terminal;
pub mod timings;
pub mod transport;
pub mod workflow;
pub mod workflow_commands;
