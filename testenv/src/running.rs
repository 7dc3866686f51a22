//! A server on threads of its own.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use portcullis::config::Serve;
use portcullis::start::server::Server;
use tokio::sync::oneshot;

use crate::error::Error;

/// How long requests may take to end once the environment is stopped. What has not ended by then ends with its thread.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server that runs, with its runtime, on a thread of its own: wherever this is dropped, no task, thread or
/// socket of it is left afterwards.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    thread: Thread,
}

/// The thread. Dropping this ends it at once, and waits for that.
#[derive(Debug)]
struct Thread {
    /// Asks for an orderly end; its being dropped asks for a quick one.
    stop: Option<oneshot::Sender<()>>,
    /// Resolves when the runtime is gone.
    gone: oneshot::Receiver<()>,
    handle: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a server.
    pub(crate) async fn start(options: Serve) -> Result<Self, Error> {
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let (going, gone) = oneshot::channel();
        let thread = std::thread::Builder::new().name("portcullis-env".to_owned());
        let handle = thread.spawn(move || {
            run(&options, ready, stopped);
            drop(going);
        });
        let thread = Thread {
            stop: Some(stop),
            gone,
            handle: Some(handle.map_err(Error::system("start a thread"))?),
        };
        let address = started.await;
        let ended = |_| Error::Failed("its thread ended".to_owned());
        Ok(Self {
            address: address.map_err(ended)??,
            thread,
        })
    }

    /// Lets requests finish, and ends the server.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.thread.stop.take() {
            // An error means that it has ended.
            let _ = stop.send(());
        }
        // an error: what would have sent something is gone
        let _ = (&mut self.thread.gone).await;
    }
}

/// Runs a server until it is to stop. Its runtime is not the current thread's alone: who asks a webhook holds up a
/// thread.
fn run(
    options: &Serve,
    ready: oneshot::Sender<Result<SocketAddr, Error>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("portcullis-env")
        .enable_all()
        .build();
    let runtime = match runtime.map_err(Error::system("start a thread")) {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error))),
    };
    runtime.block_on(async {
        let started = tokio::select! {
            started = Server::start(options) => started,
            _ = &mut stopped => return,
        };
        match started {
            Ok(server) => {
                let local = server.local();
                if ready.send(Ok(local)).is_ok() && stopped.await.is_ok() {
                    let _ = tokio::time::timeout(PATIENCE, server.stop()).await;
                }
            }
            Err(error) => drop(ready.send(Err(error.into()))),
        }
    });
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop = None;
        let ended = self.handle.take().map(JoinHandle::join);
        if matches!(ended, Some(Err(_))) {
            eprintln!("the thread of a test environment panicked");
        }
    }
}
