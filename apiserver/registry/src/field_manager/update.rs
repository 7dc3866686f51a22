//! Writes that are not applies: whoever changed a field owns it.
//!
//! Upstream: `FieldManager.Update` and the managers it is made of.

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

/// Somebody who writes, and what they write to.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    resource: &'a Resource,
    subresource: &'a str,
    api_version: &'a str,
    manager: &'a str,
    empty: &'a [String],
}

impl<'a> Writer<'a> {
    /// The writer of a request, by the manager it names or else by its user agent.
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

    /// The same, having said of some fields that they are empty, and not left them unset (see
    /// `Decoded::empty`): whoever says so owns them, though the object does not show it.
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

    /// What can be owned of what is written.
    pub fn tracked(self) -> Tracked<'a> {
        Tracked::new(self.resource, self.api_version, self.subresource)
    }

    /// Whose entry a write belongs to.
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

    /// Records who made an object.
    pub fn created(self, object: &mut dyn Object) {
        let sent = object.metadata_mut().managed_fields.take();
        let managed = sent
            .filter(|s| !is_reset(Some(s)))
            .and_then(|s| Managed::decode(s).ok());
        let empty = tracked::empty(self.resource, self.api_version);
        self.record(&empty, object, managed.unwrap_or_default());
    }

    /// Records who changed an object. One that nobody is known to own stays so: it was made by the
    /// server, or its owners were reset.
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

    /// The owners before the write. Clients may change entries through the main resource; those
    /// that do not know of them, or send nonsense, do not.
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

    /// Gives a manager what it changed, and takes it from everybody else.
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
