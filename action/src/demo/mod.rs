//! The whole story on the embedded emulator, told step by step.
//!
//! Nothing is staged: the commands are the binary's own, over real connections on loopback; only the clock is
//! moved.

mod expectation;
mod from_nothing;
mod rotation;
mod stage;

use std::rc::Rc;

use crate::console::Console;
use crate::exit_status::{DONE, FAILED};

/// Tells the story and returns the exit status.
pub(crate) async fn run(console: &Rc<Console>, from_nothing: bool) -> u8 {
    let told = if from_nothing { from_nothing::tell(console).await } else { rotation::tell(console).await };
    match told {
        Ok(()) => DONE,
        Err(broken) => {
            console.note(&broken.to_string());
            FAILED
        }
    }
}
