//! The services that lakekey talks to, one module each, and how their refusals are read.

pub mod databricks;
pub mod graph;
pub(crate) mod refusal;
