//! Writes other than applies: the manager that changes a field owns it.
//!
//! Upstream: `FieldManager.Update` and the managers it is composed of.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use portcullis_api::{Object, Status};
use serde_json::Value;

use super::changes::Changes;
use super::created;
use super::field_set::FieldSet;
use super::managed::{Managed, Operation, Owned, Owner, is_reset};
use super::tracked::{self, Tracked};
use super::versions::Versions;
use crate::codec;
use crate::conversion::Conversions;
use crate::current::Current;
use crate::scope::Scope;
use portcullis_kinds::resource::Resource;

/// The longest name taken from a user agent, in bytes.
const MANAGER_MAX: usize = 128;
const UNKNOWN: &str = "unknown";
/// `fieldsV1` without a field.
const NO_FIELDS: &str = "{}";

/// The manager of a write, and the target.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    resource: &'a Resource,
    subresource: &'a str,
    api_version: &'a str,
    manager: &'a str,
    empty: &'a [String],
    conversions: Option<&'a Conversions>,
}

impl<'a> Writer<'a> {
    /// The writer of a request: the manager it names, or else its user agent.
    pub fn new(scope: &Scope<'a>, manager: &'a str, agent: &'a str) -> Self {
        let manager = if manager.is_empty() {
            prefix(agent)
        } else {
            manager
        };
        Self {
            resource: scope.resource,
            subresource: scope.subresource,
            api_version: scope.api_version,
            manager: if manager.is_empty() { UNKNOWN } else { manager },
            empty: &[],
            conversions: scope.conversions,
        }
    }

    /// As this one, with fields that the client has sent empty, and not left unset (see `Decoded::empty`):
    /// the manager owns them, although the object does not contain them.
    #[must_use]
    pub const fn emptying(self, empty: &'a [String]) -> Self {
        Self { empty, ..self }
    }

    /// The resource written to.
    pub const fn resource(self) -> &'a Resource {
        self.resource
    }

    /// The name of the manager.
    pub const fn manager(self) -> &'a str {
        self.manager
    }

    /// The version written in.
    pub const fn api_version(self) -> &'a str {
        self.api_version
    }

    /// The fields of the target that can have owners.
    pub fn tracked(self) -> Tracked<'a> {
        self.tracked_in(self.api_version)
    }

    /// As [`Writer::tracked`], in another version.
    pub(super) fn tracked_in(self, api_version: &str) -> Tracked<'a> {
        self.versions().tracked(api_version)
    }

    /// The versions of the resource.
    pub(super) const fn versions(self) -> Versions<'a> {
        Versions {
            resource: self.resource,
            subresource: self.subresource,
            conversions: self.conversions,
        }
    }

    /// A change from one state of the target to another, as its managers see it.
    ///
    /// # Errors
    /// As [`Changes::between`].
    pub(super) async fn changes(
        self,
        states: [&Value; 2],
        managed: &Managed,
    ) -> Result<Changes, Status> {
        let managers = managed.versions();
        Changes::between(self.versions(), self.api_version, states, managers).await
    }

    /// The owner for a write.
    pub fn owner(self, manager: &str, operation: Operation) -> Owner {
        Owner {
            manager: manager.to_owned(),
            operation,
            version: match operation {
                Operation::Apply => String::new(),
                Operation::Update => self.api_version.to_owned(),
            },
            subresource: self.subresource.to_owned(),
        }
    }

    /// Records the creator of an object. It has no owners if the entries sent with it are of a version to which
    /// it cannot be converted.
    pub async fn created(self, object: &mut dyn Object) {
        let sent = object.metadata_mut().managed_fields.take();
        let managed = sent
            .filter(|s| !is_reset(Some(s)))
            .and_then(|s| Managed::decode(s).ok());
        let managed = managed.unwrap_or_default();
        let empty = tracked::empty(self.resource, self.api_version);
        let new = self.written(object);
        let own = match managed.0.is_empty() {
            true => created::fields(self.tracked(), &empty, &new),
            false => None,
        };
        let recorded = match own {
            Some(fields) => self.creator(fields),
            None => self.record(&empty, &new, managed).await.unwrap_or_default(),
        };
        object.metadata_mut().managed_fields = recorded;
    }

    /// The entries of an object without other owners.
    fn creator(self, fields: String) -> Option<Vec<ManagedFieldsEntry>> {
        let mut managed = Managed::default();
        if fields != NO_FIELDS {
            let owner = self.owner(self.manager, Operation::Update);
            let mut owned = Owned::of_text(self.api_version, fields);
            owned.time = Some(portcullis_kinds::time::now());
            managed.0.insert(owner, owned);
        }
        managed.encode()
    }

    /// Records the manager that changed an object. An object without owners stays so: the server created it,
    /// or its owners were reset. The owners stay as they were if the object cannot be converted to the
    /// version of one of them (upstream: `UpdateNoErrors`).
    pub async fn changed(self, current: &Current, object: &mut dyn Object) {
        let live = current.object.metadata().managed_fields.as_deref();
        let sent = object.metadata_mut().managed_fields.take();
        let managed = self.known(live, sent);
        if managed.0.is_empty() {
            return;
        }
        let old = current.served(self.resource, self.api_version);
        let recorded = self.record(&old, &self.written(object), managed).await;
        object.metadata_mut().managed_fields = recorded.unwrap_or_else(|_| live.map(<[_]>::to_vec));
    }

    /// The owners before the write. Clients may change entries through the main resource; missing or
    /// malformed entries are ignored.
    fn known(
        self,
        live: Option<&[ManagedFieldsEntry]>,
        sent: Option<Vec<ManagedFieldsEntry>>,
    ) -> Managed {
        if self.subresource.is_empty() {
            if is_reset(sent.as_deref()) {
                return Managed::default();
            }
            let sent = Managed::decode(sent.unwrap_or_default()).unwrap_or_default();
            if !sent.0.is_empty() {
                return sent;
            }
        }
        Managed::decode(live.unwrap_or_default().to_vec()).unwrap_or_default()
    }

    /// An object as its manager has written it.
    fn written(self, object: &dyn Object) -> Value {
        let mut new = codec::served(self.resource, self.api_version, object);
        for field in self.empty {
            if let Some(unset @ Value::Null) = new.pointer_mut(field) {
                *unset = Value::Array(Vec::new());
            }
        }
        new
    }

    /// The entries of an object after a change.
    async fn record(
        self,
        old: &Value,
        new: &Value,
        mut managed: Managed,
    ) -> Result<Option<Vec<ManagedFieldsEntry>>, Status> {
        self.update(old, new, self.manager, &mut managed).await?;
        managed.cap();
        Ok(managed.encode())
    }

    /// Makes a manager the owner of its changes, and no other manager.
    ///
    /// # Errors
    /// If the objects cannot be converted to the version of another manager.
    pub(super) async fn update(
        self,
        old: &Value,
        new: &Value,
        manager: &str,
        managed: &mut Managed,
    ) -> Result<(), Status> {
        managed.drop_obsolete(self.versions());
        let changes = self.changes([old, new], managed).await?;
        managed.lose(&changes, None);
        let own = changes.own.set;
        if !own.is_empty() {
            let owner = self.owner(manager, Operation::Update);
            let entry = managed
                .0
                .entry(owner)
                .or_insert_with(|| Owned::new(self.api_version, FieldSet::default()));
            entry.gain(own);
            entry.time = Some(portcullis_kinds::time::now());
        }
        managed.drop_empty();
        Ok(())
    }
}

/// The name of a client's program (upstream: `prefixFromUserAgent`).
fn prefix(agent: &str) -> &str {
    let name = agent.split('/').next().unwrap_or_default();
    let mut end = name.len().min(MANAGER_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}
