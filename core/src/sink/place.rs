//! The seam between the rotation and the places of delivery.

use std::fmt::Debug;
use std::rc::Rc;

use super::adapters::{Adapters, Sink};
use crate::auth::{GithubSignIn, SignIn};
use crate::config::Endpoints;
use crate::host::Environment;
use crate::model::{Error, Origin};

/// Is a place of delivery as the configuration names it: checked, and ready to be opened for a run.
pub(crate) trait Place: Debug {
    /// Returns the name that reports show: type, place, name.
    fn label(&self) -> String;

    /// Returns a text that is the same for the same place, and for that alone.
    fn identity(&self) -> String;

    /// Returns true where it can tell exactly when it was last written.
    fn tells_writes(&self) -> bool;

    /// Checks that every secret that it refers to is there, sending nothing.
    ///
    /// # Errors
    /// `config-missing-secret` with the path of the key.
    fn check_references(&self, environment: &dyn Environment) -> Result<(), Error>;

    /// Returns true where the configuration does not say how its service is signed in to, and the principal
    /// cannot stand in.
    fn lacks_a_sign_in(&self) -> bool {
        false
    }

    /// Says what its owner should know of how it is written, and what to do; for `doctor`.
    fn advice(&self) -> Option<(String, &'static str)> {
        None
    }

    /// Opens it for one run.
    ///
    /// # Errors
    /// `sink-unsupported` where this host has no such place.
    fn open<'s>(&'s self, adapters: &'s dyn Adapters) -> Result<Box<dyn Sink + 's>, Error>;
}

/// Is the shape of a kind of place in the configuration.
pub(crate) trait Shape {
    /// Checks it and makes the place of it.
    ///
    /// # Errors
    /// A `config-…` code with the path of the key.
    fn place(self, around: &Around<'_>) -> Result<Rc<dyn Place>, Error>;
}

/// Holds what the rest of the configuration says that a place may need.
pub(crate) struct Around<'a> {
    /// The place's path in the document, such as `targets[0].deliver[2]`.
    pub(crate) path: String,
    /// The target's name.
    pub(crate) target: &'a str,
    /// The target's workspace.
    pub(crate) workspace: &'a Origin,
    pub(crate) endpoints: &'a Endpoints,
    /// How the Azure sinks sign in by default.
    pub(crate) azure: Option<&'a SignIn>,
    /// How the GitHub sinks sign in.
    pub(crate) github: Option<&'a Rc<GithubSignIn>>,
}

impl Around<'_> {
    /// Returns the path of a key of the place.
    pub(crate) fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }
}
