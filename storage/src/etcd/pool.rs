//! One connection to every member, of which one is used until it fails.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{
    Certificate, Client, ConnectOptions, Identity, KvClient, TlsOptions, WatchClient,
};

use super::EtcdOptions;
use super::error::Failure;

/// The largest answer taken at once. Lists ask for less when one is larger.
const LARGEST_ANSWER: usize = 64 << 20;
/// How many times the time of a small answer a large one may take.
const LARGE_ANSWERS_PATIENCE: u32 = 10;
/// A connection on which nothing comes is asked for a sign of life (etcd allows one every 5 s), and
/// given up where there is none.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3));

/// The members' connections.
pub(super) struct Pool {
    members: Vec<Member>,
    /// The one that is used.
    current: AtomicUsize,
    timeout: Duration,
    silence: Duration,
}

struct Member {
    kv: KvClient,
    watch: WatchClient,
}

impl Pool {
    /// Prepares the connections, which are made when they are first used.
    pub(super) async fn connect(options: &EtcdOptions) -> Result<Self, etcd_client::Error> {
        let mut members = Vec::new();
        for endpoint in &options.endpoints {
            let client = Client::connect([endpoint], Some(connect_options(options))).await?;
            members.push(Member {
                kv: client.kv_client().max_decoding_message_size(LARGEST_ANSWER),
                watch: client
                    .watch_client()
                    .max_decoding_message_size(LARGEST_ANSWER),
            });
        }
        if members.is_empty() {
            return Err(etcd_client::Error::InvalidArgs("no endpoints".into()));
        }
        Ok(Self {
            members,
            current: AtomicUsize::new(0),
            timeout: options.timeout,
            silence: options.silence,
        })
    }

    /// Does what can be done twice, on another member if need be.
    pub(super) async fn read<T, F>(&self, call: impl Fn(KvClient) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        self.read_within(self.timeout, call).await
    }

    /// Like [`Pool::read`], for answers that may be large.
    pub(super) async fn read_much<T, F>(&self, call: impl Fn(KvClient) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        self.read_within(self.timeout * LARGE_ANSWERS_PATIENCE, call)
            .await
    }

    async fn read_within<T, F>(
        &self,
        time: Duration,
        call: impl Fn(KvClient) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let attempts = self.attempts();
        // A member that hangs must leave time for the next one.
        let time = time / attempts;
        for _ in 1..attempts {
            match self.attempt(time, &call).await {
                Err(failure) if failure.is_outage() => {}
                other => return other,
            }
        }
        self.attempt(time, &call).await
    }

    /// Does what must not happen twice: goes on only where nobody took the call.
    pub(super) async fn write<T, F>(&self, call: impl Fn(KvClient) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        for _ in 1..self.members.len() {
            match self.attempt(self.timeout, &call).await {
                Err(Failure::Unsent(_)) => {}
                other => return other,
            }
        }
        self.attempt(self.timeout, &call).await
    }

    async fn attempt<T, F>(
        &self,
        time: Duration,
        call: impl Fn(KvClient) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let (index, member) = self.current();
        let failure = match tokio::time::timeout(time, call(member.kv.clone())).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Failure::from(error),
            Err(_) => Failure::Unknown("no answer in time".into()),
        };
        if failure.is_outage() {
            self.leave(index);
        }
        Err(failure)
    }

    /// The member in use, for a watch.
    pub(super) fn watcher(&self) -> (usize, WatchClient) {
        let (index, member) = self.current();
        (index, member.watch.clone())
    }

    /// How often a read is tried. Also a single member gets a second chance: the first may only find
    /// the connection dead.
    fn attempts(&self) -> u32 {
        if self.members.len() < 3 { 2 } else { 3 }
    }

    /// How long a member may take to begin a watch: one that hangs leaves time for the next.
    pub(super) fn time_of_one(&self) -> Duration {
        match self.members.len() {
            1 => self.timeout,
            _ => self.timeout / self.attempts(),
        }
    }

    /// After how long without a word a watch checks its member. Not where there is no other to go to:
    /// whether the only one is there is for the connection's own keep-alive to find out.
    pub(super) fn silence(&self) -> Option<Duration> {
        (self.members.len() > 1).then_some(self.silence)
    }

    fn current(&self) -> (usize, &Member) {
        let index = self.current.load(Ordering::Relaxed);
        (index, &self.members[index])
    }

    /// Goes over to the next member, unless somebody did already.
    pub(super) fn leave(&self, index: usize) {
        let next = (index + 1) % self.members.len();
        // A failed exchange is somebody else's success.
        let _ = self
            .current
            .compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

fn connect_options(options: &EtcdOptions) -> ConnectOptions {
    let (interval, timeout) = KEEP_ALIVE;
    let connect = ConnectOptions::new()
        .with_connect_timeout(options.timeout)
        .with_keep_alive(interval, timeout)
        .with_keep_alive_while_idle(true)
        // A member cut off from the others would keep a watch that hears nothing.
        .with_require_leader(true);
    let Some(certificates) = &options.tls else {
        return connect;
    };
    let mut tls = TlsOptions::new();
    if let Some(ca) = &certificates.ca {
        tls = tls.ca_certificate(Certificate::from_pem(ca));
    }
    if let Some((certificate, key)) = &certificates.identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    connect.with_tls(tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What nobody took may be tried elsewhere; everything depends on telling it apart.
    #[tokio::test]
    async fn a_refused_connection_is_known() {
        let pool = Pool::connect(&EtcdOptions::new(["http://127.0.0.1:1"]))
            .await
            .unwrap();
        let call = pool.write(|mut kv| async move { kv.put("key", "", None).await });
        let failure = call.await.unwrap_err();
        assert!(matches!(failure, Failure::Unsent(_)), "{failure:?}");
    }
}
