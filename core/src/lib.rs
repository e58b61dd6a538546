//! The life of a Databricks credential, from nothing to revoked, on any platform.
//!
//! The crate decides and acts; its host gives it HTTP, a clock, randomness and its environment through the
//! traits of [`platform`]. [`engine::run`] is the one way in.

pub mod call;
pub mod cloud;
pub mod config;
pub mod context;
pub mod credential;
pub mod engine;
pub mod error;
pub mod event;
pub mod github;
pub mod platform;
pub mod report;
pub mod secret;
pub mod service;
pub mod sign_in;
pub mod sink;
pub mod timestamp;
pub mod typed;

#[cfg(test)]
pub(crate) mod testing;

/// Has the example of the guide compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/adding-a-sink.md")]
pub struct AddingASink;
