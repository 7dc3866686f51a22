//! A cluster in memory, and requests to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::{LimitRange, Namespace, Node, Pod, ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::IngressClass;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_admission::lookup::{KindServed, Lookup, QuotaLedger, Stored};
use portcullis_admission::permissions::{Names, Permission, Permissions};
use portcullis_admission::plugins::known;
use portcullis_admission::podsecuritypolicy::PodSecurityPolicyIndex;
use portcullis_admission::quota::Meter;
use portcullis_admission::{
    Attributes, AuditAnnotations, Chain, Denial, Lookups, Operation, Reinvocation, RequestOptions,
    Selection, Warnings,
};
use portcullis_api::{GroupKind, GroupResource, Object, Status, UserInfo};
use serde_json::Value;

/// Objects of one kind, by namespace and name: those in the cache, and those in the store that it
/// lacks.
pub struct Table<K> {
    cached: BTreeMap<(String, String), Arc<K>>,
    stored: Mutex<BTreeMap<(String, String), Arc<K>>>,
}

/// The objects of a cluster and the permissions of its users.
#[derive(Default)]
pub struct World {
    pub namespaces: Table<Namespace>,
    pub pods: Table<Pod>,
    pub nodes: Table<Node>,
    pub service_accounts: Table<ServiceAccount>,
    pub priority_classes: Table<PriorityClass>,
    pub runtime_classes: Table<RuntimeClass>,
    pub limit_ranges: Table<LimitRange>,
    pub quotas: Arc<Quotas>,
    pub storage_classes: Table<StorageClass>,
    pub ingress_classes: Table<IngressClass>,
    pub policies: Arc<PodSecurityPolicyIndex>,
    grants: BTreeSet<Grant>,
}

/// A request, which tests may change before they send it.
pub struct Request {
    pub operation: Operation,
    pub kind: GroupKind<'static>,
    pub resource: GroupResource<'static>,
    pub subresource: &'static str,
    pub namespace: String,
    pub name: String,
    pub user: UserInfo,
    pub object: Option<Box<dyn Object>>,
    pub old: Option<Box<dyn Object>>,
}

/// User, verb, group, resource, subresource, namespace and name.
type Grant = [String; 7];

struct Grants(Arc<BTreeSet<Grant>>);

// === impl Table ===

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self {
            cached: BTreeMap::new(),
            stored: Mutex::default(),
        }
    }
}

fn key(metadata: &ObjectMeta) -> (String, String) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    (text(&metadata.namespace), text(&metadata.name))
}

impl<K: Metadata<Ty = ObjectMeta>> Table<K> {
    pub fn add(&mut self, object: K) {
        self.cached.insert(key(object.metadata()), Arc::new(object));
    }

    pub fn add_to_store(&mut self, object: K) {
        let mut stored = self.stored.lock().unwrap();
        stored.insert(key(object.metadata()), Arc::new(object));
    }
}

#[async_trait]
impl<K: Send + Sync + 'static> Lookup<K> for Table<K> {
    fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.cached
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    fn list(&self, namespace: &str) -> Vec<Arc<K>> {
        let of_namespace = self.cached.iter().filter(|((n, _), _)| n == namespace);
        of_namespace.map(|(_, object)| object.clone()).collect()
    }

    async fn get_live(&self, namespace: &str, name: &str) -> Result<Option<Arc<K>>, Status> {
        let stored = self.stored.lock().unwrap();
        let stored = stored
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned();
        Ok(stored.or_else(|| Lookup::get(self, namespace, name)))
    }
}

#[async_trait]
impl<K: Send + Sync + 'static> Stored<K> for Table<K> {
    async fn list(&self, namespace: &str) -> Result<Vec<Arc<K>>, Status> {
        Ok(Lookup::list(self, namespace))
    }

    async fn get(&self, namespace: &str, name: &str) -> Result<Option<Arc<K>>, Status> {
        Ok(Lookup::get(self, namespace, name))
    }
}

// === impl Quotas ===

/// A store of quotas with compare-and-swap, and a cache that is stale by one charge; each entry is
/// (stored, cached).
#[derive(Default)]
pub struct Quotas(Mutex<BTreeMap<String, [ResourceQuota; 2]>>);

impl Quotas {
    pub fn add(&self, yaml: &str) {
        let mut quota: ResourceQuota = from_yaml(yaml);
        quota.metadata.resource_version = Some("1".to_owned());
        let name = quota.metadata.name.clone().unwrap();
        self.0.lock().unwrap().insert(name, [quota.clone(), quota]);
    }

    /// The usage of a resource, from the quota's status.
    pub fn used(&self, name: &str, resource: &str) -> String {
        let quotas = self.0.lock().unwrap();
        let used = quotas[name][0].status.as_ref().unwrap().used.as_ref();
        used.unwrap()[resource].0.clone()
    }
}

#[async_trait]
impl Lookup<ResourceQuota> for Quotas {
    fn get(&self, _: &str, name: &str) -> Option<Arc<ResourceQuota>> {
        self.0
            .lock()
            .unwrap()
            .get(name)
            .map(|[_, cached]| Arc::new(cached.clone()))
    }

    fn list(&self, namespace: &str) -> Vec<Arc<ResourceQuota>> {
        let quotas = self.0.lock().unwrap();
        let cached = quotas.values().map(|[_, cached]| Arc::new(cached.clone()));
        cached.filter(|_| namespace == "default").collect()
    }

    async fn get_live(&self, _: &str, name: &str) -> Result<Option<Arc<ResourceQuota>>, Status> {
        let quotas = self.0.lock().unwrap();
        Ok(quotas.get(name).map(|[stored, _]| Arc::new(stored.clone())))
    }
}

#[async_trait]
impl QuotaLedger for Quotas {
    async fn charge(&self, mut quota: ResourceQuota) -> Result<bool, Status> {
        let mut quotas = self.0.lock().unwrap();
        let [stored, cached] = quotas
            .get_mut(quota.metadata.name.as_ref().unwrap())
            .unwrap();
        if stored.metadata.resource_version != quota.metadata.resource_version {
            return Ok(false);
        }
        let version: u64 = stored
            .metadata
            .resource_version
            .as_ref()
            .unwrap()
            .parse()
            .unwrap();
        quota.metadata.resource_version = Some((version + 1).to_string());
        *cached = std::mem::replace(stored, quota);
        Ok(true)
    }

    /// As if the namespace had two pods.
    async fn measure(&self, quota: &ResourceQuota) -> Result<Option<Arc<ResourceQuota>>, Status> {
        let mut meter = Meter::new(quota);
        if meter.counts(PODS) {
            meter.add(PODS, &pod("a", "{}"));
            meter.add(PODS, &pod("b", "{}"));
        }
        let status = Some(meter.status());
        let name = quota.metadata.name.clone().unwrap();
        let quota = ResourceQuota {
            status,
            ..quota.clone()
        };
        self.charge(quota).await?;
        self.get_live("", &name).await
    }
}

// === impl World ===

impl World {
    /// With an active namespace `default` and its default service account.
    pub fn new() -> Self {
        let mut world = Self::default();
        world.namespaces.add(from_yaml(
            "metadata: {name: default}\nstatus: {phase: Active}",
        ));
        let account = "metadata: {namespace: default, name: default}";
        world.service_accounts.add(from_yaml(account));
        world
    }

    /// Grants a user `use` of a policy in a namespace.
    pub fn grant(&mut self, user: &str, group: &'static str, policy: &str, namespace: &str) {
        let resource = GroupResource {
            group,
            resource: "podsecuritypolicies",
        };
        let permission = Permission {
            verb: "use",
            resource,
            subresource: "",
            namespace,
            name: policy,
        };
        self.permit(user, &permission);
    }

    /// Grants a user a permission.
    pub fn permit(&mut self, user: &str, permission: &Permission<'_>) {
        self.grants.insert(grant(user, permission));
    }

    /// A chain of exactly these plugins.
    pub fn chain(self, plugins: &[&str]) -> Chain {
        let others: Vec<_> = known()
            .into_iter()
            .filter(|n| !plugins.contains(n))
            .collect();
        let selection = Selection::from_flags(plugins, &others).unwrap();
        let permissions = Arc::new(Grants(Arc::new(self.grants)));
        selection.build(&Lookups {
            namespaces: Arc::new(self.namespaces),
            pods: Arc::new(self.pods),
            nodes: Arc::new(self.nodes),
            service_accounts: Arc::new(self.service_accounts),
            priority_classes: Arc::new(self.priority_classes),
            runtime_classes: Arc::new(self.runtime_classes),
            limit_ranges: Arc::new(self.limit_ranges),
            resource_quotas: self.quotas.clone(),
            quota_ledger: self.quotas,
            storage_classes: Arc::new(self.storage_classes),
            ingress_classes: Arc::new(self.ingress_classes),
            pod_security_policies: self.policies,
            resource_of: Arc::new(|api_version: &str, kind: &str| {
                let (group, resource, is_namespaced) = match (api_version, kind) {
                    ("apps/v1", "Deployment") => ("apps", "deployments", true),
                    ("v1", "Node") => ("", "nodes", false),
                    _ => return None,
                };
                let resource = GroupResource { group, resource };
                Some(KindServed {
                    resource,
                    is_namespaced,
                })
            }),
            ..Lookups::nothing(permissions, |prefix| format!("{prefix}x7k2p"))
        })
    }
}

impl Permissions for Grants {
    fn allow(&self, user: &UserInfo, permission: &Permission<'_>) -> Option<String> {
        let granted = self.0.contains(&grant(&user.name, permission));
        granted.then(|| "granted".to_owned())
    }

    fn allow_path(&self, _: &UserInfo, _: &str, _: &str) -> Option<String> {
        None
    }

    fn names(&self, user: &UserInfo, permission: &Permission<'_>) -> Names {
        let (grants, query) = (self.0.clone(), grant(&user.name, permission));
        Box::new(move |name| {
            let mut alike = grants.iter().filter(|g| g[..6] == query[..6]);
            alike.any(|grant| grant[6] == name)
        })
    }
}

fn grant(user: &str, permission: &Permission<'_>) -> Grant {
    let GroupResource { group, resource } = permission.resource;
    let (sub, namespace) = (permission.subresource, permission.namespace);
    [
        user,
        permission.verb,
        group,
        resource,
        sub,
        namespace,
        permission.name,
    ]
    .map(str::to_owned)
}

// === impl Request ===

const POD: GroupKind<'static> = GroupKind {
    group: "",
    kind: "Pod",
};
pub const PODS: GroupResource<'static> = GroupResource {
    group: "",
    resource: "pods",
};

impl Request {
    /// Alice creates an object in the namespace `default`.
    pub fn create(
        kind: GroupKind<'static>,
        resource: GroupResource<'static>,
        object: impl Object,
    ) -> Self {
        Self {
            operation: Operation::Create,
            kind,
            resource,
            subresource: "",
            namespace: "default".to_owned(),
            name: object.metadata().name.clone().unwrap_or_default(),
            user: user("alice"),
            object: Some(Box::new(object)),
            old: None,
        }
    }

    /// Alice creates a pod.
    pub fn create_pod(pod: Pod) -> Self {
        Self::create(POD, PODS, pod)
    }

    /// Alice updates a pod.
    pub fn update_pod(old: Pod, new: Pod) -> Self {
        Self {
            operation: Operation::Update,
            old: Some(Box::new(old)),
            ..Self::create_pod(new)
        }
    }

    pub fn by(mut self, name: &str) -> Self {
        self.user = user(name);
        self
    }

    pub fn in_namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    fn attributes(&mut self) -> Attributes<'_> {
        Attributes {
            operation: self.operation,
            kind: self.kind,
            resource: self.resource,
            subresource: self.subresource,
            namespace: &self.namespace,
            name: &self.name,
            user: &self.user,
            dry_run: false,
            in_collection: false,
            options: RequestOptions::default(),
            versions: None,
            reinvocation: Reinvocation::default(),
            object: self.object.take(),
            old_object: self.old.as_deref(),
            audit_annotations: AuditAnnotations::default(),
            warnings: Warnings::default(),
            trace: None,
        }
    }

    /// Runs both phases of the chain.
    pub async fn send(mut self, chain: &Chain) -> Result<Admitted, Denial> {
        let mut attributes = self.attributes();
        chain.mutate(&mut attributes).await?;
        chain.validate(&attributes).await?;
        Ok(Admitted {
            object: attributes.object,
            audit: attributes.audit_annotations.to_map(),
            warnings: attributes.warnings.into_list(),
        })
    }

    /// The message and code of the denial.
    pub async fn denied(self, chain: &Chain) -> (String, u16) {
        match self.send(chain).await {
            Ok(admitted) => panic!("allowed: {:?}", admitted.object),
            Err(denial) => (denial.status.message, denial.status.code),
        }
    }

    /// The message and code of the denial by the validating phase alone.
    pub async fn denied_at_last(mut self, chain: &Chain) -> (String, u16) {
        match chain.validate(&self.attributes()).await {
            Ok(()) => panic!("allowed"),
            Err(denial) => (denial.status.message, denial.status.code),
        }
    }

    /// The pod that was allowed.
    pub async fn pod(self, chain: &Chain) -> Pod {
        match self.send(chain).await {
            Ok(admitted) => admitted.object::<Pod>(),
            Err(denial) => panic!("denied: {}", denial.status.message),
        }
    }
}

/// The result of a request that was allowed.
#[derive(Debug)]
pub struct Admitted {
    pub object: Option<Box<dyn Object>>,
    pub audit: BTreeMap<String, String>,
    pub warnings: Vec<String>,
}

impl Admitted {
    pub fn object<K: Clone + 'static>(&self) -> K {
        self.object
            .as_deref()
            .and_then(<dyn Object>::as_kind::<K>)
            .unwrap()
            .clone()
    }
}

pub fn user(name: &str) -> UserInfo {
    UserInfo {
        name: name.to_owned(),
        groups: vec![UserInfo::AUTHENTICATED.to_owned()],
        ..UserInfo::default()
    }
}

/// Decodes an object; `kind` and `apiVersion` are optional.
pub fn from_yaml<K: serde::de::DeserializeOwned>(yaml: &str) -> K {
    from_value(serde_saphyr::from_str(yaml).unwrap())
}

pub fn from_value<K: serde::de::DeserializeOwned>(mut value: Value) -> K {
    if let Some(object) = value.as_object_mut() {
        object.remove("kind");
        object.remove("apiVersion");
    }
    portcullis_api::decode::decode(&value).unwrap().value
}

/// A pod of one container `main`, with further fields of its spec.
pub fn pod(name: &str, spec: &str) -> Pod {
    let mut pod: Pod = from_yaml(&format!("metadata: {{name: {name}}}\nspec: {spec}"));
    let spec = pod.spec.get_or_insert_default();
    if spec.containers.is_empty() {
        spec.containers = from_yaml("[{name: main, image: alpine}]");
    }
    pod
}
