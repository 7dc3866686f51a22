//! Metadata of the fields of Go types, from struct tags and comments, which JSON schemas do not
//! have.
//!
//! One table, keyed by the name of the Go type (also that of `k8s-openapi`'s struct) and the JSON
//! name of the field. Encoding, strategic merge, server-side apply and OpenAPI use it.
//! `type_metadata/generate.py` generates it from Kubernetes' types.

mod table;

/// A Go struct, with those of its fields that have metadata.
#[derive(Debug)]
pub struct Type {
    /// Such as `PodSpec`.
    pub name: &'static str,
    /// Fields that are always written come first.
    pub fields: &'static [Field],
}

/// The metadata of a field.
#[derive(Debug)]
pub struct Field {
    /// Such as `containers`.
    pub name: &'static str,
    /// The JSON that Go writes if the field is unset; `None` if it omits the field.
    pub always: Option<&'static str>,
    /// Whether an empty value is written if it is set: in Go the field is a pointer.
    pub keeps_empty: bool,
    /// The struct in the field, in its elements, or in its values; empty for other types.
    pub child: &'static str,
    /// How the field's value contains that struct.
    pub shape: Shape,
    /// How server-side apply merges a list.
    pub list: ListType,
    /// Whether a struct or map is owned and replaced as a whole.
    pub atomic: bool,
    /// What a strategic merge patch does with the field.
    pub patch: Patch,
    /// The merge key of a list's elements in a strategic merge; may be empty.
    pub merge_key: &'static str,
}

/// How a field's value contains a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The value is the struct, or contains none.
    Object,
    /// Each element of a list is a struct.
    List,
    /// Each value of a map is a struct.
    Map,
}

/// `+listType` and `+listMapKey`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// Not specified, which means atomic.
    Unmarked,
    /// The list is owned and replaced as a whole.
    Atomic,
    /// Its elements are distinct scalars.
    Set,
    /// Its elements are structs, identified by these fields.
    Map(&'static [&'static str]),
}

/// `patchStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch {
    /// Not specified: objects are merged, lists are replaced.
    #[default]
    Unmarked,
    /// Lists are merged.
    Merge,
    /// Of a union, only the members that a patch lists in `$retainKeys` are kept.
    RetainKeys,
    /// Both.
    MergeRetainKeys,
    /// Objects are replaced, too.
    Replace,
}

impl Patch {
    /// Whether lists are merged.
    pub fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::MergeRetainKeys)
    }

    /// Whether patches use `$retainKeys`.
    pub fn retains_keys(self) -> bool {
        matches!(self, Self::RetainKeys | Self::MergeRetainKeys)
    }

    /// The value in struct tags and OpenAPI; empty if it is not specified.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Unmarked => "",
            Self::Merge => "merge",
            Self::RetainKeys => "retainKeys",
            Self::MergeRetainKeys => "merge,retainKeys",
            Self::Replace => "replace",
        }
    }
}

impl Type {
    /// The metadata of one of its fields.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

impl Field {
    /// The struct in the field, if it has an entry of its own beside another type of that name.
    pub(crate) fn child_apart(&self) -> &'static str {
        if self.child.ends_with(')') {
            self.child
        } else {
            ""
        }
    }
}

/// The name of a kind's type in the table. It is the kind, unless another type has that name.
pub fn type_name<'k>(api_version: &str, kind: &'k str) -> &'k str {
    match (api_version, kind) {
        ("autoscaling/v2", "HorizontalPodAutoscaler") => "HorizontalPodAutoscaler (v2)",
        ("autoscaling/v2beta1" | "autoscaling/v2beta2", "HorizontalPodAutoscaler") => {
            "HorizontalPodAutoscaler (v2beta2)"
        }
        ("events.k8s.io/v1" | "events.k8s.io/v1beta1", "Event") => "Event (events)",
        ("authentication.k8s.io/v1", "TokenRequest") => "TokenRequest (authentication)",
        ("resource.k8s.io/v1", "ResourceClaim") => "ResourceClaim (resource)",
        _ => kind,
    }
}

/// The fields of a Go type where empty is not the same as unset, which the table cannot express.
///
/// They are pointers to values of any type, in custom resource definitions, and the lists of a review, which is
/// not stored.
pub fn empty_is_set(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "CustomResourceSubresources" => &["status"],
        "JSONSchemaProps" => &[
            "additionalItems",
            "additionalProperties",
            "default",
            "example",
            "items",
        ],
        "SubjectRulesReviewStatus" => &["nonResourceRules", "resourceRules"],
        _ => &[],
    }
}

/// The fields of a Go type that have metadata; empty for an unknown type.
pub fn fields(type_name: &str) -> &'static [Field] {
    of_type(type_name).map_or(&[], |t| t.fields)
}

/// The metadata of a Go type. A hash table, because it is looked up for every struct that is
/// encoded.
pub fn of_type(type_name: &str) -> Option<&'static Type> {
    let mut slot = hash(type_name);
    loop {
        let entry = table::TYPES.get(usize::from(INDEX[slot % SLOTS]))?;
        if entry.name == type_name {
            return Some(entry);
        }
        slot += 1;
    }
}

/// More than twice the number of types, so that collisions are rare.
const SLOTS: usize = 2048;

/// The indices of types in the table, by the hashes of their names; `u16::MAX` in unused slots.
static INDEX: [u16; SLOTS] = index();

const fn index() -> [u16; SLOTS] {
    let mut index = [u16::MAX; SLOTS];
    let mut at = 0;
    while at < table::TYPES.len() {
        let mut slot = hash(table::TYPES[at].name);
        while index[slot % SLOTS] != u16::MAX {
            slot += 1;
        }
        // there are fewer types than slots, and fewer slots than u16 can count
        index[slot % SLOTS] = at as u16;
        at += 1;
    }
    index
}

/// FNV-1a.
const fn hash(name: &str) -> usize {
    let mut hash: u32 = 0x811c_9dc5;
    let mut at = 0;
    while at < name.len() {
        hash = (hash ^ name.as_bytes()[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    (hash ^ (hash >> 16)) as usize
}

/// The JSON that Go writes for unset fields, with duplicates.
pub(crate) fn zeros() -> impl Iterator<Item = &'static str> {
    let fields = table::TYPES.iter().flat_map(|t| t.fields);
    fields.filter_map(|f| f.always)
}

/// The metadata of a field.
pub fn field(type_name: &str, name: &str) -> Option<&'static Field> {
    of_type(type_name)?.field(name)
}

/// Whether a field is written if it is set to an empty value (`""`, `0`, `false`): in Go it is a
/// pointer, or has no `omitempty`.
pub fn keeps_empty(type_name: &str, name: &str) -> bool {
    field(type_name, name).is_some_and(|f| f.keeps_empty || f.always.is_some())
}

/// What a strategic merge patch does with a field, and the merge key of its elements.
pub fn merge(type_name: &str, name: &str) -> (Patch, &'static str) {
    field(type_name, name).map_or((Patch::Unmarked, ""), |f| (f.patch, f.merge_key))
}

const fn ty(name: &'static str, fields: &'static [Field]) -> Type {
    Type { name, fields }
}

const fn named(name: &'static str) -> Field {
    Field {
        name,
        always: None,
        keeps_empty: false,
        child: "",
        shape: Shape::Object,
        list: ListType::Unmarked,
        atomic: false,
        patch: Patch::Unmarked,
        merge_key: "",
    }
}

/// The builder that the table is written in.
impl Field {
    const fn always(mut self, zero: &'static str) -> Self {
        self.always = Some(zero);
        self
    }

    const fn keeps_empty(mut self) -> Self {
        self.keeps_empty = true;
        self
    }

    const fn object(mut self, child: &'static str) -> Self {
        self.child = child;
        self
    }

    const fn list(mut self, child: &'static str) -> Self {
        self.shape = Shape::List;
        self.object(child)
    }

    const fn map(mut self, child: &'static str) -> Self {
        self.shape = Shape::Map;
        self.object(child)
    }

    const fn list_atomic(mut self) -> Self {
        self.list = ListType::Atomic;
        self
    }

    const fn list_set(mut self) -> Self {
        self.list = ListType::Set;
        self
    }

    const fn list_map(mut self, keys: &'static [&'static str]) -> Self {
        self.list = ListType::Map(keys);
        self
    }

    const fn atomic(mut self) -> Self {
        self.atomic = true;
        self
    }

    const fn patch(mut self, patch: Patch, merge_key: &'static str) -> Self {
        self.patch = patch;
        self.merge_key = merge_key;
        self
    }
}

#[cfg(test)]
mod tests;
