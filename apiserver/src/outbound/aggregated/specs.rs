//! The OpenAPI documents of other servers, read in the background: no client waits for a server that
//! does not answer.
//!
//! Upstream: `kube-aggregator/pkg/controllers/openapi` and `openapiv3`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use http::header::{ACCEPT, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use parking_lot::{Mutex, RwLock};
use portcullis_api::{GroupVersion, UserInfo};
use portcullis_openapi::openapi::{RemoteSpec, RemoteSpecs, RemoteV2, v3_document};
use serde_json::Value;
use tokio::sync::Notify;

use super::{AggregatedServers, origin};
use crate::outbound::headers;
use crate::outbound::https::Reply;

/// How long after a server was read it is read again (upstream: `successfulUpdateDelay`).
const AGAIN: Duration = Duration::from_secs(60);
/// How long a server may take for each document.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest document, in bytes: one of version 2 is about all that a server serves.
const DOCUMENT_MAX: usize = 16 * 1024 * 1024;
/// The most that is kept of all servers, in bytes.
const ALL_MAX: usize = 32 * 1024 * 1024;
/// How many servers are read at once.
const AT_ONCE: usize = 4;
/// Who asks for the documents.
const AGGREGATOR: &str = "system:aggregator";

/// What other servers say of their versions, as last read.
#[derive(Default)]
pub(super) struct Specs {
    current: RwLock<Arc<RemoteSpecs>>,
    /// Those that have answered, by the name of the API service.
    servers: Mutex<HashMap<String, Arc<APIService>>>,
    /// By the same.
    read: Mutex<HashMap<String, LastRead>>,
    /// A server may have something new to say.
    news: Notify,
}

/// When a server was read, and the tags of its documents.
#[derive(Clone)]
struct LastRead {
    at: Instant,
    v2_tag: Option<HeaderValue>,
    v3_url: String,
}

/// A version of a group, and its path below `/openapi/v3/`.
struct Version {
    group: String,
    version: String,
}

impl Version {
    fn of(service: &APIService) -> Self {
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let spec = service.spec.as_ref();
        Self {
            group: text(spec.and_then(|spec| spec.group.as_ref())),
            version: text(spec.and_then(|spec| spec.version.as_ref())),
        }
    }

    fn path(&self) -> String {
        format!("apis/{}/{}", self.group, self.version)
    }
}

impl Specs {
    pub(super) fn current(&self) -> Arc<RemoteSpecs> {
        self.current.read().clone()
    }

    /// A server has said what it serves; `is_news` if that is something else than before.
    pub(super) fn answered(&self, service: &APIService, is_news: bool) {
        let name = service.metadata.name.clone().unwrap_or_default();
        let mut servers = self.servers.lock();
        let known = servers.get(&name);
        if !is_news && known.is_some_and(|known| known.spec == service.spec) {
            return;
        }
        servers.insert(name.clone(), Arc::new(service.clone()));
        drop(servers);
        self.read.lock().remove(&name);
        self.news.notify_one();
    }

    /// An API service is gone, or names no server any more.
    pub(super) fn forget(&self, name: &str) {
        let Some(service) = self.servers.lock().remove(name) else {
            return;
        };
        self.read.lock().remove(name);
        let mut current = self.current.write();
        let mut all = RemoteSpecs::clone(&current);
        all.remove(&Version::of(&service).path());
        *current = Arc::new(all);
    }

    /// Keeps what a server says, unless its API service is gone by now. False if that is too much.
    fn learn(&self, path: String, change: impl FnOnce(&mut RemoteSpec)) -> bool {
        let servers = self.servers.lock();
        if !servers.values().any(|of| Version::of(of).path() == path) {
            return true;
        }
        let mut current = self.current.write();
        let mut all = RemoteSpecs::clone(&current);
        let mut spec = all.remove(&path).unwrap_or_default();
        change(&mut spec);
        let others: usize = all.values().map(RemoteSpec::size).sum();
        let fits = others.saturating_add(spec.size()) <= ALL_MAX;
        if fits {
            all.insert(path, spec);
            *current = Arc::new(all);
        }
        fits
    }
}

impl AggregatedServers {
    /// What other servers say of the versions that they serve; another one once any says something else.
    pub fn specs(&self) -> Arc<RemoteSpecs> {
        self.specs.current()
    }

    /// Reads what they say, for as long as the server runs.
    pub async fn read_specs(self: Arc<Self>) {
        loop {
            let servers: Vec<_> = self.specs.servers.lock().values().cloned().collect();
            let reads = servers.into_iter().map(|service| self.read(service));
            let reads: Vec<_> = reads.collect();
            futures_util::stream::iter(reads)
                .buffer_unordered(AT_ONCE)
                .for_each(std::future::ready)
                .await;
            let wait = tokio::time::timeout(AGAIN / 2, self.specs.news.notified());
            // either there is news, or it is time to look again
            let _ = wait.await;
        }
    }

    async fn read(&self, service: Arc<APIService>) {
        let service = &*service;
        let name = service.metadata.name.clone().unwrap_or_default();
        let before = self.specs.read.lock().get(&name).cloned();
        if before
            .as_ref()
            .is_some_and(|read| read.at.elapsed() < AGAIN)
        {
            return;
        }
        let mut now = before.unwrap_or_else(|| LastRead {
            at: Instant::now(),
            v2_tag: None,
            v3_url: String::new(),
        });
        now.at = Instant::now();
        // marked first, so that what is outdated while it is read is read again
        self.specs.read.lock().insert(name.clone(), now.clone());
        let version = Version::of(service);
        for (document, failed) in [
            ("v3", self.read_v3(service, &version, &mut now).await.err()),
            ("v2", self.read_v2(service, &version, &mut now).await.err()),
        ] {
            if let Some(error) = failed {
                tracing::debug!(
                    apiservice = name,
                    document,
                    error,
                    "an OpenAPI document of another server cannot be read"
                );
            }
        }
        if let Some(read) = self.specs.read.lock().get_mut(&name) {
            *read = now;
        }
    }

    async fn read_v3(
        &self,
        service: &APIService,
        version: &Version,
        now: &mut LastRead,
    ) -> Result<(), String> {
        let path = version.path();
        let Some(index) = self.fetch(service, "/openapi/v3", None).await? else {
            return Ok(());
        };
        let index: Value = serde_json::from_slice(&index.body).map_err(|e| e.to_string())?;
        let entry = index.get("paths").and_then(|paths| paths.get(&path));
        let url = entry.and_then(|entry| entry.get("serverRelativeURL"));
        let url = url.and_then(Value::as_str).unwrap_or_default();
        if !url.starts_with('/') {
            return Err(format!("its index has no {path}"));
        }
        // a URL with a hash is that of one document only
        if url == now.v3_url && url.contains("hash=") {
            return Ok(());
        }
        let Some(reply) = self.fetch(service, url, None).await? else {
            return Ok(());
        };
        let document = v3_document(&reply.body).ok_or("the document is no object")?;
        let tag = document.etag.clone();
        let same = |spec: &RemoteSpec| spec.v3.as_ref().is_some_and(|v3| v3.etag == tag);
        if !self.specs().get(&path).is_some_and(same)
            && !self.specs.learn(path, |spec| spec.v3 = Some(document))
        {
            return Err(too_much());
        }
        now.v3_url = url.to_owned();
        Ok(())
    }

    async fn read_v2(
        &self,
        service: &APIService,
        version: &Version,
        now: &mut LastRead,
    ) -> Result<(), String> {
        let tag = now.v2_tag.as_ref();
        let Some(reply) = self.fetch(service, "/openapi/v2", tag).await? else {
            return Ok(());
        };
        let group_version = GroupVersion {
            group: &version.group,
            version: &version.version,
        };
        let part = RemoteV2::of(&reply.body, group_version);
        let part = part.ok_or_else(|| format!("it is not about {}", version.path()))?;
        let same = |spec: &RemoteSpec| spec.v2.as_ref() == Some(&part);
        if !self.specs().get(&version.path()).is_some_and(same)
            && !self
                .specs
                .learn(version.path(), |spec| spec.v2 = Some(part))
        {
            return Err(too_much());
        }
        now.v2_tag = reply.headers.get(ETAG).cloned();
        Ok(())
    }

    /// A document of a server; `None` if it is the one with this tag.
    async fn fetch(
        &self,
        service: &APIService,
        path: &str,
        tag: Option<&HeaderValue>,
    ) -> Result<Option<Reply>, String> {
        let url = format!("{}{path}", origin(service));
        let client = self.clients(service).map_err(|error| error.to_string())?;
        let client = client.requests.with_timeout(TIMEOUT);
        let client = client.with_response_max(DOCUMENT_MAX);
        let mut asking = HeaderMap::new();
        asking.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(tag) = tag {
            asking.insert(IF_NONE_MATCH, tag.clone());
        }
        let user = UserInfo {
            name: AGGREGATOR.to_owned(),
            groups: vec![UserInfo::SYSTEM_MASTERS.to_owned()],
            ..UserInfo::default()
        };
        headers::prepare_forwarded_for(&mut asking, &user)?;
        let reply = client.send(Method::GET, &url, asking, "").await;
        let reply = reply.map_err(|error| error.to_string())?;
        match reply.code {
            200 => Ok(Some(reply)),
            304 => Ok(None),
            code => Err(format!("{path} is answered with {code}")),
        }
    }
}

fn too_much() -> String {
    format!("the documents of all servers have more than {ALL_MAX} bytes")
}
