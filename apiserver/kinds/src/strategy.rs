//! The rules of a kind: everything else is the same for all kinds.
//!
//! Upstream: `k8s.io/apiserver/pkg/registry/rest/{create,update}.go`, which have the same hooks.

mod columns;
mod metadata_checks;
mod mismatched;

use portcullis_api::{ErrorList, Object, UserInfo, name};

use self::columns::DEFAULT_COLUMNS;
pub use self::columns::{Cell, Column, ColumnView};
pub use self::metadata_checks::MetadataChecks;
use self::mismatched::mismatched;

/// A kind's own rules, on its own type. Every method has the default of most kinds.
pub trait Strategy: Send + Sync + 'static {
    /// The type in `k8s-openapi`.
    type Kind: Object + Default;

    /// Sets defaults in every object from a client.
    fn default(&self, _object: &mut Self::Kind) {}

    /// Drops fields that a client may not set in a new object, and sets derived ones.
    fn prepare_for_create(&self, _object: &mut Self::Kind) {}

    /// Writes the user into a new object.
    fn set_requester(&self, _object: &mut Self::Kind, _user: &UserInfo) {}

    /// As [`prepare_for_create`](Self::prepare_for_create), for a changed object; kinds with a status keep
    /// the old one here.
    fn prepare_for_update(&self, _object: &mut Self::Kind, _old: &Self::Kind) {}

    /// Sets fields derived from the name and the uid, which a new object gets after preparing.
    fn prepare_named(&self, _object: &mut Self::Kind) {}

    /// Validates a new object, except its metadata.
    fn validate(&self, _object: &Self::Kind) -> ErrorList {
        ErrorList::new()
    }

    /// Validates a change: usually the whole object, and the immutable fields.
    fn validate_update(&self, object: &Self::Kind, _old: &Self::Kind) -> ErrorList {
        self.validate(object)
    }

    /// Validation of a new object for clients of one version only; the version is empty for the server
    /// itself.
    fn validate_served(&self, _api_version: &str, _object: &Self::Kind) -> ErrorList {
        ErrorList::new()
    }

    /// As [`validate_served`](Self::validate_served), for a change.
    fn validate_served_update(
        &self,
        _api_version: &str,
        _object: &Self::Kind,
        _old: &Self::Kind,
    ) -> ErrorList {
        ErrorList::new()
    }

    /// Restores everything but the status, in a change through the status subresource.
    fn prepare_status_update(&self, _object: &mut Self::Kind, _old: &Self::Kind) {}

    /// Validates a change of status.
    fn validate_status_update(&self, _object: &Self::Kind, _old: &Self::Kind) -> ErrorList {
        ErrorList::new()
    }

    /// Restores the fields that a change through a subresource other than `status` may not set.
    fn prepare_subresource(&self, _subresource: &str, _object: &mut Self::Kind, _old: &Self::Kind) {
    }

    /// Validates such a change.
    fn validate_subresource(
        &self,
        _subresource: &str,
        _object: &Self::Kind,
        _old: &Self::Kind,
    ) -> ErrorList {
        ErrorList::new()
    }

    /// What the kind's own validation does with the metadata.
    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST
    }

    /// Whether a new object without a name is named by a UUID, even if it has a prefix for a generated name.
    fn names_itself(&self) -> bool {
        false
    }

    /// Validates a name of this kind, or a prefix of a generated one.
    fn validate_name(&self, value: &str) -> Vec<String> {
        name::dns1123_subdomain(value)
    }

    /// Warnings for a new or changed object, with upstream's texts.
    fn warnings(&self, _object: &Self::Kind) -> Vec<String> {
        Vec::new()
    }

    /// Whether a change must increment `metadata.generation`; `None` for kinds without one.
    fn spec_changed(&self, _object: &Self::Kind, _old: &Self::Kind) -> Option<bool> {
        None
    }

    /// Whether the object has a `metadata.generation`.
    fn has_generation(&self, object: &Self::Kind) -> bool {
        self.spec_changed(object, object).is_some()
    }

    /// The grace period of a deletion; `None` for kinds whose deletion never waits.
    fn grace(&self, _object: &Self::Kind) -> Option<Grace> {
        None
    }

    /// Whether the object itself delays its deletion, as a namespace's spec does.
    fn holds_deletion(&self, _object: &Self::Kind) -> bool {
        false
    }

    /// Marks the object as being deleted.
    fn mark_deleting(&self, _object: &mut Self::Kind) {}

    /// Whether a deletion returns the deleted object, and not a plain Status.
    fn returns_deleted(&self) -> bool {
        false
    }

    /// Whether the options of a deletion always name the uid, as upstream's storage of such kinds adds it.
    fn deletes_by_uid(&self) -> bool {
        false
    }

    /// The default propagation of a deletion.
    fn garbage_collection(&self) -> GarbageCollection {
        GarbageCollection::DeleteDependents
    }

    /// Why the object of that name cannot be deleted.
    fn undeletable(&self, _name: &str) -> Option<&'static str> {
        None
    }

    /// The fields for selectors, besides `metadata.name` and `metadata.namespace`.
    fn selectable_fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// The values of these fields, in the same order.
    fn field_values(&self, _object: &Self::Kind) -> Vec<String> {
        Vec::new()
    }

    /// The columns of the kind's Table.
    fn columns(&self) -> &'static [Column] {
        &DEFAULT_COLUMNS
    }

    /// The columns in a version.
    fn table_columns(&self, _api_version: &str) -> Vec<ColumnView<'_>> {
        self.columns().iter().map(Column::view).collect()
    }

    /// The cells of its row, in the same order.
    fn cells(&self, object: &Self::Kind) -> Vec<Cell> {
        vec![Cell::name(object), Cell::created(object)]
    }
}

/// How long a deletion waits (upstream: `rest.RESTGracefulDeleteStrategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// Not at all, as nothing would finish it.
    None,
    /// As requested, or else this many seconds.
    Seconds(i64),
}

/// The default propagation of a kind (upstream: `rest.GarbageCollectionPolicy`).
///
/// Some versions orphan though others of the kind do not: see [`crate::version::Served::orphaning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GarbageCollection {
    /// They are deleted.
    DeleteDependents,
    /// They are orphaned.
    OrphanDependents,
    /// Such objects have no dependents, whatever a deletion requests.
    Unsupported,
}

macro_rules! erased {
    ($(
        $(#[$doc:meta])*
        fn $method:ident($($arg:ident: $kind:tt),*) $(-> $out:ty)?;
    )*) => {
        /// [`Strategy`] for callers that do not know the kind.
        ///
        /// An object of another kind than the strategy's, which the kind table prevents, is not changed and
        /// reported as invalid.
        pub trait DynStrategy: Send + Sync {
            $($(#[$doc])* fn $method(&self, $($arg: erased!(@dyn $kind)),*) $(-> $out)?;)*
            /// See [`Strategy::validate_name`].
            fn validate_name(&self, value: &str) -> Vec<String>;
            /// See [`Strategy::metadata_checks`].
            fn metadata_checks(&self) -> MetadataChecks;
            /// See [`Strategy::names_itself`].
            fn names_itself(&self) -> bool;
            /// See [`Strategy::returns_deleted`].
            fn returns_deleted(&self) -> bool;
            /// See [`Strategy::deletes_by_uid`].
            fn deletes_by_uid(&self) -> bool;
            /// See [`Strategy::garbage_collection`].
            fn garbage_collection(&self) -> GarbageCollection;
            /// See [`Strategy::undeletable`].
            fn undeletable(&self, name: &str) -> Option<&'static str>;
            /// See [`Strategy::selectable_fields`].
            fn selectable_fields(&self) -> &'static [&'static str];
            /// See [`Strategy::table_columns`].
            fn table_columns(&self, api_version: &str) -> Vec<ColumnView<'_>>;
        }

        impl<S: Strategy> DynStrategy for S {
            $(fn $method(&self, $($arg: erased!(@dyn $kind)),*) $(-> $out)? {
                match ($(erased!(@cast S, $arg, $kind),)*) {
                    ($(Some($arg),)*) => Strategy::$method(self, $($arg),*),
                    _ => mismatched(stringify!($method)),
                }
            })*

            fn validate_name(&self, value: &str) -> Vec<String> {
                Strategy::validate_name(self, value)
            }

            fn metadata_checks(&self) -> MetadataChecks {
                Strategy::metadata_checks(self)
            }

            fn names_itself(&self) -> bool {
                Strategy::names_itself(self)
            }

            fn returns_deleted(&self) -> bool {
                Strategy::returns_deleted(self)
            }

            fn deletes_by_uid(&self) -> bool {
                Strategy::deletes_by_uid(self)
            }

            fn garbage_collection(&self) -> GarbageCollection {
                Strategy::garbage_collection(self)
            }

            fn undeletable(&self, name: &str) -> Option<&'static str> {
                Strategy::undeletable(self, name)
            }

            fn selectable_fields(&self) -> &'static [&'static str] {
                Strategy::selectable_fields(self)
            }

            fn table_columns(&self, api_version: &str) -> Vec<ColumnView<'_>> {
                Strategy::table_columns(self, api_version)
            }
        }
    };
    (@dyn mutable) => { &mut dyn Object };
    (@dyn shared) => { &dyn Object };
    (@dyn text) => { &str };
    (@dyn user) => { &UserInfo };
    (@cast $s:ident, $arg:ident, mutable) => { $arg.as_kind_mut::<$s::Kind>() };
    (@cast $s:ident, $arg:ident, shared) => { $arg.as_kind::<$s::Kind>() };
    (@cast $s:ident, $arg:ident, text) => { Some($arg) };
    (@cast $s:ident, $arg:ident, user) => { Some($arg) };
}

erased! {
    /// See [`Strategy::default`].
    fn default(object: mutable);
    /// See [`Strategy::prepare_for_create`].
    fn prepare_for_create(object: mutable);
    /// See [`Strategy::set_requester`].
    fn set_requester(object: mutable, user: user);
    /// See [`Strategy::prepare_for_update`].
    fn prepare_for_update(object: mutable, old: shared);
    /// See [`Strategy::prepare_named`].
    fn prepare_named(object: mutable);
    /// See [`Strategy::validate`].
    fn validate(object: shared) -> ErrorList;
    /// See [`Strategy::validate_update`].
    fn validate_update(object: shared, old: shared) -> ErrorList;
    /// See [`Strategy::validate_served`].
    fn validate_served(api_version: text, object: shared) -> ErrorList;
    /// See [`Strategy::validate_served_update`].
    fn validate_served_update(api_version: text, object: shared, old: shared) -> ErrorList;
    /// See [`Strategy::prepare_status_update`].
    fn prepare_status_update(object: mutable, old: shared);
    /// See [`Strategy::validate_status_update`].
    fn validate_status_update(object: shared, old: shared) -> ErrorList;
    /// See [`Strategy::prepare_subresource`].
    fn prepare_subresource(subresource: text, object: mutable, old: shared);
    /// See [`Strategy::validate_subresource`].
    fn validate_subresource(subresource: text, object: shared, old: shared) -> ErrorList;
    /// See [`Strategy::warnings`].
    fn warnings(object: shared) -> Vec<String>;
    /// See [`Strategy::spec_changed`].
    fn spec_changed(object: shared, old: shared) -> Option<bool>;
    /// See [`Strategy::has_generation`].
    fn has_generation(object: shared) -> bool;
    /// See [`Strategy::grace`].
    fn grace(object: shared) -> Option<Grace>;
    /// See [`Strategy::holds_deletion`].
    fn holds_deletion(object: shared) -> bool;
    /// See [`Strategy::mark_deleting`].
    fn mark_deleting(object: mutable);
    /// See [`Strategy::field_values`].
    fn field_values(object: shared) -> Vec<String>;
    /// See [`Strategy::cells`].
    fn cells(object: shared) -> Vec<Cell>;
}
