//! The commands: sign in, observe, plan, carry out, report. What is configured is put together here
//! (`resolve`), the rules between it and the services stand in one list (`checks`), and a plan is a list of
//! actions (`action`, `plan`, `prepare`) that is either shown or carried out.

mod action;
mod brake;
mod carry_out;
mod check;
mod checks;
mod clean_up;
mod command;
mod dates;
mod deliver;
mod doctor;
mod doctor_advice;
mod doctor_trust;
mod fill;
mod fix;
mod issue;
mod job;
mod lookup;
mod matrix;
mod notable;
mod notice_form;
mod notice_report;
mod notices;
mod notified;
mod observe;
mod places;
mod plan;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]
mod plan_model;
mod policy_seen;
mod prepare;
mod provision;
mod quota;
#[cfg(test)]
mod renewals;
mod report;
mod resolve;
mod revoke;
mod run;
mod schema;
mod scopes;
mod shared;
mod show;
mod sign_in_ends;
mod spreading;
mod trust;
mod verify;
mod world;

pub use check::{CheckRequest, Checked, check};
pub use command::{Command, Revocation, RunRequest, select};
pub use lookup::{LookedUp, Trusted, look_up};
pub use matrix::matrix;
pub use notable::{Notable, notable};
pub use report::{
    CredentialReport, DeliveryReport, Everything, GivenScopes, Holds, LeftOver, NoticeReport, Outcome,
    Report, SignInEnd, State, StepReport, TargetReport,
};
pub use resolve::{Config, Target, document};
pub use run::run;
pub use schema::schema;
