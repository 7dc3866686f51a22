//! Objects of every kind, by the same steps: the kind table, the strategies behind it, and the
//! verbs above the store.
//!
//! The order of a write is fixed here, as upstream's `pkg/registry/rest` fixes it: mutating
//! admission, prepare, validate, validating admission, store.

pub mod codec;
pub mod collection;
pub mod create;
pub mod delete;
pub mod errors;
pub mod facts;
pub mod head;
pub mod kinds;
pub mod metadata;
pub mod ranges;
pub mod resource;
pub mod strategy;
pub mod table;
pub mod update;
pub mod validation;
pub mod version;
pub mod watch;

use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_admission::attributes::Warnings;
use portcullis_admission::{Attributes, AuditAnnotations, Operation, Trace};
use portcullis_api::{ErrorList, GroupKind, Object, Status, UserInfo};
use portcullis_storage::{Entry, ReadAt, Storage};

use self::ranges::{Reservation, ServiceRanges};
use self::resource::Resource;
use self::validation::privileged::validate_unprivileged;

/// All objects there are, behind the verbs.
pub struct Registry {
    storage: Arc<dyn Storage>,
    prefix: String,
    admission: portcullis_admission::Chain,
    guard: Box<dyn Guard>,
    ranges: ServiceRanges,
    allow_privileged: bool,
}

/// Asked once mutating admission is through, for rules that are about the writer as much as about
/// the object: nobody grants more than they have. The scope's name is the URL's, empty on POST.
pub trait Guard: Send + Sync + 'static {
    /// Whether the user of the scope may write this object.
    ///
    /// # Errors
    /// A 403.
    fn check(
        &self,
        scope: &Scope<'_>,
        object: &dyn Object,
        old: Option<&dyn Object>,
    ) -> Result<(), Status>;
}

/// Which object or collection an operation is about, and for whom.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The row of the kind table.
    pub resource: &'static Resource,
    /// The version the client speaks; empty for the stored one.
    pub api_version: &'a str,
    /// Mostly empty.
    pub subresource: &'a str,
    /// Empty for cluster-scoped resources and for all namespaces.
    pub namespace: &'a str,
    /// Empty for collections.
    pub name: &'a str,
    /// Who asks.
    pub user: &'a UserInfo,
    /// Whether to go all the way but the last step.
    pub dry_run: bool,
    /// Where to tell the user of what is not wrong enough to be refused.
    pub warnings: Option<&'a WarningList>,
    /// Where admission notes what it does, for whoever wants to know.
    pub trace: Option<&'a Trace>,
}

/// Where an object is.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The row of the kind table.
    pub resource: &'static Resource,
    /// Empty for cluster-scoped resources.
    pub namespace: &'a str,
    /// The name.
    pub name: &'a str,
}

/// How many bytes of warnings an answer carries at most: they travel in its head (upstream:
/// `k8s.io/apiserver/pkg/endpoints/filters/warning.go`).
const WARNINGS_MAX: usize = 4096;

/// How many warnings an answer carries at most: each is a header of its own, and Python reads no
/// answer of more than 100.
const WARNINGS_COUNT_MAX: usize = 50;

/// What a client is warned of, each thing once, as far as it fits an answer's head.
#[derive(Debug, Default)]
pub struct WarningList(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    sentences: Vec<String>,
    bytes: usize,
}

impl WarningList {
    /// Adds sentences.
    pub fn add(&self, sentences: impl IntoIterator<Item = String>) {
        let mut told = self.0.lock();
        for sentence in sentences {
            let bytes = told.bytes.saturating_add(sentence.len());
            if bytes > WARNINGS_MAX || told.sentences.len() == WARNINGS_COUNT_MAX {
                return;
            }
            if !told.sentences.contains(&sentence) {
                told.sentences.push(sentence);
                told.bytes = bytes;
            }
        }
    }

    /// All of them, in the order in which they came.
    pub fn into_inner(self) -> Vec<String> {
        self.0.into_inner().sentences
    }
}

impl<'a> Scope<'a> {
    /// All of a resource.
    pub const fn all(resource: &'static Resource, user: &'a UserInfo) -> Self {
        Self {
            resource,
            api_version: "",
            subresource: "",
            namespace: "",
            name: "",
            user,
            dry_run: false,
            warnings: None,
            trace: None,
        }
    }

    /// The same for another object of the resource.
    #[must_use]
    pub const fn named<'b>(self, namespace: &'b str, name: &'b str) -> Scope<'b>
    where
        'a: 'b,
    {
        Scope {
            namespace,
            name,
            ..self
        }
    }

    /// The same object as one of another resource, such as what a scale is the scale of.
    #[must_use]
    pub const fn of(self, resource: &'static Resource) -> Self {
        Scope { resource, ..self }
    }

    /// Tells the user something.
    pub fn warn(&self, sentences: impl IntoIterator<Item = String>) {
        if let Some(warnings) = self.warnings {
            warnings.add(sentences);
        }
    }

    fn not_found(&self) -> Status {
        Status::not_found(self.resource.group_resource(), self.name)
    }

    /// The request as admission plugins see it.
    fn attributes<'b>(
        &'b self,
        operation: Operation,
        name: &'b str,
        object: Option<Box<dyn Object>>,
        old_object: Option<&'b dyn Object>,
    ) -> Attributes<'b> {
        Attributes {
            operation,
            kind: self.resource.group_kind(),
            resource: self.resource.group_resource(),
            subresource: self.subresource,
            namespace: self.namespace,
            name,
            user: self.user,
            dry_run: self.dry_run,
            object,
            old_object,
            audit_annotations: AuditAnnotations::default(),
            warnings: Warnings::default(),
            trace: self.trace,
        }
    }
}

impl Registry {
    /// A registry over a store whose keys begin with `prefix`, such as `/registry`.
    pub fn new(
        storage: Arc<dyn Storage>,
        prefix: &str,
        admission: portcullis_admission::Chain,
        guard: Box<dyn Guard>,
        ranges: ServiceRanges,
    ) -> Self {
        Self {
            storage,
            prefix: prefix.trim_end_matches('/').to_owned(),
            admission,
            guard,
            ranges,
            allow_privileged: true,
        }
    }

    /// The same, refusing privileged containers unless they are allowed.
    #[must_use]
    pub fn allow_privileged(self, allow_privileged: bool) -> Self {
        Self {
            allow_privileged,
            ..self
        }
    }

    /// What is wrong with an object that its kind alone would not object to.
    fn forbidden(&self, object: &dyn Object) -> ErrorList {
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

    /// What services are given from.
    pub const fn ranges(&self) -> &ServiceRanges {
        &self.ranges
    }

    /// The key of an object, as kube-apiserver lays keys out.
    pub fn key(&self, resource: &Resource, namespace: &str, name: &str) -> String {
        let mut key = self.collection_key(resource, namespace);
        key.push_str(name);
        key
    }

    /// What the keys of a collection begin with.
    pub fn collection_key(&self, resource: &Resource, namespace: &str) -> String {
        if namespace.is_empty() || !resource.namespaced {
            format!("{}/{}/", self.prefix, resource.storage)
        } else {
            format!("{}/{}/{namespace}/", self.prefix, resource.storage)
        }
    }

    /// What all keys begin with, up to and with the slash.
    pub fn root(&self) -> String {
        format!("{}/", self.prefix)
    }

    /// What a key is the key of; `None` if it is that of no object the server serves.
    pub fn place<'a>(&self, key: &'a str) -> Option<Place<'a>> {
        let rest = key.strip_prefix(&*self.prefix)?.strip_prefix('/')?;
        table::RESOURCES
            .iter()
            .filter(|r| !r.is_review())
            .find_map(|resource| {
                let path = rest.strip_prefix(resource.storage)?.strip_prefix('/')?;
                let (namespace, name) = match path.split_once('/') {
                    Some(parts) if resource.namespaced => parts,
                    None if !resource.namespaced => ("", path),
                    _ => return None,
                };
                (!name.contains('/')).then_some(Place {
                    resource,
                    namespace,
                    name,
                })
            })
    }

    /// The entry of an object.
    ///
    /// # Errors
    /// 404, and what the store's troubles become.
    pub async fn get(&self, scope: &Scope<'_>, at: ReadAt) -> Result<Arc<Entry>, Status> {
        let key = self.key(scope.resource, scope.namespace, scope.name);
        let found = self
            .storage
            .get(&key, at)
            .await
            .map_err(|e| errors::status(e, scope))?;
        found.entry.ok_or_else(|| scope.not_found())
    }

    /// Asks admission about something that is posted to an object and not kept.
    ///
    /// # Errors
    /// What plugins object to.
    pub async fn admit_action(
        &self,
        scope: &Scope<'_>,
        kind: GroupKind<'_>,
        object: Box<dyn Object>,
    ) -> Result<Box<dyn Object>, Status> {
        let mut attributes = Attributes {
            kind,
            ..scope.attributes(Operation::Create, scope.name, Some(object), None)
        };
        self.admit(&mut attributes).await?;
        self.admit_valid(&attributes).await?;
        admitted(scope, attributes)
    }

    /// Takes what an object about to be written needs, beyond the object itself.
    async fn reserve(
        &self,
        scope: &Scope<'_>,
        object: &mut dyn Object,
        old: Option<&dyn Object>,
    ) -> Result<Reservation, Status> {
        self.ranges.reserve(object, old, scope.dry_run).await
    }

    /// Runs the mutating half of admission.
    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        self.admission
            .mutate(attributes)
            .await
            .map_err(|refusal| refusal.status)
    }

    /// Runs the validating half of admission.
    async fn admit_valid(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        self.admission
            .validate(attributes)
            .await
            .map_err(|refusal| refusal.status)
    }
}

/// The object that admission worked on; what it warns of is told to the user.
fn admitted(scope: &Scope<'_>, attributes: Attributes<'_>) -> Result<Box<dyn Object>, Status> {
    scope.warn(attributes.warnings.into_list());
    attributes
        .object
        .ok_or_else(|| Status::internal("admission lost the object"))
}
