//! A running server, started and stopped by `portcullis serve` and by tests.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::assemble::assemble;
use super::background::Background;
use super::error::StartError;
use super::{certificates, host, kubeconfig};
use crate::config::Serve;
use crate::layers;
use crate::serving::{self, tls::Acceptors};
use portcullis_controllers::own_service::Address;

/// A server that serves until it is stopped.
pub struct Server {
    local: SocketAddr,
    background: Background,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    /// Starts serving.
    ///
    /// # Errors
    /// [`StartError`], before anything is served.
    pub async fn start(options: &Serve) -> Result<Self, StartError> {
        let (address, port) = (options.bind_address, options.secure_port);
        let listen = |source| StartError::Listen {
            address,
            port,
            source,
        };
        // Bound first, so that a busy port leaves nothing half done.
        let listener = TcpListener::bind((address, port)).await.map_err(listen)?;
        let local = listener.local_addr().map_err(listen)?;
        let certificates = certificates::certificates(options, local)?;
        let reachable = host::reachable(local).to_string();
        let parts = assemble(options, &certificates, &reachable).await?;
        let announced = Address::new(options.services.advertise_address, local);
        parts.background.announce(announced);
        kubeconfig::write_kubeconfig(options, &certificates, local)?;
        let stop = CancellationToken::new();
        let serving_certificate = Arc::new(certificates.serving.clone());
        let acceptors = Acceptors::new(serving_certificate, parts.authorities)
            .map_err(|why| StartError::option("--tls-cert-file", why))?;
        let handshake_errors = parts.gate.metrics.handshake_errors().clone();
        let serving = serving::run(
            listener,
            acceptors,
            handshake_errors,
            layers::stack(parts.gate, parts.router),
            options.deadlines,
            stop.clone(),
        );
        Ok(Self {
            local,
            background: parts.background,
            stop,
            serving: tokio::spawn(serving),
        })
    }

    /// The address it listens on.
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Accepts no new connections, ends watches, lets requests finish, closes the store.
    pub async fn stop(self) {
        self.background.begin_shutdown();
        self.stop.cancel();
        let _ = self.serving.await;
        self.background.finish_shutdown().await;
    }
}
