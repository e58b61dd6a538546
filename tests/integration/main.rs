//! Integration tests: the core with the binary's own parts against the emulator, on simulated time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod brake;
mod cancellation;
mod codes;
mod corpus;
mod delivery;
mod disturbances;
mod doctor;
mod entitlements;
mod federation_policies;
mod from_nothing;
mod github;
mod hostile;
mod identity;
mod interleavings;
mod leases;
mod machines;
mod mistakes;
mod notices;
mod oauth_scopes;
mod other_hands;
mod places;
mod plans;
mod policies;
mod principals;
mod propagation;
mod recorded;
mod refusals;
mod rotation;
mod scopes;
mod secrets;
mod sign_in;
mod sign_in_ends;
mod silent_places;
mod sinks;
mod trust;
