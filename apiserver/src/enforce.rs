//! `portcullis netpol`: keeps the packet filter of a node in line with network policies.
//!
//! Pods, namespaces and policies are followed by lists and watches, as by any client;
//! `portcullis_netpol::nft` computes the node's table, and `nft` loads it: all of it at first, and then what
//! has changed. While the server is unavailable, and when this program ends, the table stays in force.

mod followed;
mod kernel;
mod source;
mod watch;

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use portcullis_netpol::nft::{self, Compiler};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::followed::{Followed, News};
use self::kernel::Kernel;
use self::source::Source;
use crate::config::netpol::NetpolArgs;
use crate::kubeconfig::client::ClientError;

/// How many events may wait to be processed.
const WAITING: usize = 1024;
/// After how long the whole table is loaded again, in case another program flushed it.
const AGAIN: Duration = Duration::from_secs(60);
/// After how long a table that the kernel rejected is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Why policies are not enforced, in one line.
#[derive(Debug, Error)]
pub enum EnforceError {
    /// The server cannot be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// `nft` fails.
    #[error("nft: {0}")]
    Nft(String),
}

/// Removes the table of any node.
///
/// # Errors
/// [`EnforceError::Nft`].
pub fn cleanup() -> Result<(), EnforceError> {
    kernel::run_script(&nft::removal())
}

/// Enforces the policies of a node until `stop`.
///
/// # Errors
/// [`EnforceError`], before anything is enforced.
pub async fn run(args: &NetpolArgs, stop: impl Future<Output = ()>) -> Result<(), EnforceError> {
    let source = Source::of(args)?;
    // a missing `nft`, or missing permissions, are reported now
    kernel::run_script("")?;
    let (send, news) = mpsc::channel(WAITING);
    let follow = async {
        tokio::join!(
            watch::follow::<Namespace>(&source, "/api/v1/namespaces", &send, News::Namespace),
            watch::follow::<Pod>(&source, "/api/v1/pods", &send, News::Pod),
            watch::follow::<NetworkPolicy>(
                &source,
                "/apis/networking.k8s.io/v1/networkpolicies",
                &send,
                News::Policy
            ),
        );
    };
    tokio::select! {
        () = follow => {}
        () = enforce(args, news) => {}
        () = stop => {}
    }
    tracing::info!("stopping: the current table stays");
    Ok(())
}

/// Follows events, and updates the kernel's table.
async fn enforce(args: &NetpolArgs, mut news: mpsc::Receiver<News>) {
    let mut followed = Followed::new(Compiler::new(&args.node, &args.pod_cidr));
    let mut kernel = Kernel::default();
    let mut again = Instant::now() + AGAIN;
    loop {
        tokio::select! {
            one = news.recv() => match one {
                Some(one) => followed.apply(one),
                None => return,
            },
            () = sleep_until(again) => kernel.forget(),
        }
        while let Ok(one) = news.try_recv() {
            followed.apply(one);
        }
        // the table in force is better than one made of a part of the objects
        if !followed.is_complete() {
            continue;
        }
        let outcome = kernel.bring_to(&mut followed.compiler).await;
        let now = Instant::now();
        match outcome {
            Ok(true) => again = now + AGAIN,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "the table is not in force");
                again = now + RETRY;
            }
        }
    }
}
