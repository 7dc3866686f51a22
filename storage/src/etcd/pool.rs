//! Connections to all members, one of which is used until it fails.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{
    Certificate, Client, ConnectOptions, Identity, KvClient, TlsOptions, WatchClient,
};

use super::EtcdOptions;
use super::error::Failure;

/// The largest response accepted, in bytes. Lists are read in smaller pages when a page exceeds it.
const MAX_RESPONSE_BYTES: usize = 64 << 20;
/// How many times the usual timeout a large response may take.
const LARGE_RESPONSE_TIMEOUT_FACTOR: u32 = 10;
/// Interval and timeout of HTTP/2 keep-alive pings. etcd allows one ping every 5 s.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3));

pub(super) struct Pool {
    members: Vec<Member>,
    /// The index of the member in use.
    current: AtomicUsize,
    timeout: Duration,
    idle_timeout: Duration,
}

struct Member {
    kv: KvClient,
    watch: WatchClient,
}

impl Pool {
    /// Prepares connections, which are established on first use.
    pub(super) async fn connect(options: &EtcdOptions) -> Result<Self, etcd_client::Error> {
        let mut members = Vec::new();
        for endpoint in &options.endpoints {
            let client = Client::connect([endpoint], Some(connect_options(options))).await?;
            members.push(Member {
                kv: client
                    .kv_client()
                    .max_decoding_message_size(MAX_RESPONSE_BYTES),
                watch: client
                    .watch_client()
                    .max_decoding_message_size(MAX_RESPONSE_BYTES),
            });
        }
        if members.is_empty() {
            return Err(etcd_client::Error::InvalidArgs("no endpoints".into()));
        }
        Ok(Self {
            members,
            current: AtomicUsize::new(0),
            timeout: options.timeout,
            idle_timeout: options.idle_timeout,
        })
    }

    /// Makes an idempotent call, and retries it on another member if that may help.
    pub(super) async fn read<T, F>(&self, call: impl Fn(KvClient) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        self.read_with_timeout(self.timeout, call).await
    }

    /// Like [`Pool::read`], for responses that may be large.
    pub(super) async fn read_large<T, F>(&self, call: impl Fn(KvClient) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        self.read_with_timeout(self.timeout * LARGE_RESPONSE_TIMEOUT_FACTOR, call)
            .await
    }

    async fn read_with_timeout<T, F>(
        &self,
        timeout: Duration,
        call: impl Fn(KvClient) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let attempts = self.attempts();
        // Leaves time for the next member if one hangs.
        let timeout = timeout / attempts;
        for _ in 1..attempts {
            match self.attempt(timeout, &call).await {
                Err(failure) if failure.is_outage() => {}
                other => return other,
            }
        }
        self.attempt(timeout, &call).await
    }

    /// Makes a call that is not idempotent: it is retried only if it was not sent.
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
        timeout: Duration,
        call: impl Fn(KvClient) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let (index, member) = self.current();
        let failure = match tokio::time::timeout(timeout, call(member.kv.clone())).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(error)) => Failure::from(error),
            Err(_) => Failure::Unknown("timed out".into()),
        };
        if failure.is_outage() {
            self.switch_from(index);
        }
        Err(failure)
    }

    /// The member in use and its watch client.
    pub(super) fn watcher(&self) -> (usize, WatchClient) {
        let (index, member) = self.current();
        (index, member.watch.clone())
    }

    /// How many times a read is attempted. A single member gets a second attempt too: the first may
    /// only reveal that the connection is dead.
    fn attempts(&self) -> u32 {
        if self.members.len() < 3 { 2 } else { 3 }
    }

    /// How long a member may take to start a watch, which leaves time for the next one.
    pub(super) fn watch_timeout(&self) -> Duration {
        match self.members.len() {
            1 => self.timeout,
            _ => self.timeout / self.attempts(),
        }
    }

    /// The idle timeout of watches. `None` with a single member: there is no other to switch to,
    /// and keep-alive detects that it is gone.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        (self.members.len() > 1).then_some(self.idle_timeout)
    }

    fn current(&self) -> (usize, &Member) {
        let index = self.current.load(Ordering::Relaxed);
        (index, &self.members[index])
    }

    /// Switches from member `index` to the next one, unless another caller already has.
    pub(super) fn switch_from(&self, index: usize) {
        let next = (index + 1) % self.members.len();
        // The exchange fails if another caller has switched.
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
        // A partitioned member would keep the watch open without delivering anything.
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

    /// A write may be retried only if it was not sent, so that case must be recognized.
    #[tokio::test]
    async fn a_refused_connection_counts_as_unsent() {
        let pool = Pool::connect(&EtcdOptions::new(["http://127.0.0.1:1"]))
            .await
            .unwrap();
        let call = pool.write(|mut kv| async move { kv.put("key", "", None).await });
        let failure = call.await.unwrap_err();
        assert!(matches!(failure, Failure::Unsent(_)), "{failure:?}");
    }
}
