//! Whom a target is about, how everybody around it signs in, and what a run knows of it while it works.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::ops::Deref;
use std::rc::Rc;

use futures_util::lock::Mutex;

use super::cache::TokenCache;
use super::resource::Resource;
use crate::config::{Endpoints, Principal, Reference, SecretRef};
use crate::host::{Environment, Host, LocalFuture};
use crate::http::{Bounds, Client, Identity, Pace};
use crate::model::{Code, CredentialKind, Error, Origin, PrincipalKind, Secret, Step, Timestamp};

/// Is a way to sign in, with the keys that the configuration gives it.
pub(crate) trait Method: Debug {
    /// Returns the text of `type`.
    fn name(&self) -> &'static str;

    /// Checks the values that stand at `path`, sending nothing.
    fn check(&self, _path: &str) -> Result<(), Error> {
        Ok(())
    }

    /// Returns the secrets that it refers to, with their places below `path`.
    fn references(&self, _path: &str, _environment: &dyn Environment) -> Result<Vec<Reference>, Error> {
        Ok(Vec::new())
    }

    /// Returns who signs in by it, where it says so.
    fn client_id(&self) -> Option<&str> {
        None
    }

    /// Returns the tenant of who signs in, where it says so.
    fn tenant_id(&self) -> Option<&str> {
        None
    }

    /// Returns the scopes that it asks for, where the configuration names some.
    fn scopes(&self) -> Option<&[String]> {
        None
    }

    /// Returns the audience of the assertions that it shows to a workspace, where it is known.
    fn assertion_audience(&self, _workspace: &Origin) -> Option<String> {
        None
    }

    /// Says who gives the token that it brings.
    fn issuer(&self, principal: &Principal) -> Issuer;

    /// Returns where the credential of that kind stands that it signs in with.
    fn secret_of(&self, _kind: CredentialKind) -> Option<&SecretRef> {
        None
    }

    /// Signs in.
    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>>;
}

/// Names who gives a token, and so where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// Entra ID, whose tokens every service of Azure takes.
    Entra,
    /// Databricks itself, whose tokens nobody else takes.
    Databricks,
    /// Somebody who has handed the token over.
    Somebody,
}

/// Says what a sign-in is for, and where.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) context: &'a Context<'a>,
    /// The place of the sign-in in the document.
    pub(crate) path: &'a str,
    pub(crate) resource: Resource,
    /// The service that the token will be sent to.
    pub(crate) origin: &'a Origin,
    /// The step that needs it.
    pub(crate) step: Step,
}

impl Request<'_> {
    /// Returns true where the Databricks account is signed in to, and not a workspace.
    pub(super) fn is_at_account(&self) -> bool {
        *self.origin == self.context.endpoints.accounts
    }

    /// Says that there is no signing in so.
    pub(super) fn unfit(&self, words: String) -> Error {
        Error::new(Code::SignInNotConfigured, self.step, words).with_key(format!("{}.type", self.path))
    }

    /// Returns the application id: the sign-in's own, or else the principal's.
    pub(super) fn client(&self, own: Option<&str>) -> Result<String, Error> {
        own.or(self.context.client_id()).map(str::to_ascii_lowercase).ok_or_else(|| {
            Error::config(
                Code::ConfigMissingKey,
                format!("{}.client-id", self.path),
                "the application id is needed to sign in",
            )
        })
    }
}

/// Holds a way to sign in and its place in the document.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    pub(crate) method: Rc<dyn Method>,
    pub(crate) path: String,
}

impl SignIn {
    /// Signs in and returns an identity that is bound to the service.
    ///
    /// A token is got once a run and renewed before it expires.
    ///
    /// # Errors
    /// Every code of a refused sign-in; `sign-in-not-configured` where nobody signs in there by this way.
    pub(crate) async fn sign_in(
        &self,
        context: &Context<'_>,
        resource: Resource,
        origin: &Origin,
        step: Step,
    ) -> Result<Identity, Error> {
        let request = Request { context, path: &self.path, resource, origin, step };
        let issuer = self.method.issuer(&context.subject.principal);
        if issuer == Issuer::Databricks && resource != Resource::Databricks {
            let name = self.method.name();
            return Err(request.unfit(format!(
                "{name} signs in at Databricks alone, and {resource} takes tokens of Entra ID"
            )));
        }
        let identity = self.method.sign_in(request).await?;
        // Who signs in with a credential of its own cannot be given more by the configuration.
        let key = (issuer == Issuer::Databricks).then(|| format!("{}.scopes", self.path));
        Ok(identity.bounded_by(match key {
            Some(key) => Bounds::SignIn(key),
            None => Bounds::Credential(self.path.clone()),
        }))
    }

    /// Checks that every secret that it refers to is there, sending nothing.
    ///
    /// # Errors
    /// `config-missing-secret` with the path of the key, such as `targets[0].auth.client-secret`.
    pub(crate) fn check_references(&self, environment: &dyn Environment) -> Result<(), Error> {
        self.method
            .references(&self.path, environment)?
            .iter()
            .try_for_each(|reference| reference.check(environment))
    }
}

/// Says whom a target is about, and how everybody around it signs in.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// The target's name.
    pub(crate) name: String,
    /// The names that it had before.
    pub(crate) formerly: Vec<String>,
    /// The names, also those of before, of all targets of the configuration: one list for all of them.
    pub(crate) names: Rc<BTreeSet<String>>,
    /// The target's place in the document, such as `targets[0]`.
    pub(crate) path: String,
    /// The workspace.
    pub(crate) workspace: Origin,
    /// The principal.
    pub(crate) principal: Principal,
    /// How the principal signs in; `None` asks the environment.
    pub(crate) auth: Option<SignIn>,
    /// How the admin signs in.
    pub(crate) admin: Option<SignIn>,
    /// Who may write to Graph.
    pub(crate) directory: Option<SignIn>,
}

impl Subject {
    /// Returns true for the target's name, and for one that it had before.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name == name || self.formerly.iter().any(|former| former == name)
    }

    /// Returns true for the name of another target of the configuration.
    pub(crate) fn is_anothers(&self, name: &str) -> bool {
        self.names.contains(name) && !self.is_named(name)
    }
}

/// Says what a run does at the places of delivery, and so which rights it asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Access {
    /// It writes.
    #[default]
    Write,
    /// It foretells what another run writes: it asks for no right to write, and sees that there is one.
    Foresee,
    /// It looks.
    Read,
}

/// Holds what all targets of a run share.
#[derive(Default)]
pub(crate) struct Session {
    /// What the run does at the places of delivery.
    pub(crate) access: Cell<Access>,
    pub(crate) pace: Pace,
    pub(super) tokens: TokenCache,
    /// Secrets that this run has renewed, by what refers to them and by their kind, so that none goes to
    /// another issuer.
    renewed: RefCell<HashMap<(SecretRef, CredentialKind), Secret>>,
    /// What one target at a time works on, such as a variable group that several write to.
    locks: RefCell<HashMap<String, Lock>>,
}

/// Is held by one at a time, and keeps a note that its holder leaves for the next.
type Lock = Rc<Mutex<Option<String>>>;

/// Holds what the run of one target knows; it sends like the [`Client`] that it holds.
pub struct Context<'a> {
    client: Client<'a>,
    session: &'a Session,
    pub(crate) endpoints: &'a Endpoints,
    pub(crate) subject: &'a Subject,
    /// The principal's application id, where it was found by its name.
    found: OnceCell<String>,
    /// Whether it is known that who signs in is the principal.
    known: Cell<bool>,
    /// When what somebody signs in with ends, by its place in the document.
    ends: RefCell<BTreeMap<String, Timestamp>>,
    /// What this run has made, which may not be known everywhere yet.
    made: RefCell<Vec<Step>>,
}

impl<'a> Deref for Context<'a> {
    type Target = Client<'a>;

    fn deref(&self) -> &Client<'a> {
        &self.client
    }
}

impl<'a> Context<'a> {
    /// Starts the run of a target.
    pub(crate) fn new(
        host: Host<'a>,
        session: &'a Session,
        endpoints: &'a Endpoints,
        subject: &'a Subject,
    ) -> Self {
        let client = Client::new(host, &session.pace, &subject.name, &subject.workspace);
        let (found, known, made) = (OnceCell::new(), Cell::new(false), RefCell::default());
        let ends = RefCell::default();
        Self { client, session, endpoints, subject, found, known, ends, made }
    }

    /// Returns the principal's application id, as far as it is configured or was found.
    pub(crate) fn client_id(&self) -> Option<&str> {
        self.subject.principal.client_id.as_deref().or(self.found.get().map(String::as_str))
    }

    /// Keeps the application id that was found.
    pub(super) fn keep_client_id(&self, found: String) -> String {
        self.found.get_or_init(|| found.to_ascii_lowercase()).clone()
    }

    /// Returns true where somebody besides the principal can say who bears its name.
    pub(super) fn has_a_witness(&self) -> bool {
        let subject = self.subject;
        let directory = subject.principal.kind == PrincipalKind::Entra && subject.directory.is_some();
        subject.admin.is_some() || directory
    }

    /// Returns true where it is known that who signs in is the principal.
    pub(super) fn is_known(&self) -> bool {
        self.known.get()
    }

    /// Says that who signs in is the principal.
    pub(crate) fn set_known(&self) {
        self.known.set(true);
    }

    /// Notes when what somebody signs in with ends, by its place in the document.
    pub(crate) fn note_end(&self, path: String, at: Timestamp) {
        self.ends.borrow_mut().insert(path, at);
    }

    /// Returns when what is signed in with ends, by its place in the document, as far as this run has learnt
    /// it.
    pub(crate) fn ends(&self) -> BTreeMap<String, Timestamp> {
        let mut ends = self.ends.borrow().clone();
        ends.extend(self.github_token_ends().map(|at| ("github.token".to_owned(), at)));
        ends
    }

    /// Says that this run has made something, which may not be known everywhere yet.
    pub(crate) fn note_made(&self, step: Step) {
        self.made.borrow_mut().push(step);
    }

    /// Returns true where this run has made something at any of these steps.
    pub(crate) fn has_made(&self, steps: &[Step]) -> bool {
        self.made.borrow().iter().any(|step| steps.contains(step))
    }

    /// Returns what all targets of the run share.
    pub(crate) fn session(&self) -> &'a Session {
        self.session
    }

    /// Reads a secret and has the host mask it.
    ///
    /// # Errors
    /// `config-missing-secret` with the path of the key.
    pub fn secret(&self, reference: &SecretRef, path: &str) -> Result<Secret, Error> {
        reference.read(path, self.host().environment).map(|secret| self.masked(secret))
    }

    /// Reads a credential that somebody signs in with, as this run has renewed it: what is read may have been
    /// revoked a moment ago.
    pub(super) fn credential(
        &self,
        reference: &SecretRef,
        path: &str,
        kind: CredentialKind,
    ) -> Result<Secret, Error> {
        let renewed = self.session.renewed.borrow().get(&(reference.clone(), kind)).cloned();
        renewed.map_or_else(|| self.secret(reference, path), Ok)
    }

    /// Keeps the value of a credential that this run has renewed, for the sign-ins that follow.
    pub(crate) fn renew(&self, reference: &SecretRef, kind: CredentialKind, value: Secret) {
        self.session.renewed.borrow_mut().insert((reference.clone(), kind), value);
    }

    /// Returns the lock of that name, which everybody gets who asks for the same name.
    pub(crate) fn lock(&self, name: String) -> Lock {
        Rc::clone(self.session.locks.borrow_mut().entry(name).or_default())
    }
}
