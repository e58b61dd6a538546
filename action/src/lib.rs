//! lakekey on a machine: HTTP, time, the environment, GitHub secrets and commands for the core, and the binary on top.

pub mod command;
pub mod github;
pub mod platform;
pub mod sinks;
pub mod transport;
