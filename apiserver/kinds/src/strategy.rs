//! What is particular to a kind: everything else is the same for all.
//!
//! Upstream: `k8s.io/apiserver/pkg/registry/rest/{create,update}.go`, whose hooks these are.

mod mismatched;

use jiff::Timestamp;
use portcullis_api::{ErrorList, Object, UserInfo, name};
use serde_json::Value;

use self::mismatched::mismatched;

/// A kind's own rules, on its own type. Every method has the answer most kinds give.
pub trait Strategy: Send + Sync + 'static {
    /// The type in `k8s-openapi`.
    type Kind: Object + Default;

    /// Sets what the API defaults, in everything that is read from a client.
    fn default(&self, _object: &mut Self::Kind) {}

    /// Drops what a client may not set on a new object, and sets what follows from the rest.
    fn prepare_for_create(&self, _object: &mut Self::Kind) {}

    /// Writes into a new object who asks for it.
    fn set_requester(&self, _object: &mut Self::Kind, _user: &UserInfo) {}

    /// The same for a changed object; kinds with a status keep the old one here.
    fn prepare_for_update(&self, _object: &mut Self::Kind, _old: &Self::Kind) {}

    /// Sets what follows from the name and the uid that a new object has got after preparing.
    fn prepare_named(&self, _object: &mut Self::Kind) {}

    /// What is wrong with a new object, its metadata aside.
    fn validate(&self, _object: &Self::Kind) -> ErrorList {
        ErrorList::new()
    }

    /// What is wrong with a change. Mostly all that is wrong with the object, and what may not be
    /// changed.
    fn validate_update(&self, object: &Self::Kind, _old: &Self::Kind) -> ErrorList {
        self.validate(object)
    }

    /// What only clients of one version may not say in a new object; the version is empty for the
    /// server itself.
    fn validate_served(&self, _api_version: &str, _object: &Self::Kind) -> ErrorList {
        ErrorList::new()
    }

    /// The same for a change.
    fn validate_served_update(
        &self,
        _api_version: &str,
        _object: &Self::Kind,
        _old: &Self::Kind,
    ) -> ErrorList {
        ErrorList::new()
    }

    /// Keeps everything but the status, in a change through the status subresource.
    fn prepare_status_update(&self, _object: &mut Self::Kind, _old: &Self::Kind) {}

    /// What is wrong with a change of status.
    fn validate_status_update(&self, _object: &Self::Kind, _old: &Self::Kind) -> ErrorList {
        ErrorList::new()
    }

    /// Keeps what a change through a subresource other than `status` may not touch.
    fn prepare_subresource(&self, _subresource: &str, _object: &mut Self::Kind, _old: &Self::Kind) {
    }

    /// What is wrong with such a change.
    fn validate_subresource(
        &self,
        _subresource: &str,
        _object: &Self::Kind,
        _old: &Self::Kind,
    ) -> ErrorList {
        ErrorList::new()
    }

    /// Whether a changed object's metadata is checked like a new one's as well. It only shows in how
    /// often clients are told of a mistake.
    fn revalidates_metadata(&self) -> bool {
        true
    }

    /// Whether finalizers need no domain: so it is outside of Kubernetes' own APIs.
    fn free_finalizers(&self) -> bool {
        false
    }

    /// What is wrong with a name of this kind, or with a prefix to generate one from.
    fn validate_name(&self, value: &str) -> Vec<String> {
        name::dns1123_subdomain(value)
    }

    /// Warnings a client gets for a new or changed object, in upstream's words.
    fn warnings(&self, _object: &Self::Kind) -> Vec<String> {
        Vec::new()
    }

    /// Whether a change must raise `metadata.generation`; `None` for kinds that have none.
    fn spec_changed(&self, _object: &Self::Kind, _old: &Self::Kind) -> Option<bool> {
        None
    }

    /// Whether deletion lets something else finish the object's work first; `None` for kinds whose
    /// deletion never waits.
    fn grace(&self, _object: &Self::Kind) -> Option<Grace> {
        None
    }

    /// Whether the kind itself holds a deleted object, as a namespace's spec does.
    fn holds_deletion(&self, _object: &Self::Kind) -> bool {
        false
    }

    /// Shows in the object that its deletion has begun.
    fn mark_deleting(&self, _object: &mut Self::Kind) {}

    /// Whether a delete answers with the object that is gone, and not with a plain Status.
    fn returns_deleted(&self) -> bool {
        false
    }

    /// What becomes of an object's dependents when a deletion does not say.
    fn garbage_collection(&self) -> GarbageCollection {
        GarbageCollection::DeleteDependents
    }

    /// Why the object of that name is never deleted.
    fn undeletable(&self, _name: &str) -> Option<&'static str> {
        None
    }

    /// The fields selectors may ask for, besides `metadata.name` and `metadata.namespace`.
    fn selectable_fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// Their values, in the same order.
    fn field_values(&self, _object: &Self::Kind) -> Vec<String> {
        Vec::new()
    }

    /// The columns of the kind's Table.
    fn columns(&self) -> &'static [Column] {
        &DEFAULT_COLUMNS
    }

    /// The columns as readers of a version see them.
    fn table_columns(&self, _api_version: &str) -> Vec<ColumnView<'_>> {
        self.columns().iter().map(Column::view).collect()
    }

    /// The cells of its row, in the same order.
    fn cells(&self, object: &Self::Kind) -> Vec<Cell> {
        vec![Cell::name(object), Cell::age(object)]
    }
}

/// How long a deletion waits (upstream: `rest.RESTGracefulDeleteStrategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// Nobody would finish it: not at all.
    None,
    /// As long as is asked for, else this many seconds.
    Seconds(i64),
}

/// What a kind does about dependents by default (upstream: `rest.GarbageCollectionPolicy`).
///
/// Some versions orphan though others of the kind do not: see [`crate::version::Served::orphaning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GarbageCollection {
    /// They are deleted.
    DeleteDependents,
    /// They are let go.
    OrphanDependents,
    /// Nothing depends on such objects, whatever a deletion says.
    Unsupported,
}

/// A column of a Table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The title, which kubectl writes in capitals.
    pub name: &'static str,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: &'static str,
    /// `name` for the object's name, else empty.
    pub format: &'static str,
    /// What it shows.
    pub description: &'static str,
    /// Zero is always shown, anything else only with `-o wide`.
    pub priority: i32,
}

/// A column, whoever keeps its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnView<'a> {
    /// See [`Column::name`].
    pub name: &'a str,
    /// See [`Column::kind`].
    pub kind: &'a str,
    /// See [`Column::format`].
    pub format: &'a str,
    /// See [`Column::description`].
    pub description: &'a str,
    /// See [`Column::priority`].
    pub priority: i32,
}

impl Column {
    /// The column as Tables show it.
    pub const fn view(&self) -> ColumnView<'static> {
        ColumnView {
            name: self.name,
            kind: self.kind,
            format: self.format,
            description: self.description,
            priority: self.priority,
        }
    }

    /// The column of the object's name.
    pub const NAME: Self = Self {
        name: "Name",
        kind: "string",
        format: "name",
        description: "The name, unique among objects of the kind in a namespace.",
        priority: 0,
    };

    /// The column of the time since the object was made.
    pub const AGE: Self = Self::text("Age", "The time since the object was made.");

    /// A column of text.
    pub const fn text(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            kind: "string",
            format: "",
            description,
            priority: 0,
        }
    }

    /// A column of whole numbers.
    pub const fn integer(name: &'static str, description: &'static str) -> Self {
        Self {
            kind: "integer",
            ..Self::text(name, description)
        }
    }

    /// The same, shown only with `-o wide`.
    #[must_use]
    pub const fn wide(self) -> Self {
        Self {
            priority: 1,
            ..self
        }
    }
}

static DEFAULT_COLUMNS: [Column; 2] = [
    Column::NAME,
    Column {
        name: "Created At",
        kind: "date",
        ..Column::AGE
    },
];

/// A cell of a Table. Ages are kept as the time they count from, so that rows can be kept too.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A fixed value.
    Value(Value),
    /// The time since then, as kubectl abbreviates it; `<unknown>` without one.
    Since(Option<Timestamp>),
    /// A number, and the time since it last grew: `3 (5m ago)`.
    CountSince(i64, Timestamp),
    /// The time from one moment to another, as kubectl abbreviates it.
    Between(Timestamp, Timestamp),
}

impl Cell {
    /// The object's name.
    pub fn name(object: &dyn Object) -> Self {
        Self::text(object.metadata().name.as_deref().unwrap_or_default())
    }

    /// The time since the object was made.
    pub fn age(object: &dyn Object) -> Self {
        Self::Since(object.metadata().creation_timestamp.as_ref().map(|t| t.0))
    }

    /// Text.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Value(Value::String(value.into()))
    }

    /// A whole number.
    pub fn integer(value: i64) -> Self {
        Self::Value(value.into())
    }

    /// How many of something there are.
    pub fn count(value: usize) -> Self {
        Self::Value(value.into())
    }
}

macro_rules! erased {
    ($(
        $(#[$doc:meta])*
        fn $method:ident($($arg:ident: $kind:tt),*) $(-> $out:ty)?;
    )*) => {
        /// [`Strategy`] for callers that do not know the kind.
        ///
        /// An object of another kind than the strategy's, which the kind table rules out, is left
        /// alone and found at fault.
        pub trait DynStrategy: Send + Sync {
            $($(#[$doc])* fn $method(&self, $($arg: erased!(@dyn $kind)),*) $(-> $out)?;)*
            /// See [`Strategy::validate_name`].
            fn validate_name(&self, value: &str) -> Vec<String>;
            /// See [`Strategy::revalidates_metadata`].
            fn revalidates_metadata(&self) -> bool;
            /// See [`Strategy::free_finalizers`].
            fn free_finalizers(&self) -> bool;
            /// See [`Strategy::returns_deleted`].
            fn returns_deleted(&self) -> bool;
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

            fn revalidates_metadata(&self) -> bool {
                Strategy::revalidates_metadata(self)
            }

            fn free_finalizers(&self) -> bool {
                Strategy::free_finalizers(self)
            }

            fn returns_deleted(&self) -> bool {
                Strategy::returns_deleted(self)
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
