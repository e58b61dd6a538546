//! lakekey on a machine: HTTP, time, the environment, GitHub secrets and commands for the core, and the
//! binary on top.

pub mod cli;
pub mod command;
pub mod console;
pub mod demo;
pub mod emulate;
pub mod github;
pub mod platform;
pub mod run;
pub mod sinks;
pub mod transport;
pub mod workflow;
