//! `catalogue`: a catalogue that takes the token of a connection.

use std::rc::Rc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::auth::Context;
use crate::config::{Reference, SecretRef};
use crate::host::{Environment, LocalFuture, Method};
use crate::http::{Call, Dialect, Identity, Rule, encode, status};
use crate::model::{Code, Error, Origin, Secret, Step};
use crate::sink::adapters::{Adapters, Sink};
use crate::sink::place::{Around, Place, Shape};
use crate::sink::shared::within;
use crate::sink::state::{Delivery, SinkState, Written};

/// The catalogue, as it says no.
static CATALOGUE: Dialect = Dialect::new("the catalogue", REFUSALS);

const REFUSALS: &[Rule] = &[
    status(401).means(Code::SinkPermissionMissing).hint("the catalogue does not know this token: replace it"),
    status(404).means(Code::SinkNotFound),
    status(423).means(Code::SinkChanged).passing(),
    status(403).means(Code::SinkPermissionMissing),
    status(400).means(Code::SinkRefused),
];

/// The largest value, in bytes.
const LARGEST: usize = 4096;

/// A catalogue that takes the token of a connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CatalogueShape {
    /// The catalogue's address.
    url: String,
    /// The connection's name.
    connection: String,
    /// The token of an editor of the connection.
    token: SecretRef,
}

/// Keeps a credential in the catalogue.
#[derive(Debug)]
struct Catalogue {
    path: String,
    origin: Origin,
    connection: String,
    token: Reference,
}

impl Shape for CatalogueShape {
    fn place(self, around: &Around<'_>) -> Result<Rc<dyn Place>, Error> {
        if self.connection.is_empty() {
            return Err(Error::invalid(&around.at("connection"), "write the name of the connection"));
        }
        Ok(Rc::new(Catalogue {
            path: around.path.clone(),
            origin: Origin::parse(&self.url, &around.at("url"))?,
            connection: self.connection,
            token: Reference::new(&self.token, around.at("token")),
        }))
    }
}

impl Place for Catalogue {
    fn label(&self) -> String {
        format!("catalogue {} {}", self.origin, self.connection)
    }

    fn identity(&self) -> String {
        self.label()
    }

    fn tells_writes(&self) -> bool {
        false
    }

    fn check_references(&self, environment: &dyn Environment) -> Result<(), Error> {
        self.token.check(environment)
    }

    fn open<'s>(&'s self, _adapters: &'s dyn Adapters) -> Result<Box<dyn Sink + 's>, Error> {
        Ok(Box::new(CatalogueSink(self)))
    }
}

struct CatalogueSink<'s>(&'s Catalogue);

impl CatalogueSink<'_> {
    fn identity(&self, context: &Context<'_>) -> Result<Identity, Error> {
        // A missing variable is an error that names the key; the value is masked before anybody can print it.
        let token = context.secret(&self.0.token.secret, &self.0.token.path)?;
        // Bound to the host: no request can carry it elsewhere.
        Ok(Identity::bearer(&self.0.origin, &token))
    }

    async fn put(&self, context: &Context<'_>, value: &Secret, delivery: &Delivery) -> Result<(), Error> {
        within(value, LARGEST, "the catalogue")?;
        let Catalogue { path, connection, .. } = self.0;
        let token = value.expose("the catalogue that is to hold it");
        let at = format!("/connections/{}/token", encode(connection));
        let call = Call::by(&self.identity(context)?, Step::Deliver, &CATALOGUE, Method::PUT, at)
            .json(&json!({"id": delivery.credential_id, "token": token}))
            .fenced();
        context.execute(call).await.map(drop).map_err(|error| match error.code() {
            Code::SinkPermissionMissing => error.with_hint(format!(
                "make the owner of {path}.token an editor of the connection {connection}"
            )),
            Code::SinkNotFound => error.with_hint(format!("correct {path}.connection")),
            _ => error,
        })
    }
}

impl Sink for CatalogueSink<'_> {
    fn label(&self) -> String {
        self.0.label()
    }

    fn observe<'a>(&'a self, context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async {
            self.identity(context)?;
            Ok(SinkState { written: Written::Unknown, holds: None, editor: None })
        })
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(self.put(context, value, delivery))
    }

    fn read_back<'a>(
        &'a self,
        _: &'a Context<'a>,
        _: &'a Secret,
        _: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async { Ok(SinkState { written: Written::Unknown, holds: None, editor: None }) })
    }
}
