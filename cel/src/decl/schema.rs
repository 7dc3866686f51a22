//! Converts structural schemas to declared types, as `SchemaDeclType` of
//! `apiserver/pkg/cel/common`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{DeclKind, DeclType, FieldDecl, ListType, MAX_REQUEST_BYTES, ObjectType, escape};

/// The maximum length of names; what is generated from a prefix is one character longer at least.
const NAME_MAX: u64 = 253;
/// Schemas at a greater depth are ignored.
const MAX_DEPTH: usize = 200;

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaRoot {
    /// A resource, which always has `apiVersion`, `kind` and `metadata`.
    Resource,
    /// A part of a resource.
    Part,
}

/// The type that a structural schema (`OpenAPIV3Schema` as JSON) declares; `None` if expressions
/// cannot access the data. `name` is the name of the type if it is an object.
pub fn decl_type(schema: &Json, root: SchemaRoot, name: &str) -> Option<DeclType> {
    build(Schema(schema), root, name, 0)
}

#[derive(Clone, Copy)]
struct Schema<'s>(&'s Json);

impl<'s> Schema<'s> {
    fn text(self, key: &str) -> &'s str {
        self.0.get(key).and_then(Json::as_str).unwrap_or_default()
    }

    fn flag(self, key: &str) -> bool {
        self.0.get(key).and_then(Json::as_bool).unwrap_or_default()
    }

    /// A limit; a negative one counts as zero.
    fn limit(self, key: &str) -> Option<u64> {
        let limit = self.0.get(key)?.as_i64()?;
        Some(u64::try_from(limit).unwrap_or(0))
    }

    fn child(self, key: &str) -> Option<Self> {
        self.0.get(key).filter(|child| child.is_object()).map(Self)
    }

    fn root(self) -> SchemaRoot {
        if self.flag("x-kubernetes-embedded-resource") {
            SchemaRoot::Resource
        } else {
            SchemaRoot::Part
        }
    }

    fn requires(self, name: &str) -> bool {
        let required = self.0.get("required").and_then(Json::as_array);
        required.is_some_and(|names| names.iter().any(|n| n == name))
    }
}

fn build(schema: Schema<'_>, root: SchemaRoot, name: &str, depth: usize) -> Option<DeclType> {
    if depth > MAX_DEPTH {
        return None;
    }
    if schema.flag("x-kubernetes-int-or-string") {
        return Some(DeclType::simple(DeclKind::Dyn, max_text(schema), 1));
    }
    let kind = match root {
        SchemaRoot::Resource => "object",
        SchemaRoot::Part => schema.text("type"),
    };
    match kind {
        "array" => list(schema, name, depth),
        "object" => object(schema, root, name, depth),
        "string" => Some(string(schema)),
        "boolean" => Some(DeclType::bool()),
        "number" => Some(DeclType::double()),
        "integer" => Some(DeclType::int()),
        _ => None,
    }
}

fn list(schema: Schema<'_>, name: &str, depth: usize) -> Option<DeclType> {
    let items = schema.child("items")?;
    let element = build(items, items.root(), &format!("{name}.@idx"), depth + 1)?;
    let list_type = match schema.text("x-kubernetes-list-type") {
        "set" => ListType::Set,
        "map" => ListType::Map(keys(schema)),
        _ => ListType::Atomic,
    };
    Some(DeclType::list(element, schema.limit("maxItems"), list_type))
}

fn keys(schema: Schema<'_>) -> Vec<String> {
    let keys = schema
        .0
        .get("x-kubernetes-list-map-keys")
        .and_then(Json::as_array);
    let keys = keys.into_iter().flatten().filter_map(Json::as_str);
    keys.map(ToOwned::to_owned).collect()
}

fn object(schema: Schema<'_>, root: SchemaRoot, name: &str, depth: usize) -> Option<DeclType> {
    if root == SchemaRoot::Part
        && let Some(values) = schema.child("additionalProperties")
    {
        let value = build(values, values.root(), &format!("{name}.@elem"), depth + 1)?;
        return Some(DeclType::map(value, schema.limit("maxProperties")));
    }
    let mut fields = BTreeMap::new();
    // the minimum is `{}`
    let mut min_size = 2;
    let properties = schema.0.get("properties").and_then(Json::as_object);
    for (json_name, property) in properties.into_iter().flatten() {
        let property = Schema(property);
        let path = format!("{name}.{}", escape(json_name).unwrap_or_default());
        let Some(decl) = build(property, property.root(), &path, depth + 1) else {
            continue;
        };
        if schema.requires(json_name) && property.0.get("default").is_none_or(Json::is_null) {
            min_size += json_name.len() as u64 + decl.min_size + 4;
        }
        add(&mut fields, json_name, decl);
    }
    if root == SchemaRoot::Resource {
        add_resource_fields(schema, &mut fields, name);
    }
    let object = ObjectType {
        name: name.into(),
        fields: fields.into(),
        open: false,
    };
    Some(DeclType::of_object(object, min_size))
}

fn add(fields: &mut BTreeMap<Box<str>, FieldDecl>, json_name: &str, decl: DeclType) {
    if let Some(escaped) = escape(json_name) {
        let field = FieldDecl::new(&escaped, json_name, decl);
        fields.insert(escaped.into_boxed_str(), field);
    }
}

/// Adds the fields that rules can access in every resource; metadata has only these, unless the
/// schema declares more.
fn add_resource_fields(schema: Schema<'_>, fields: &mut BTreeMap<Box<str>, FieldDecl>, name: &str) {
    let text = || DeclType::string(None);
    let is_text = |decl: &DeclType| matches!(decl.kind, DeclKind::String);
    let has = |name: &str| fields.get(name).is_some_and(|field| is_text(&field.decl));
    let metadata_has_names = fields
        .get("metadata")
        .is_some_and(|field| match &field.decl.kind {
            DeclKind::Object(object) => ["name", "generateName"]
                .iter()
                .all(|name| object.fields.get(name).is_some_and(|f| is_text(&f.decl))),
            _ => false,
        });
    if has("kind") && has("apiVersion") && metadata_has_names {
        return;
    }
    add(fields, "kind", text());
    add(fields, "apiVersion", text());
    let names = [("name", NAME_MAX), ("generateName", NAME_MAX - 1)];
    let names = names.map(|(name, max)| {
        let declared = declared_length(schema, name).unwrap_or(max);
        (
            name.to_owned(),
            DeclType::string(Some(4 * declared.min(max))),
        )
    });
    add(
        fields,
        "metadata",
        DeclType::object(&format!("{name}.metadata"), names),
    );
}

/// The maximum length of a name in metadata, if the schema limits it.
fn declared_length(schema: Schema<'_>, name: &str) -> Option<u64> {
    let metadata = schema.child("properties")?.child("metadata")?;
    metadata
        .child("properties")?
        .child(name)?
        .limit("maxLength")
}

fn string(schema: Schema<'_>) -> DeclType {
    let simple = DeclType::simple;
    match schema.text("format") {
        "byte" => {
            let max = schema.limit("maxLength").unwrap_or(MAX_REQUEST_BYTES - 2);
            simple(DeclKind::Bytes, max, 2)
        }
        "duration" => simple(DeclKind::Duration, 32, 3),
        "date" => simple(DeclKind::Timestamp(true), 12, 12),
        "date-time" => DeclType::timestamp(),
        _ => simple(DeclKind::String, max_text(schema), 2),
    }
}

/// The maximum number of bytes of a string: four for each character that the schema allows.
fn max_text(schema: Schema<'_>) -> u64 {
    if let Some(limit) = schema.limit("maxLength") {
        return limit.saturating_mul(4);
    }
    let choices = schema.0.get("enum").and_then(Json::as_array);
    match choices {
        Some(choices) if !choices.is_empty() && schema.text("type") == "string" => {
            let lengths = choices.iter().filter_map(Json::as_str).map(str::len);
            lengths.max().unwrap_or_default() as u64
        }
        _ => MAX_REQUEST_BYTES - 2,
    }
}

impl DeclType {
    pub(crate) fn as_object(&self) -> Option<&Arc<ObjectType>> {
        match &self.kind {
            DeclKind::Object(object) => Some(object),
            _ => None,
        }
    }
}
