//! `callback`: a function of the calling program. It is for a host that has one; what it is and whether it is
//! well written stands here.

use std::rc::Rc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::adapters::{Adapters, Callback, Sink};
use super::place::{Around, Place, Shape};
use crate::host::Environment;
use crate::model::{Code, Error};

/// A function of the calling program; Node only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CallbackShape {
    /// The name under which the caller passes the function.
    name: String,
}

impl Shape for CallbackShape {
    fn place(self, around: &Around<'_>) -> Result<Rc<dyn Place>, Error> {
        if self.name.is_empty() {
            let words = "a callback has the name under which the caller passes it";
            return Err(Error::invalid(&around.at("name"), words));
        }
        let (path, target) = (around.path.clone(), around.target.to_owned());
        Ok(Rc::new(Callback { name: self.name, path, target }))
    }
}

impl Place for Callback {
    fn label(&self) -> String {
        Self::label(self)
    }

    fn identity(&self) -> String {
        format!("callback {} {}", self.target, self.name)
    }

    fn tells_writes(&self) -> bool {
        false
    }

    fn check_references(&self, _environment: &dyn Environment) -> Result<(), Error> {
        Ok(())
    }

    fn open<'s>(&'s self, adapters: &'s dyn Adapters) -> Result<Box<dyn Sink + 's>, Error> {
        adapters.callback(self)?.ok_or_else(|| {
            let at = format!("{}.type", self.path);
            Error::config(Code::SinkUnsupported, at, "there is no callback here")
        })
    }
}
