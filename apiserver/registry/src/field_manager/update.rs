//! Writes other than applies: the manager that changes a field owns it.
//!
//! Upstream: `FieldManager.Update` and the managers it is composed of.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use portcullis_api::Object;
use serde_json::Value;

use super::field_set::FieldSet;
use super::managed::{Managed, Operation, Owned, Owner, is_reset};
use super::tracked::{self, Tracked};
use crate::codec;
use crate::current::Current;
use crate::scope::Scope;
use portcullis_kinds::resource::Resource;

/// The longest name taken from a user agent, in bytes.
const MANAGER_MAX: usize = 128;
const UNKNOWN: &str = "unknown";

/// The manager of a write, and the target.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    resource: &'a Resource,
    subresource: &'a str,
    api_version: &'a str,
    manager: &'a str,
    empty: &'a [String],
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
        Tracked::new(self.resource, self.api_version, self.subresource)
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

    /// Whether the resource is served in a version.
    pub fn serves(self, api_version: &str) -> bool {
        self.resource.api_versions().any(|v| v == api_version)
    }

    /// Records the creator of an object.
    pub fn created(self, object: &mut dyn Object) {
        let sent = object.metadata_mut().managed_fields.take();
        let managed = sent
            .filter(|s| !is_reset(Some(s)))
            .and_then(|s| Managed::decode(s).ok());
        let empty = tracked::empty(self.resource, self.api_version);
        self.record(&empty, object, managed.unwrap_or_default());
    }

    /// Records the manager that changed an object. An object without owners stays so: the server created it,
    /// or its owners were reset.
    pub fn changed(self, current: &Current, object: &mut dyn Object) {
        let live = current.object.metadata().managed_fields.as_deref();
        let sent = object.metadata_mut().managed_fields.take();
        let managed = self.known(live, sent);
        if managed.0.is_empty() {
            return;
        }
        let old = current.served(self.resource, self.api_version);
        self.record(&old, object, managed);
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

    fn record(self, old: &Value, object: &mut dyn Object, mut managed: Managed) {
        let mut new = codec::served(self.resource, self.api_version, object);
        for field in self.empty {
            if let Some(unset @ Value::Null) = new.pointer_mut(field) {
                *unset = Value::Array(Vec::new());
            }
        }
        self.update(old, &new, self.manager, &mut managed);
        managed.cap();
        object.metadata_mut().managed_fields = managed.encode();
    }

    /// Makes a manager the owner of its changes, and no other manager.
    pub fn update(self, old: &Value, new: &Value, manager: &str, managed: &mut Managed) {
        let found = self.tracked().compare(old, new);
        let mut own = found.modified;
        own.union(found.added);
        for owned in managed.0.values_mut() {
            owned.lose(&own);
            owned.lose(&found.removed);
        }
        if !own.is_empty() {
            let owner = self.owner(manager, Operation::Update);
            let entry = managed
                .0
                .entry(owner)
                .or_insert_with(|| Owned::new(self.api_version, FieldSet::default()));
            entry.gain(own);
            entry.time = Some(portcullis_kinds::time::now());
        }
        managed.prune(|version| self.serves(version));
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
