//! One token a principal and purpose a run, got once even if many ask at the same time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;

use futures_util::lock::Mutex;

use crate::context::{Context, shifted};
use crate::error::Error;
use crate::secret::Secret;
use crate::timestamp::Timestamp;

/// A token is renewed that many seconds before it ends, longer than any one step takes, or after half of its
/// life.
const MARGIN: i64 = 300;

/// Holds a token.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) secret: Secret,
    /// When it is renewed.
    pub(crate) renew: Timestamp,
}

impl Token {
    /// Makes a token that lives that many seconds from now.
    pub(crate) fn living(context: &Context<'_>, secret: Secret, seconds: i64) -> Self {
        let useful = (seconds - MARGIN).max(seconds / 2);
        Self { secret: context.masked(secret), renew: shifted(context.now(), useful.saturating_mul(1000)) }
    }
}

type Slot = Rc<Mutex<Option<Token>>>;

/// Holds the tokens of a run.
#[derive(Default)]
pub(crate) struct TokenCache {
    slots: RefCell<HashMap<String, Slot>>,
}

impl TokenCache {
    /// Returns the token of that name, or gets it.
    pub(crate) async fn get<F>(&self, context: &Context<'_>, name: String, fetch: F) -> Result<Secret, Error>
    where
        F: Future<Output = Result<Token, Error>>,
    {
        let slot = Rc::clone(self.slots.borrow_mut().entry(name).or_default());
        let mut held = slot.lock().await;
        if let Some(token) = held.as_ref()
            && context.now() < token.renew
        {
            return Ok(token.secret.clone());
        }
        let token = fetch.await?;
        let secret = token.secret.clone();
        *held = Some(token);
        Ok(secret)
    }
}
