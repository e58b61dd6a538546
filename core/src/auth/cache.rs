//! One token a principal and purpose a run, got once even if many ask at the same time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures_util::lock::Mutex;

use crate::http::Client;
use crate::model::{Error, Secret, Timestamp};

/// A token is renewed that many seconds before it ends, longer than any one step takes, or after half of its
/// life.
const MARGIN: i64 = 300;

/// Holds a token.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: Secret,
    /// When it is renewed.
    pub(super) renew: Timestamp,
}

impl Token {
    /// Makes a token that lives that many seconds from now.
    pub(super) fn living(client: &Client<'_>, secret: Secret, seconds: i64) -> Self {
        let useful = Duration::from_secs(u64::try_from((seconds - MARGIN).max(seconds / 2)).unwrap_or(0));
        Self { secret: client.masked(secret), renew: client.now() + useful }
    }
}

type Slot = Rc<Mutex<Option<Token>>>;

/// Holds the tokens of a run.
#[derive(Default)]
pub(super) struct TokenCache {
    slots: RefCell<HashMap<String, Slot>>,
}

impl TokenCache {
    /// Returns the token of that name, or gets it.
    pub(super) async fn get<F>(&self, client: &Client<'_>, name: String, fetch: F) -> Result<Secret, Error>
    where
        F: Future<Output = Result<Token, Error>>,
    {
        let slot = Rc::clone(self.slots.borrow_mut().entry(name).or_default());
        let mut held = slot.lock().await;
        if let Some(token) = held.as_ref()
            && client.now() < token.renew
        {
            return Ok(token.secret.clone());
        }
        let token = fetch.await?;
        let secret = token.secret.clone();
        *held = Some(token);
        Ok(secret)
    }
}
