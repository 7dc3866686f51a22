//! The published schemas of custom resources
//! (`k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder`).

mod clean;
mod v2;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinitionSpec, CustomResourceDefinitionVersion, JSONSchemaProps,
};
use serde_json::{Map, Value, json};

use crate::definition::is_structural;

/// The version of `OpenAPI` of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Swagger 2.0, which has neither junctors nor `nullable`.
    V2,
    /// `OpenAPI` 3.0.
    V3,
}

impl Form {
    const fn prefix(self) -> &'static str {
        match self {
            Self::V2 => "#/definitions/",
            Self::V3 => "#/components/schemas/",
        }
    }

    fn object_meta(self) -> Value {
        self.metadata("ObjectMeta", "object's metadata", "metadata")
    }

    /// A described reference; in version 3 a reference has no siblings
    /// (`WrapRefs` of `k8s.io/kube-openapi/pkg/openapiconv`).
    fn metadata(self, kind: &str, what: &str, anchor: &str) -> Value {
        let description = format!("Standard {what}. More info: {CONVENTIONS}#{anchor}");
        let reference = format!("{}{META}{kind}", self.prefix());
        match self {
            Self::V2 => json!({"$ref": reference, "description": description}),
            Self::V3 => json!({"allOf": [{"$ref": reference}], "description": description}),
        }
    }
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";
const CONVENTIONS: &str =
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md";

/// The name of the definition of a kind, such as `org.example.v1.Widget`.
pub fn model_name(group: &str, version: &str, kind: &str) -> String {
    let mut parts: Vec<_> = group.split('.').collect();
    parts.reverse();
    format!("{}.{version}.{kind}", parts.join("."))
}

/// The schema of a version's objects; `None` if there is no such version.
pub fn object_schema(
    spec: &CustomResourceDefinitionSpec,
    version: &str,
    form: Form,
) -> Option<Value> {
    let version = find(spec, version)?;
    let props = version
        .schema
        .as_ref()
        .and_then(|s| s.open_api_v3_schema.as_ref());
    let mut schema = match props.filter(|p| is_structural(p)) {
        None => json!({"type": "object"}),
        // otherwise kubectl would reject fields that are not declared
        Some(props) if form == Form::V2 && preserves_all(spec, props) => json!({"type": "object"}),
        Some(props) => declared(props, form),
    };
    label(&mut schema, spec, &version.name, &spec.names.kind);
    add_selectable(&mut schema, version);
    Some(schema)
}

/// The schema of a list of a version's objects; `None` if there is no such version.
pub fn list_schema(
    spec: &CustomResourceDefinitionSpec,
    version: &str,
    form: Form,
) -> Option<Value> {
    let version = find(spec, version)?;
    let names = &spec.names;
    let list_kind = names
        .list_kind
        .clone()
        .unwrap_or_else(|| format!("{}List", names.kind));
    let item = model_name(&spec.group, &version.name, &names.kind);
    let mut schema = json!({
        "type": "object",
        "description": format!("{list_kind} is a list of {}", names.kind),
        "required": ["items"],
        "properties": {
            "items": {
                "type": "array",
                "description": format!("List of {}. More info: {CONVENTIONS}", names.plural),
                "items": {"$ref": format!("{}{item}", form.prefix())},
            },
            "metadata": form.metadata("ListMeta", "list metadata", "types-kinds"),
        },
    });
    add_type_meta(&mut schema);
    label(&mut schema, spec, &version.name, &list_kind);
    add_selectable(&mut schema, version);
    Some(schema)
}

fn find<'s>(
    spec: &'s CustomResourceDefinitionSpec,
    version: &str,
) -> Option<&'s CustomResourceDefinitionVersion> {
    spec.versions.iter().find(|v| v.name == version)
}

fn preserves_all(spec: &CustomResourceDefinitionSpec, props: &JSONSchemaProps) -> bool {
    spec.preserve_unknown_fields == Some(true)
        || props.x_kubernetes_preserve_unknown_fields == Some(true)
}

fn declared(props: &JSONSchemaProps, form: Form) -> Value {
    let mut schema = serde_json::to_value(props).unwrap_or_default();
    clean::clean(&mut schema);
    clean::unfold(&mut schema);
    if form == Form::V2 {
        v2::convert(&mut schema);
    }
    set_property(&mut schema, "metadata", form.object_meta());
    add_type_meta(&mut schema);
    embed(&mut schema, form);
    schema
}

fn add_type_meta(schema: &mut Value) {
    let version = format!(
        "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized \
         schemas to the latest internal value, and may reject unrecognized values. More info: {CONVENTIONS}#resources"
    );
    let kind = format!(
        "Kind is a string value representing the REST resource this object represents. Servers may infer this from the \
         endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: {CONVENTIONS}#types-kinds"
    );
    set_property(
        schema,
        "apiVersion",
        json!({"type": "string", "description": version}),
    );
    set_property(
        schema,
        "kind",
        json!({"type": "string", "description": kind}),
    );
}

fn set_property(schema: &mut Value, name: &str, property: Value) {
    let Value::Object(schema) = schema else {
        return;
    };
    let properties = schema
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(properties) = properties {
        properties.insert(name.to_owned(), property);
    }
}

/// Adds `apiVersion`, `kind` and `metadata` to embedded resources.
fn embed(schema: &mut Value, form: Form) {
    clean::each_child(schema, &mut |child| embed(child, form));
    let has = |schema: &Value, extension: &str| schema.get(extension) == Some(&Value::Bool(true));
    if form == Form::V2 && has(schema, clean::PRESERVE) {
        return;
    }
    if !has(schema, "x-kubernetes-embedded-resource") {
        return;
    }
    let version = format!(
        "apiVersion defines the versioned schema of this representation of an object. More info: {CONVENTIONS}#resources"
    );
    let kind = format!(
        "kind is a string value representing the type of this object. In CamelCase. More info: {CONVENTIONS}#types-kinds"
    );
    set_property(
        schema,
        "apiVersion",
        json!({"type": "string", "description": version}),
    );
    set_property(
        schema,
        "kind",
        json!({"type": "string", "description": kind}),
    );
    set_property(schema, "metadata", form.object_meta());
    require(schema, ["kind", "apiVersion"]);
}

fn require(schema: &mut Value, names: [&str; 2]) {
    let Value::Object(schema) = schema else {
        return;
    };
    let required = schema
        .entry("required")
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(required) = required {
        for name in names {
            if !required.iter().any(|r| r == name) {
                required.push(name.into());
            }
        }
    }
}

fn label(schema: &mut Value, spec: &CustomResourceDefinitionSpec, version: &str, kind: &str) {
    if let Value::Object(schema) = schema {
        let gvk = json!([{"group": spec.group, "version": version, "kind": kind}]);
        schema.insert("x-kubernetes-group-version-kind".to_owned(), gvk);
    }
}

fn add_selectable(schema: &mut Value, version: &CustomResourceDefinitionVersion) {
    let fields = version.selectable_fields.as_ref().filter(|f| !f.is_empty());
    if let (Value::Object(schema), Some(fields)) = (schema, fields) {
        let path = |p: &str| json!({"fieldPath": p.strip_prefix('.').unwrap_or(p)});
        let fields = fields.iter().map(|f| path(&f.json_path)).collect();
        schema.insert(
            "x-kubernetes-selectable-fields".to_owned(),
            Value::Array(fields),
        );
    }
}

#[cfg(test)]
mod tests;
