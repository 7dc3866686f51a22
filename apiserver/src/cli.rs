//! The subcommands.

pub mod generated;
mod log_fields;
pub mod logging;
pub mod names;
pub mod run;
pub mod token;

use std::io::Write;
use std::path::Path;
use std::pin::pin;

use portcullis_kinds::release::Release;
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::netpol::NetpolArgs;
use crate::config::token::TokenArgs;
use crate::config::why::Traffic;
use crate::config::{HealthcheckArgs, KubeconfigArgs, Serve, WhyArgs};
use crate::enforce::{self, EnforceError};
use crate::explain::cli::{self, WhyError};
use crate::kubeconfig::Kubeconfig;
use crate::kubeconfig::read::{self, KubeconfigError};
use crate::outbound::healthcheck;
use crate::outbound::url::without_credentials;
use crate::pki::{self, Authority, PkiError};
use crate::program::version as server_version;
use crate::serving;
use crate::start::StartError;
use crate::start::certificates::pki_dir;
use crate::start::kubeconfig::{in_data_dir, kubeconfig_path};
use crate::start::server::Server;
use crate::traffic::{self, TrafficError};

/// The default server.
const DEFAULT_SERVER: &str = "https://127.0.0.1:6443";

/// Why a command failed, in one line.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The server could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Certificates could not be read or made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The system denied something that every program needs.
    #[error("cannot {what}: {source}")]
    System {
        /// What failed.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A data directory does not name a server.
    #[error("--data-dir: {0}")]
    Kubeconfig(#[from] KubeconfigError),
    /// A command line under another name is invalid.
    #[error("{0}")]
    Usage(String),
    /// A request could not be explained.
    #[error(transparent)]
    Why(#[from] WhyError),
    /// Traffic could not be evaluated.
    #[error(transparent)]
    Traffic(#[from] TrafficError),
    /// Network policies could not be enforced.
    #[error(transparent)]
    Enforce(#[from] EnforceError),
    /// Tokens could not be made, listed or deleted.
    #[error(transparent)]
    Token(#[from] token::TokenError),
    /// The server is not ready, or cannot be reached.
    #[error("{server} is not ready: {why}")]
    NotReady {
        /// Its address.
        server: String,
        /// The reason.
        why: String,
    },
}

fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> CommandError {
    move |source| CommandError::System { what, source }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`CommandError`], before anything is served.
pub fn serve(options: &Serve) -> Result<(), CommandError> {
    threads()?.block_on(until_stopped(options))
}

/// Runs a command line of kube-apiserver, without its first word.
///
/// # Errors
/// As [`serve`], and an invalid flag.
pub fn kube_apiserver(arguments: Vec<String>) -> Result<(), CommandError> {
    use names::kube_apiserver::Invocation;
    let controllers = std::env::var("PORTCULLIS_CONTROLLERS").ok();
    let (mut options, unused) = match names::kube_apiserver::read(arguments, controllers) {
        Ok(Invocation::Serve { options, unused }) => (options, unused),
        Ok(Invocation::Help(text) | Invocation::Version(text)) => {
            print(&text);
            return Ok(());
        }
        Err(why) => return Err(CommandError::Usage(why)),
    };
    logging::init(logging::at(options.verbosity), options.log_format);
    if options.verbosity > 0 {
        for sentence in unused {
            tracing::info!("{sentence}");
        }
    }
    threads()?.block_on(async {
        names::etcd::settle(&mut options).await;
        until_stopped(&options).await
    })
}

/// Runs a command line of etcd, without its first word.
///
/// # Errors
/// An invalid flag, an address that cannot be bound.
pub fn etcd(arguments: Vec<String>) -> Result<(), CommandError> {
    use names::etcd::Invocation;
    let stand_in = match names::etcd::read(arguments).map_err(CommandError::Usage)? {
        Invocation::Serve(stand_in) => stand_in,
        Invocation::Text(text) => {
            print(&text);
            return Ok(());
        }
    };
    one_thread()?.block_on(async {
        let stop = stop_signal()?;
        tokio::select! {
            Err(why) = serving::stand_in::serve(&stand_in.listen, &stand_in.about) => Err(CommandError::Usage(why)),
            () = stop => Ok(()),
        }
    })
}

fn threads() -> Result<Runtime, CommandError> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    threads
        .enable_all()
        .build()
        .map_err(system("start threads"))
}

fn one_thread() -> Result<Runtime, CommandError> {
    let mut thread = tokio::runtime::Builder::new_current_thread();
    thread.enable_all().build().map_err(system("start"))
}

async fn until_stopped(options: &Serve) -> Result<(), CommandError> {
    let mut stop = pin!(stop_signal()?);
    // A start may take a while if it waits for etcd.
    let server = tokio::select! {
        server = Server::start(options) => server?,
        () = &mut stop => return Ok(()),
    };
    announce(server.local(), options);
    stop.await;
    tracing::info!("stopping: no new connections, watches end, requests finish");
    server.stop().await;
    Ok(())
}

/// Resolves at the first SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>, CommandError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(system("handle SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("handle SIGINT"))?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The one line on standard output.
fn announce(local: std::net::SocketAddr, options: &Serve) {
    let etcd = &options.etcd.etcd_servers;
    let store = if etcd.is_empty() {
        let dir = options.embedded.dir.as_deref();
        format!("store {}", dir.unwrap_or(&options.data_dir).display())
    } else {
        format!("etcd {}", etcd.join(","))
    };
    let kubeconfig = kubeconfig_path(options);
    let mut out = std::io::stdout().lock();
    let line = format!(
        "portcullis ready on https://{local} ({store}, kubeconfig {})",
        kubeconfig.display()
    );
    // A failed write is ignored: the reader may have closed the pipe.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Prints; a failed write is ignored.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints the version.
///
/// # Errors
/// None.
pub fn version() -> Result<(), CommandError> {
    print(&format!("{}\n", server_version(Release::default())));
    Ok(())
}

/// Writes a kubeconfig for a user.
///
/// # Errors
/// [`PkiError`], which names the file.
pub fn kubeconfig(args: &KubeconfigArgs) -> Result<(), CommandError> {
    let dir = pki_dir(&args.data_dir);
    if !dir.join("ca.key").exists() {
        let path = dir.join("ca.key");
        return Err(PkiError::Malformed {
            path,
            why: "missing; start the server once to create it".into(),
        }
        .into());
    }
    let authority = Authority::in_dir(&dir)?;
    let identity = authority.client(&args.user, args.group.as_deref())?;
    let known = || server_of(&args.data_dir).map(|server| server.url).ok();
    let server = args.server.clone().or_else(known);
    let config = Kubeconfig {
        server: server.as_deref().unwrap_or(DEFAULT_SERVER),
        authority: authority.certificate(),
        user: &args.user,
        identity: &identity,
    };
    match &args.output {
        Some(path) => {
            pki::write(path, config.to_yaml().as_bytes(), 0o600)?;
            pki::give_to_owner_of_directory(path)?;
        }
        None => print(&config.to_yaml()),
    }
    Ok(())
}

/// Explains why a request is answered as it is, or whether pods may connect to each other.
///
/// # Errors
/// [`WhyError`], [`TrafficError`].
pub fn why(args: &WhyArgs) -> Result<(), CommandError> {
    let runtime = one_thread()?;
    let text = match &args.traffic {
        None => runtime.block_on(cli::explanation(args))?,
        Some(Traffic::Connect(args)) => runtime.block_on(traffic::connect(args))?,
        Some(Traffic::Reach(args)) => runtime.block_on(traffic::reach(args))?,
    };
    print(&text);
    Ok(())
}

/// Enforces network policies on a node, until SIGTERM or SIGINT; its table stays in force.
///
/// # Errors
/// [`EnforceError`].
pub fn netpol(args: &NetpolArgs) -> Result<(), CommandError> {
    if args.cleanup {
        return Ok(enforce::cleanup()?);
    }
    one_thread()?.block_on(async {
        let stop = stop_signal()?;
        Ok(enforce::run(args, stop).await?)
    })
}

/// Makes, lists or deletes the tokens with which nodes join.
///
/// # Errors
/// [`token::TokenError`].
pub fn token(args: &TokenArgs) -> Result<(), CommandError> {
    print(&one_thread()?.block_on(token::run(args))?);
    Ok(())
}

/// Asks a server whether it is ready.
///
/// # Errors
/// [`CommandError::NotReady`], or a data directory that does not name a server.
pub fn healthcheck(args: &HealthcheckArgs) -> Result<(), CommandError> {
    let runtime = one_thread()?;
    let known = args.data_dir.as_deref().map(server_of).transpose()?;
    let (url, authorities) = known.map_or((None, None), |s| (Some(s.url), Some(s.authority)));
    let url = args.server.clone().or(url);
    let url = url.unwrap_or_else(|| DEFAULT_SERVER.to_owned());
    let not_ready = |why: String| CommandError::NotReady {
        server: without_credentials(&url),
        why,
    };
    match runtime.block_on(healthcheck::readyz(&url, authorities.as_deref())) {
        Ok(200) => Ok(()),
        Ok(code) => Err(not_ready(format!("/readyz returned {code}"))),
        Err(why) => Err(not_ready(why.to_string())),
    }
}

/// The server that last started with a data directory.
fn server_of(data_dir: &Path) -> Result<read::Server, KubeconfigError> {
    let config = read::Kubeconfig::load(Some(&in_data_dir(data_dir)))?;
    config.server(config.context(None)?)
}
