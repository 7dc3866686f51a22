//! A server that runs: what `portcullis serve` begins and ends, and tests as well.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, StartError};
use crate::commands::CommandError;
use crate::config::Serve;
use crate::own_service::Address;
use crate::serving::{self, tls::Acceptors};
use crate::startup;

/// A server that serves, until it is stopped.
pub struct Server {
    local: SocketAddr,
    app: Arc<App>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    /// Starts serving.
    ///
    /// # Errors
    /// [`CommandError`], before anything is served.
    pub async fn start(options: &Serve) -> Result<Self, CommandError> {
        let (address, port) = (options.bind_address, options.secure_port);
        let listen = |source| CommandError::Listen {
            address,
            port,
            source,
        };
        // Bound first, so that a busy port leaves nothing half-made.
        let listener = TcpListener::bind((address, port)).await.map_err(listen)?;
        let local = listener.local_addr().map_err(listen)?;
        let pki = startup::certificates(options, local)?;
        let app = App::start(options, &pki, &startup::reachable(local).to_string()).await?;
        app.announce(Address::new(options.services.advertise_address, local));
        startup::write_kubeconfig(options, &pki, local)?;
        let stop = CancellationToken::new();
        let acceptors = Acceptors::new(Arc::new(pki.serving.clone()), app.authorities())
            .map_err(|why| StartError::option("--tls-cert-file", why))?;
        let serving = serving::run(
            listener,
            acceptors,
            app.clone(),
            options.deadlines,
            stop.clone(),
        );
        let serving = tokio::spawn(serving);
        Ok(Self {
            local,
            app,
            stop,
            serving,
        })
    }

    /// Where it listens.
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Takes no new connections, ends watches, lets requests finish, closes the store.
    pub async fn stop(self) {
        self.app.begin_shutdown();
        self.stop.cancel();
        let _ = self.serving.await;
        self.app.finish_shutdown().await;
    }
}
