//! Creating objects that are decoded and have their defaults: mutating admission, guards, preparation, validation,
//! addresses and ports of services, validating admission, encoding, the store.

use std::iter::repeat_n;
use std::sync::Arc;

use portcullis_admission::Operation;
use portcullis_api::status::Reason;
use portcullis_api::{ErrorList, Object, Path, Status, name};
use portcullis_storage::{Entry, Error, ReadAt};

use crate::head::HeadMeta;
use crate::registry::Registry;
use crate::scope::Scope;
use crate::{codec, errors, metadata};
use portcullis_kinds::validation::object_meta::{validate_any_meta, validate_object_meta};

/// How many names are generated if one is taken (upstream: `maxNameGenerationCreateAttempts`).
const NAME_ATTEMPTS: usize = 8;

impl Registry {
    /// Creates an object, and returns it as stored; in a dry run as it would be stored.
    ///
    /// # Errors
    /// The errors of admission, validation and the store.
    pub async fn create(
        &self,
        scope: &Scope<'_>,
        object: Box<dyn Object>,
    ) -> Result<Arc<Entry>, Status> {
        let is_custom = scope.resource.strategy.custom().is_some();
        if is_custom && self.catalogue().is_terminating(scope.resource) {
            // upstream: `serveResource` in `customresource_handler.go`
            let why = "create not allowed while custom resource definition is terminating";
            return Err(Status::failure(Reason::MethodNotAllowed, why));
        }
        let object = self.admit_creation(scope, object).await?;
        // a webhook may have set the name
        let generated =
            metadata::wants_name(object.metadata()) && !scope.resource.strategy.names_itself();
        let attempts = if generated { NAME_ATTEMPTS } else { 1 };
        for _ in 1..attempts {
            let copy = object.boxed_clone();
            match self.prepare_and_create(scope, copy, generated).await {
                Err(status) if is_taken(&status) => {}
                result => return result,
            }
        }
        self.prepare_and_create(scope, object, generated).await
    }

    async fn admit_creation(
        &self,
        scope: &Scope<'_>,
        object: Box<dyn Object>,
    ) -> Result<Box<dyn Object>, Status> {
        let name = object.metadata().name.clone().unwrap_or_default();
        let mut attributes = scope.attributes(Operation::Create, &name, Some(object), None);
        self.admit_mutating(scope, &mut attributes).await?;
        let object = Scope::admitted(attributes)?;
        // Checked with the URL's name, empty in a POST: the object's own name is the client's choice.
        self.guard.check(scope, object.as_ref(), None)?;
        Ok(object)
    }

    async fn prepare_and_create(
        &self,
        scope: &Scope<'_>,
        mut object: Box<dyn Object>,
        generated: bool,
    ) -> Result<Arc<Entry>, Status> {
        let forbidden = self.forbidden(object.as_ref());
        if scope.resource.namespaced {
            // Admission may have moved the object to another namespace.
            metadata::check_namespace(object.metadata(), scope.namespace)?;
        }
        prepare(scope, object.as_mut(), generated, forbidden)?;
        let name = object.metadata().name.clone().unwrap_or_default();
        let scope = scope.named(scope.namespace, &name);
        let reservation = self.reserve(&scope, object.as_mut(), None).await?;
        let written = self.write_new(&scope, object).await;
        let outcome = written.as_ref().map_err(|status| status.code);
        self.ranges.settle(reservation, outcome).await;
        written
    }

    async fn write_new(
        &self,
        scope: &Scope<'_>,
        object: Box<dyn Object>,
    ) -> Result<Arc<Entry>, Status> {
        let attributes = scope.attributes(Operation::Create, scope.name, Some(object), None);
        self.admit_validating(scope, &attributes).await?;
        let mut object = Scope::admitted(attributes)?;
        let given = object.metadata().resource_version.clone();
        // Preparing may have set fields that have defaults. Readers default what they decode, so the stored bytes
        // must contain them too.
        scope.resource.strategy.default(object.as_mut());
        let bytes = codec::storable(self.encode(scope, object).await?)?;
        let key = self.key(scope.resource, scope.namespace, scope.name);
        if scope.dry_run {
            let found = self.storage.get(&key, ReadAt::Latest).await;
            return match found.map_err(|e| errors::status(e, scope))?.entry {
                Some(found) => Err(taken(scope, &found)),
                None => Ok(self.written(scope, Entry::new(key, bytes, 0)).await?),
            };
        }
        check_version(given.as_deref())?;
        let created = match self.storage.create(&key, bytes).await {
            Ok(created) => created,
            Err(error) => return Err(self.uncreated(scope, &key, error).await),
        };
        Ok(self.written(scope, created).await?)
    }

    /// The response for an error of the store, which says whether an object of that name is being deleted.
    async fn uncreated(&self, scope: &Scope<'_>, key: &str, error: Error) -> Status {
        if let Error::AlreadyExists { .. } = error
            && let Ok(found) = self.storage.get(key, ReadAt::Latest).await
            && let Some(found) = found.entry
        {
            return taken(scope, &found);
        }
        errors::status(error, scope)
    }
}

/// The error for a name that an object has (upstream: `Store.Create` in
/// `k8s.io/apiserver/pkg/registry/generic/registry/store.go`).
fn taken(scope: &Scope<'_>, found: &Entry) -> Status {
    let mut status = Status::already_exists(scope.group_resource(), scope.name);
    if HeadMeta::read(found).is_ok_and(|meta| meta.is_deleting()) {
        status.message = format!("object is being deleted: {}", status.message);
    }
    status
}

fn is_taken(status: &Status) -> bool {
    status.reason == Some(Reason::AlreadyExists)
}

/// An object to be created has no version yet; an invalid one counts as none, as upstream.
fn check_version(given: Option<&str>) -> Result<(), Status> {
    let given = given.unwrap_or_default();
    let is_number = given.bytes().all(|b| b.is_ascii_digit());
    if is_number && given.parse::<u64>().is_ok_and(|version| version != 0) {
        return Err(Status::bad_request(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    Ok(())
}

/// Sets the fields that the system and the kind set, and validates the rest, including what is forbidden in
/// general.
fn prepare(
    scope: &Scope<'_>,
    object: &mut dyn Object,
    generate_name: bool,
    forbidden: ErrorList,
) -> Result<(), Status> {
    let resource = scope.resource;
    let meta = object.metadata_mut();
    meta.namespace = resource.namespaced.then(|| scope.namespace.to_owned());
    if resource.strategy.names_itself() {
        metadata::name_by_uuid(object.metadata_mut());
    }
    resource.strategy.prepare_for_create(object);
    resource.strategy.set_requester(object, scope.user);
    metadata::stamp(object.metadata_mut());
    if generate_name {
        let meta = object.metadata_mut();
        meta.name = meta.generate_name.as_deref().map(metadata::generate_name);
    }
    if resource.strategy.has_generation(object) {
        object.metadata_mut().generation = Some(1);
    }
    if generate_name {
        // defaults that follow from the name, such as a namespace's label
        resource.strategy.default(object);
    }
    resource.strategy.prepare_named(object);
    let mut errors = validate(scope, object);
    errors.extend(forbidden);
    if errors.is_empty() {
        return Ok(());
    }
    let name = object.metadata().name.as_deref().unwrap_or_default();
    Err(Status::invalid(resource.group_kind(), name, &errors))
}

/// Validates a new object: its metadata and the fields of its kind, as often as upstream does, which repeats the
/// errors; and if there are none, what the metadata of all kinds has in common.
fn validate(scope: &Scope<'_>, object: &dyn Object) -> ErrorList {
    let (resource, path) = (scope.resource, Path::new("metadata"));
    let strategy = &resource.strategy;
    let checks = strategy.metadata_checks();
    let mut found = match checks.created {
        0 => ErrorList::new(),
        _ => validate_object_meta(
            object.metadata(),
            resource.namespaced,
            checks.own_finalizers,
            |value: &str| strategy.validate_name(value),
            &path,
        ),
    };
    found.extend(strategy.validate(object));
    let mut errors: ErrorList = repeat_n(found, checks.created.max(1)).flatten().collect();
    errors.extend(strategy.validate_served(scope.api_version, object));
    if errors.is_empty() {
        return validate_any_meta(
            object.metadata(),
            resource.namespaced,
            name::path_segment,
            &path,
        );
    }
    errors
}
