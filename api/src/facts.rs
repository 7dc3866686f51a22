//! What Go's struct tags and comments say of fields and JSON schemas do not.
//!
//! One table, keyed by the name of the Go type (which is also the name `k8s-openapi` gives its
//! struct) and the field's JSON name. Encoding, strategic merge, server-side apply and OpenAPI read
//! it. `facts/generate.py` writes it from Kubernetes' own types.

mod table;

/// A Go struct: its fields of which there is something to say.
#[derive(Debug)]
pub struct Type {
    /// Such as `PodSpec`.
    pub name: &'static str,
    /// Fields that are always written come first.
    pub fields: &'static [Field],
}

/// What is known of a field.
#[derive(Debug)]
pub struct Field {
    /// Such as `containers`.
    pub name: &'static str,
    /// What Go writes of the field when it is unset; `None` if it is left out.
    pub always: Option<&'static str>,
    /// Whether an empty value that is set is written: in Go the field is a pointer.
    pub keeps_empty: bool,
    /// The struct in the field, in its elements, or in its values; empty if there is none.
    pub child: &'static str,
    /// Where in the field's value that struct stands.
    pub shape: Shape,
    /// How the elements of a list are told apart when it is merged by server-side apply.
    pub list: ListType,
    /// Whether a struct or map is owned and replaced as one.
    pub atomic: bool,
    /// What a strategic merge patch does with the field.
    pub patch: Patch,
    /// The field that tells the elements of a list apart in a strategic merge; may be empty.
    pub merge_key: &'static str,
}

/// Where a field's struct stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The field's value is the struct, or there is none.
    Object,
    /// Each element of a list is one.
    List,
    /// Each value of a map is one.
    Map,
}

/// `+listType` and `+listMapKey`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// Nothing is said, which means atomic.
    Unmarked,
    /// The list is owned and replaced as one.
    Atomic,
    /// Its elements are scalars, each there once.
    Set,
    /// Its elements are structs, told apart by these fields.
    Map(&'static [&'static str]),
}

/// `patchStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch {
    /// Nothing is said: objects merge, lists are replaced.
    #[default]
    Unmarked,
    /// Lists merge.
    Merge,
    /// Of a union only the members a patch lists with `$retainKeys` are kept.
    RetainKeys,
    /// Both.
    MergeRetainKeys,
    /// Objects are replaced too.
    Replace,
}

impl Patch {
    /// Whether lists merge.
    pub fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::MergeRetainKeys)
    }

    /// Whether `$retainKeys` is to be expected.
    pub fn retains_keys(self) -> bool {
        matches!(self, Self::RetainKeys | Self::MergeRetainKeys)
    }

    /// As struct tags and OpenAPI have it; empty if nothing is said.
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
    /// What is known of one of its fields.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

/// The name under which the table has the type of a kind: its own, unless a kind of another group or a
/// part of another kind has that.
pub fn owner<'k>(api_version: &str, kind: &'k str) -> &'k str {
    match (api_version, kind) {
        ("events.k8s.io/v1", "Event") => "Event (events)",
        ("authentication.k8s.io/v1", "TokenRequest") => "TokenRequest (authentication)",
        ("resource.k8s.io/v1", "ResourceClaim") => "ResourceClaim (resource)",
        _ => kind,
    }
}

/// The fields of a Go type that are pointers to something of no one type: `{}`, `[]` or `false` there is
/// said, and not the same as nothing. All of them are in definitions of custom resources; the table has
/// no word for them.
pub fn pointers_to_anything(owner: &str) -> &'static [&'static str] {
    match owner {
        "CustomResourceSubresources" => &["status"],
        "JSONSchemaProps" => &[
            "additionalItems",
            "additionalProperties",
            "default",
            "example",
            "items",
        ],
        _ => &[],
    }
}

/// The fields of a Go type, by its name; none for a type of which nothing is known.
pub fn fields(owner: &str) -> &'static [Field] {
    of_type(owner).map_or(&[], |t| t.fields)
}

/// The entry of a Go type. Every struct that is encoded asks for its own, so this is a hash table.
pub fn of_type(owner: &str) -> Option<&'static Type> {
    let mut slot = hash(owner);
    loop {
        let entry = table::TYPES.get(usize::from(INDEX[slot % SLOTS]))?;
        if entry.name == owner {
            return Some(entry);
        }
        slot += 1;
    }
}

/// More than twice the types, so that most stand where their hash says.
const SLOTS: usize = 2048;

/// The places of types in the table, by the hashes of their names; those of no type lead nowhere.
static INDEX: [u16; SLOTS] = index();

const fn index() -> [u16; SLOTS] {
    let mut index = [u16::MAX; SLOTS];
    let mut at = 0;
    while at < table::TYPES.len() {
        let mut slot = hash(table::TYPES[at].name);
        while index[slot % SLOTS] != u16::MAX {
            slot += 1;
        }
        // There are fewer types than slots, and fewer slots than the type holds.
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

/// What Go writes of unset fields, each text as often as there are such fields.
pub(crate) fn zeros() -> impl Iterator<Item = &'static str> {
    let fields = table::TYPES.iter().flat_map(|t| t.fields);
    fields.filter_map(|f| f.always)
}

/// The entry of a field, by the name of its Go type and its own.
pub fn field(owner: &str, name: &str) -> Option<&'static Field> {
    of_type(owner)?.field(name)
}

/// Whether a field is written when it is set to an empty value (`""`, `0`, `false`): in Go it is a
/// pointer, or has no `omitempty`.
pub fn keeps_empty(owner: &str, name: &str) -> bool {
    field(owner, name).is_some_and(|f| f.keeps_empty || f.always.is_some())
}

/// What a strategic merge patch does with a field, and the key its elements merge by.
pub fn merge(owner: &str, name: &str) -> (Patch, &'static str) {
    field(owner, name).map_or((Patch::Unmarked, ""), |f| (f.patch, f.merge_key))
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

/// How the table's lines are put together.
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
