//! What the integration tests share: a simulated machine that runs the core against the emulator, without
//! sockets and without real time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

pub mod disturbance;
pub mod fuzz;
pub mod invariants;
pub mod machine;
pub mod schedule;
pub mod stage;
pub mod time;
pub mod wire;
