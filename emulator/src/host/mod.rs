//! The host: one listener on loopback for each origin, HTTP/1.1, on request over TLS.

mod config_file;
mod connection;
mod proxy;
mod ready;
mod tls;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::emulator::Emulator;
use crate::fault::Fault;
use crate::random::Random;
use crate::state::{ORGANIZATION, Origin, Origins, Service, workspace_host};
use crate::world::World;

pub use ready::Ready;

/// Says how the emulator is hosted.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// How many workspaces there are; one by default.
    pub workspaces: Option<usize>,
    /// How long every request takes at least.
    pub latency: Duration,
    /// The first port; by default the system assigns each.
    pub port_base: Option<u16>,
    /// Speaks TLS, and leaves the certificate of its authority as `ca.pem` in this directory.
    pub tls: Option<PathBuf>,
    /// Is an HTTP proxy for the services' real names, and leaves the certificate of its authority as `ca.pem`
    /// in this directory.
    pub proxy: Option<PathBuf>,
    /// What is to be rehearsed.
    pub rehearsal: Option<Rehearsal>,
    /// The faults that it begins with.
    pub faults: Vec<Fault>,
    /// Where `lakekey.yml` is written: by default the directory of `tls`, or a new one that is removed
    /// at the end.
    pub directory: Option<PathBuf>,
    /// From what ids and secrets are made; by default from the system's randomness.
    pub seed: Option<u64>,
}

/// Prepares a world, and returns the environment that the rehearsal needs.
type Prepare = dyn Fn(&Emulator) -> BTreeMap<String, String> + Send + Sync;

/// Says what somebody's own configuration names, so that it can be rehearsed as it stands.
#[derive(Clone)]
pub struct Rehearsal {
    /// The URLs of the workspaces.
    pub workspaces: Vec<String>,
    /// The origins of further hosts, by service.
    pub hosts: Vec<(Service, String)>,
    /// Makes what is named.
    pub prepare: Arc<Prepare>,
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal").field("workspaces", &self.workspaces).finish_non_exhaustive()
    }
}

/// Holds a running host; it stops when this is dropped.
#[derive(Debug)]
pub struct Hosted {
    ready: Ready,
    emulator: Emulator,
    listeners: Vec<AbortHandle>,
    own_directory: Option<PathBuf>,
}

impl Hosted {
    /// Returns where everything is.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Returns the emulator behind it.
    #[must_use]
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
        if let Some(directory) = &self.own_directory {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// Starts the emulator on loopback.
///
/// # Errors
/// A port is taken, or a file cannot be written.
pub async fn host(options: HostOptions) -> io::Result<Hosted> {
    let rehearsal = options.rehearsal.clone();
    let named = rehearsal.as_ref().map_or(0, |rehearsal| rehearsal.workspaces.len());
    let workspaces = if named > 0 { named } else { options.workspaces.unwrap_or(1) };
    let mut random = options.seed.map_or_else(Random::from_system, Random::new);
    let (directory, own_directory) = directory(&options, &mut random)?;
    let tls = options.tls.as_deref().map(tls::acceptor).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };

    let services = Service::ALL
        .into_iter()
        .filter(|service| *service != Service::Databricks)
        .map(|service| (service, None));
    let workspaces_of = (0..workspaces).map(|index| (Service::Databricks, Some(index)));
    let mut port = options.port_base;
    let mut listeners = Vec::new();
    let mut origins = Vec::new();
    for (service, workspace) in services.chain(workspaces_of) {
        // What goes by plain HTTP to the machine itself, some clients send through no proxy.
        if options.proxy.is_some() && service != Service::Imds {
            continue;
        }
        let listener = listen(&mut port).await?;
        let url = format!("{scheme}://{}", listener.local_addr()?);
        origins.push(Origin { url: url.clone(), service, workspace });
        listeners.push((listener, url));
    }
    let control = listen(&mut port).await?;
    let control_url = format!("{scheme}://{}", control.local_addr()?);

    let origins = match &options.proxy {
        None => Origins::new(origins),
        Some(_) => {
            let of_file =
                rehearsal.as_ref().map(|rehearsal| rehearsal.workspaces.clone()).unwrap_or_default();
            let usual =
                || (0..workspaces).map(|index| format!("https://{}", workspace_host(index))).collect();
            let hosts = rehearsal.as_ref().map_or(&[][..], |rehearsal| &rehearsal.hosts);
            Origins::real(&if named > 0 { of_file } else { usual() }, hosts).with(origins)
        }
    };
    let mut world = World::new(Clock::System(0), random, origins);
    world.signs = true;
    world.seed(workspaces);
    let emulator = Emulator::from_world(world);
    let rehearsed = rehearsal.map(|rehearsal| (rehearsal.prepare)(&emulator)).unwrap_or_default();
    // A copy of the world for every write is dear with hundreds of workspaces; a fault of that kind turns it
    // on.
    emulator.keep_previous(false);
    emulator.set_faults(options.faults.clone());

    let mut ready = emulator.world(|world| describe(world, workspaces));
    ready.control.clone_from(&control_url);
    ready.env.extend(rehearsed);
    if let Some(directory) = &options.tls {
        ready.env.insert(
            "SSL_CERT_FILE".to_owned(),
            absolute(directory)?.join(tls::CA_FILE).display().to_string(),
        );
    }
    let shared = Arc::new(connection::Shared { emulator: emulator.clone(), latency: options.latency, tls });
    let mut proxied = None;
    if let Some(directory) = &options.proxy {
        let listener = listen(&mut port).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let authority = absolute(directory)?.join(tls::CA_FILE).display().to_string();
        for name in ["HTTPS_PROXY", "HTTP_PROXY"] {
            ready.env.insert(name.to_owned(), url.clone());
        }
        for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
            ready.env.insert(name.to_owned(), authority.clone());
        }
        ready.env.insert("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned());
        ready.env.insert("NO_PROXY".to_owned(), "127.0.0.1,localhost".to_owned());
        proxied = Some((listener, proxy::Proxy::new(Arc::clone(&shared), directory, control_url)?));
        ready.proxy = Some(url);
    }
    ready.config = directory.join("lakekey.yml");
    std::fs::write(&ready.config, emulator.world(|world| config_file::write(world, &ready)))?;

    let mut handles: Vec<AbortHandle> = listeners
        .into_iter()
        .map(|(listener, url)| {
            tokio::spawn(connection::accept(listener, connection::Role::Service(url), Arc::clone(&shared)))
                .abort_handle()
        })
        .collect();
    handles.extend(
        proxied
            .map(|(listener, proxy)| tokio::spawn(proxy::accept(listener, Arc::new(proxy))).abort_handle()),
    );
    handles.push(tokio::spawn(connection::accept(control, connection::Role::Control, shared)).abort_handle());
    Ok(Hosted { ready, emulator, listeners: handles, own_directory })
}

fn directory(options: &HostOptions, random: &mut Random) -> io::Result<(PathBuf, Option<PathBuf>)> {
    let given = options.directory.as_deref().or(options.tls.as_deref()).or(options.proxy.as_deref());
    if let Some(directory) = given {
        std::fs::create_dir_all(directory)?;
        return Ok((absolute(directory)?, None));
    }
    // Two emulators of one process may have the same seed, and each removes its own at its end.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!(
        "lakekey-emulator-{}-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed),
        random.hex(8)
    );
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory)?;
    Ok((directory.clone(), Some(directory)))
}

fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

async fn listen(port: &mut Option<u16>) -> io::Result<TcpListener> {
    let wanted = port.unwrap_or(0);
    if let Some(port) = port {
        *port = port
            .checked_add(1)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "there are no more ports"))?;
    }
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, wanted))).await.map_err(|error| {
        let place =
            if wanted == 0 { "a port on loopback".to_owned() } else { format!("port {wanted} on loopback") };
        io::Error::new(error.kind(), format!("{place}: {error}"))
    })
}

fn describe(world: &mut World, workspaces: usize) -> Ready {
    let env = config_file::environment(world);
    let of = |service| world.origins.of(service).to_owned();
    let others = [
        ("accounts", Service::DatabricksAccount),
        ("imds", Service::Imds),
        ("issuer-azure-devops", Service::AzureDevopsIssuer),
        ("issuer-github", Service::GithubIssuer),
        ("management", Service::Management),
        ("oidc-request-url", Service::GithubOidc),
        ("webhook", Service::Webhook),
    ];
    Ready {
        ready: true,
        login: of(Service::Entra),
        graph: of(Service::Graph),
        github: of(Service::Github),
        azure_devops: format!("{}/{}", of(Service::AzureDevops), ORGANIZATION),
        key_vault: of(Service::KeyVault),
        workspaces: (0..workspaces).map(|index| world.origins.workspace(index).to_owned()).collect(),
        control: String::new(),
        proxy: None,
        config: PathBuf::new(),
        env,
        others: others.into_iter().map(|(name, service)| (name.to_owned(), of(service))).collect(),
    }
}

#[cfg(test)]
mod tests;
