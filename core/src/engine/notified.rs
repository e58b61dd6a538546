//! Who is told of what, checked: `notify` and `heartbeat`.

use crate::config::{
    Document, Endpoints, HeartbeatDocument, NotifyDocument, NotifyKind, Occasion, Reference, SecretRef,
};
use crate::host::Environment;
use crate::model::{Error, Origin, Secret, Span};

/// Holds who is told of what.
#[derive(Debug, Clone, Default)]
pub(super) struct Notices {
    pub(super) notify: Vec<Notify>,
    pub(super) heartbeat: Option<Reference>,
}

#[derive(Debug, Clone)]
pub(super) struct Notify {
    pub(super) kind: NotifyKind,
    pub(super) url: Reference,
    pub(super) on: Vec<Occasion>,
    pub(super) within: Option<Span>,
}

impl Notify {
    fn read(document: &NotifyDocument, path: &str) -> Result<Self, Error> {
        let NotifyDocument { kind, url, on, within } = document;
        let on = on.clone().unwrap_or_else(|| vec![Occasion::Failed, Occasion::Overdue, Occasion::Expiring]);
        if on.is_empty() {
            let words = "write what is told: failed, overdue, expiring, rotated";
            return Err(Error::invalid(&format!("{path}.on"), words));
        }
        if within.is_some() && !on.contains(&Occasion::Expiring) {
            let words = "this says how early `expiring` is told, which `on` does not name";
            return Err(Error::invalid(&format!("{path}.within"), words));
        }
        let url = Reference::new(url, format!("{path}.url"));
        Ok(Self { kind: *kind, url, on, within: *within })
    }

    /// Returns the text of `type`.
    pub(super) const fn name(&self) -> &'static str {
        match self.kind {
            NotifyKind::Slack => "slack",
            NotifyKind::Teams => "teams",
            NotifyKind::Webhook => "webhook",
        }
    }
}

impl Notices {
    /// Reads who is told of what.
    ///
    /// # Errors
    /// `config-invalid-value` with the path of the key.
    pub(super) fn read(document: &Document) -> Result<Self, Error> {
        let notify = document.notify.iter().enumerate();
        let notify = notify.map(|(index, notify)| Notify::read(notify, &format!("notify[{index}]")));
        let beat = document.heartbeat.as_ref();
        Ok(Self {
            notify: notify.collect::<Result<_, _>>()?,
            heartbeat: beat.map(|HeartbeatDocument { url }| Reference::new(url, "heartbeat.url".to_owned())),
        })
    }

    /// Returns what is wrong with the addresses that it refers to.
    pub(super) fn lacking(&self, endpoints: &Endpoints, environment: &dyn Environment) -> Vec<Error> {
        let urls = self.notify.iter().map(|notify| &notify.url).chain(&self.heartbeat);
        urls.filter_map(|url| Address::read(url, endpoints, environment).err()).collect()
    }
}

/// Is where a notice goes.
pub(super) struct Address {
    pub(super) origin: Origin,
    /// What stands behind the host, with a query.
    pub(super) path: String,
    pub(super) secret: Secret,
}

impl Address {
    /// Reads an address. One that stands in a variable is chosen by who runs lakekey; one in a file may be by
    /// who edits the repository, so that its host is named outside too.
    ///
    /// # Errors
    /// Every `config-…` code of a missing secret and of an address; the path of the key, not the address.
    pub(super) fn read(
        url: &Reference,
        endpoints: &Endpoints,
        environment: &dyn Environment,
    ) -> Result<Self, Error> {
        url.check(environment)?;
        let secret = url.secret.read(&url.path, environment)?;
        let whole = secret.expose("the address that a notice is sent to");
        let end = whole.find(['?', '#']).unwrap_or(whole.len());
        let base = Origin::parse(&whole[..end], &url.path)?;
        if matches!(url.secret, SecretRef::File(_)) {
            endpoints.check_user_host(&base, &url.path)?;
        }
        let after = whole.split_once("://").map_or("", |(_, rest)| rest);
        let path = after.find(['/', '?']).map_or("", |start| &after[start..]);
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { origin: base.without_path(), path, secret })
    }
}
