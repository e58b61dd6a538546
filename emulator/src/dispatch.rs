//! Which service's module answers a request: the one place at which the modules are registered.

use crate::call::Call;
use crate::reply::Reply;
use crate::services;
use crate::state::Service;
use crate::world::World;

/// Lets the service that is called answer.
pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    match call.service {
        Service::Entra => services::entra::handle(world, call),
        Service::Databricks | Service::DatabricksAccount => services::databricks::handle(world, call),
        Service::Github => services::github::handle(world, call),
        Service::Graph => services::graph::handle(world, call),
        Service::GithubIssuer | Service::GithubOidc | Service::AzureDevopsIssuer => {
            services::issuers::handle(world, call)
        }
        Service::AzureDevops => services::azure_devops::handle(world, call),
        Service::KeyVault => services::key_vault::handle(world, call),
        Service::Imds => services::imds::handle(world, call),
        Service::Webhook => services::webhook::handle(world, call),
        Service::Management => services::management::handle(world, call),
    }
}
