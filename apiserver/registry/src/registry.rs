//! The registry, through which all verbs read and write objects.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_admission::{Attributes, Operation};
use portcullis_api::{ErrorList, GroupKind, Object, ObjectType, Status};
use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::validation::privileged::validate_unprivileged;
use portcullis_storage::{Entry, ReadAt, Storage};

use crate::catalogues::CurrentCatalogue;
use crate::connection::ConnectOptions;
use crate::conversion::{Conversions, Failure};
use crate::errors;
use crate::guard::Guard;
use crate::owners::{self, Origin};
use crate::ranges::{Reservation, ServiceRanges};
use crate::scope::{Place, Scope};
use crate::work_queues::WorkQueues;

/// All objects: every verb of the API is a method.
pub struct Registry {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) prefix: String,
    pub(crate) admission: portcullis_admission::Chain,
    pub(crate) guard: Box<dyn Guard>,
    pub(crate) ranges: ServiceRanges,
    pub(crate) catalogues: Arc<CurrentCatalogue>,
    pub(crate) conversions: Conversions,
    pub(crate) allow_privileged: bool,
    work_queues: WorkQueues,
}

impl Registry {
    /// A registry over a store whose keys begin with `prefix`, such as `/registry`.
    pub fn new(
        storage: Arc<dyn Storage>,
        prefix: &str,
        admission: portcullis_admission::Chain,
        guard: Box<dyn Guard>,
        ranges: ServiceRanges,
        catalogues: Arc<CurrentCatalogue>,
    ) -> Self {
        Self {
            storage,
            prefix: prefix.trim_end_matches('/').to_owned(),
            admission,
            guard,
            ranges,
            catalogues,
            conversions: Conversions::default(),
            allow_privileged: true,
            work_queues: WorkQueues::new(),
        }
    }

    /// As this one, with conversion webhooks.
    #[must_use]
    pub fn converting(self, conversions: Conversions) -> Self {
        Self {
            conversions,
            ..self
        }
    }

    /// As this one, rejecting privileged containers unless they are allowed.
    #[must_use]
    pub fn allow_privileged(self, allow_privileged: bool) -> Self {
        Self {
            allow_privileged,
            ..self
        }
    }

    /// The errors in an object beyond those of its kind.
    pub(crate) fn forbidden(&self, object: &dyn Object) -> ErrorList {
        let mut errors = ErrorList::new();
        if !self.allow_privileged {
            validate_unprivileged(object, &mut errors);
        }
        errors
    }

    /// The store.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// The admission chain.
    pub const fn admission(&self) -> &portcullis_admission::Chain {
        &self.admission
    }

    /// What the queues of controllers count.
    pub const fn work_queues(&self) -> &WorkQueues {
        &self.work_queues
    }

    /// The ranges of the addresses and ports of services.
    pub const fn ranges(&self) -> &ServiceRanges {
        &self.ranges
    }

    /// The key of an object, in kube-apiserver's layout.
    pub fn key(&self, resource: &Resource, namespace: &str, name: &str) -> String {
        let mut key = self.collection_key(resource, namespace);
        key.push_str(name);
        key
    }

    /// The prefix of a collection's keys.
    pub fn collection_key(&self, resource: &Resource, namespace: &str) -> String {
        if namespace.is_empty() || !resource.namespaced {
            format!("{}/{}/", self.prefix, resource.storage)
        } else {
            format!("{}/{}/{namespace}/", self.prefix, resource.storage)
        }
    }

    /// The prefix of all keys, with the slash.
    pub fn root(&self) -> String {
        format!("{}/", self.prefix)
    }

    /// The catalogues of kinds.
    pub const fn catalogues(&self) -> &Arc<CurrentCatalogue> {
        &self.catalogues
    }

    /// The current catalogue.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogues.current()
    }

    /// The resource, namespace and name of a key; `None` if no served object has it.
    pub fn place<'a>(&self, key: &'a str) -> Option<Place<'a>> {
        let rest = key.strip_prefix(&*self.prefix)?.strip_prefix('/')?;
        let catalogue = self.catalogues.current();
        let (resource, path) = catalogue.find_key(rest)?;
        let (namespace, name) = match path.split_once('/') {
            Some(parts) if resource.namespaced => parts,
            None if !resource.namespaced => ("", path),
            _ => return None,
        };
        (!name.contains('/')).then(|| Place {
            resource: resource.clone(),
            namespace,
            name,
        })
    }

    /// The entry of an object.
    ///
    /// # Errors
    /// 404, errors of the store, and a 500 for an object that cannot be converted.
    pub async fn get(&self, scope: &Scope<'_>, at: ReadAt) -> Result<Arc<Entry>, Status> {
        let key = self.key(scope.resource, scope.namespace, scope.name);
        let found = self
            .storage
            .get(&key, at)
            .await
            .map_err(|e| errors::status(e, scope))?;
        let entry = found.entry.ok_or_else(|| scope.not_found())?;
        self.view(scope, &entry).await
    }

    /// An entry in the version of the scope.
    ///
    /// # Errors
    /// A 500, if it cannot be read or converted.
    pub async fn view(&self, scope: &Scope<'_>, entry: &Arc<Entry>) -> Result<Arc<Entry>, Status> {
        let view = self
            .conversions
            .view(scope.resource, scope.api_version, entry);
        Ok(view.await?)
    }

    /// The entry just written, in the version that the client asked for; of a built-in kind, the same entry.
    pub(crate) async fn written(
        &self,
        scope: &Scope<'_>,
        entry: Arc<Entry>,
    ) -> Result<Arc<Entry>, Failure> {
        let (resource, version) = (scope.resource, scope.api_version);
        self.conversions.written(resource, version, entry).await
    }

    /// The bytes to be stored for an object, in the version of the scope.
    pub(crate) async fn encode(
        &self,
        scope: &Scope<'_>,
        object: Box<dyn Object>,
    ) -> Result<Bytes, Failure> {
        let (resource, version) = (scope.resource, scope.api_version);
        self.conversions.encode(resource, version, object).await
    }

    /// The conversions of custom objects.
    pub const fn conversions(&self) -> &Conversions {
        &self.conversions
    }

    /// Runs admission for an action on an object that is not stored, with a body of type `body`.
    ///
    /// # Errors
    /// The errors of plugins.
    pub async fn admit_action(
        &self,
        scope: &Scope<'_>,
        kind: GroupKind<'_>,
        body: &'static ObjectType,
        object: Box<dyn Object>,
    ) -> Result<Box<dyn Object>, Status> {
        let scope = Scope {
            body: Some(body),
            ..*scope
        };
        let mut attributes = Attributes {
            kind,
            ..scope.attributes(Operation::Create, scope.name, Some(object), None)
        };
        self.admit_mutating(&scope, &mut attributes).await?;
        self.admit_validating(&scope, &attributes).await?;
        Scope::admitted(attributes)
    }

    /// Runs admission for a request that connects a client to a pod, a node or a service.
    ///
    /// # Errors
    /// The errors of plugins.
    pub async fn admit_connection(
        &self,
        scope: &Scope<'_>,
        options: ConnectOptions,
    ) -> Result<(), Status> {
        let subresource = scope.resource.subresource(scope.subresource);
        let kind = GroupKind {
            group: scope.resource.group,
            kind: subresource.map_or(scope.resource.kind, |s| s.kind),
        };
        let mut attributes = Attributes {
            kind,
            ..scope.attributes(
                Operation::Connect,
                scope.name,
                Some(Box::new(options)),
                None,
            )
        };
        self.admit_mutating(scope, &mut attributes).await?;
        self.admit_validating(scope, &attributes).await
    }

    /// Reserves the addresses and ports of a service before it is written.
    pub(crate) async fn reserve(
        &self,
        scope: &Scope<'_>,
        object: &mut dyn Object,
        old: Option<&dyn Object>,
    ) -> Result<Reservation, Status> {
        self.ranges.reserve(object, old, scope.dry_run).await
    }

    /// Runs the mutating plugins. Their warnings are kept even if one denies the request.
    pub(crate) async fn admit_mutating(
        &self,
        scope: &Scope<'_>,
        attributes: &mut Attributes<'_>,
    ) -> Result<(), Status> {
        if scope.is_admitted {
            return Ok(());
        }
        let outcome = self.admission.mutate(attributes).await;
        scope.warn(attributes.warnings.take());
        if let Some(object) = &mut attributes.object {
            owners::dedup(scope, object.metadata_mut(), Origin::Admission);
        }
        outcome.map_err(|denial| denial.status)
    }

    /// Runs the validating plugins. Their warnings are kept even if one denies the request.
    pub(crate) async fn admit_validating(
        &self,
        scope: &Scope<'_>,
        attributes: &Attributes<'_>,
    ) -> Result<(), Status> {
        if scope.is_admitted {
            return Ok(());
        }
        let outcome = self.admission.validate(attributes).await;
        scope.warn(attributes.warnings.take());
        outcome.map_err(|denial| denial.status)
    }
}
