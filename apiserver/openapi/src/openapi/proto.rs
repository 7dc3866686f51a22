//! The protobuf form of an OpenAPI v2 document: gnostic's `openapi.v2.Document`, which is not
//! generated from a schema of ours but has messages of its own.

mod messages;

use messages::{
    AdditionalPropertiesItem, Any, ApiKeySecurity, BodyParameter, Definitions, Document, Info,
    ItemsItem, NamedAny, NamedPathItem, NamedResponseValue, NamedSchema,
    NamedSecurityDefinitionsItem, NamedStringArray, NonBodyParameter, Operation, Parameter,
    ParametersItem, PathItem, PathParameter, Paths, Properties, QueryParameter, Response,
    ResponseValue, Responses, Schema, SchemaItem, SecurityDefinitions, SecurityDefinitionsItem,
    SecurityRequirement, StringArray, TypeItem, additional_properties_item, non_body_parameter,
    parameter, parameters_item, response_value, schema_item, security_definitions_item,
};
use prost::Message;
use serde_json::{Map, Value};

type Fields = Map<String, Value>;

/// The document in protobuf; what this server does not write into its documents is not carried.
pub(super) fn encode(document: &Value) -> Vec<u8> {
    Document {
        swagger: text(document, "swagger"),
        info: document.get("info").map(|info| Info {
            title: text(info, "title"),
            version: text(info, "version"),
        }),
        paths: Some(Paths {
            path: each(document, "paths", |name, value| NamedPathItem {
                name,
                value: Some(path_item(value)),
            }),
        }),
        definitions: Some(Definitions {
            additional_properties: schemas(document, "definitions"),
        }),
        security: list(document, "security")
            .iter()
            .map(|requirement| SecurityRequirement {
                additional_properties: fields(requirement)
                    .map(|(name, scopes)| NamedStringArray {
                        name: name.clone(),
                        value: Some(StringArray {
                            value: strings(scopes),
                        }),
                    })
                    .collect(),
            })
            .collect(),
        security_definitions: Some(SecurityDefinitions {
            additional_properties: each(document, "securityDefinitions", |name, value| {
                NamedSecurityDefinitionsItem {
                    name,
                    value: Some(security(value)),
                }
            }),
        }),
    }
    .encode_to_vec()
}

fn security(value: &Value) -> SecurityDefinitionsItem {
    let key = ApiKeySecurity {
        r#type: text(value, "type"),
        name: text(value, "name"),
        r#in: text(value, "in"),
        description: text(value, "description"),
    };
    SecurityDefinitionsItem {
        oneof: Some(security_definitions_item::Oneof::ApiKeySecurity(key)),
    }
}

fn path_item(item: &Value) -> PathItem {
    PathItem {
        get: item.get("get").map(operation),
        put: item.get("put").map(operation),
        post: item.get("post").map(operation),
        delete: item.get("delete").map(operation),
        patch: item.get("patch").map(operation),
        parameters: list(item, "parameters").iter().map(parameter).collect(),
    }
}

fn operation(operation: &Value) -> Operation {
    Operation {
        tags: strings_of(operation, "tags"),
        description: text(operation, "description"),
        operation_id: text(operation, "operationId"),
        produces: strings_of(operation, "produces"),
        consumes: strings_of(operation, "consumes"),
        parameters: list(operation, "parameters")
            .iter()
            .map(parameter)
            .collect(),
        responses: Some(Responses {
            response_code: each(operation, "responses", |name, value| NamedResponseValue {
                name,
                value: Some(response(value)),
            }),
        }),
        schemes: strings_of(operation, "schemes"),
        vendor_extension: extensions(operation),
    }
}

fn response(response: &Value) -> ResponseValue {
    let response = Response {
        description: text(response, "description"),
        schema: response.get("schema").map(|s| SchemaItem {
            oneof: Some(schema_item::Oneof::Schema(schema(s))),
        }),
    };
    ResponseValue {
        oneof: Some(response_value::Oneof::Response(response)),
    }
}

fn parameter(value: &Value) -> ParametersItem {
    let name = text(value, "name");
    let description = text(value, "description");
    let required = value.get("required") == Some(&Value::Bool(true));
    let r#in = text(value, "in");
    let non_body =
        |oneof| parameter::Oneof::NonBodyParameter(NonBodyParameter { oneof: Some(oneof) });
    let oneof = match r#in.as_str() {
        "body" => parameter::Oneof::BodyParameter(BodyParameter {
            description,
            name,
            r#in,
            required,
            schema: value.get("schema").map(schema),
        }),
        "path" => non_body(non_body_parameter::Oneof::PathParameter(PathParameter {
            required,
            r#in,
            description,
            name,
            r#type: text(value, "type"),
            unique_items: true,
        })),
        _ => non_body(non_body_parameter::Oneof::QueryParameter(QueryParameter {
            required,
            r#in,
            description,
            name,
            r#type: text(value, "type"),
            unique_items: true,
        })),
    };
    ParametersItem {
        oneof: Some(parameters_item::Oneof::Parameter(Parameter {
            oneof: Some(oneof),
        })),
    }
}

fn schema(value: &Value) -> Schema {
    let r#type = text(value, "type");
    Schema {
        r#ref: text(value, "$ref"),
        format: text(value, "format"),
        description: text(value, "description"),
        required: strings_of(value, "required"),
        additional_properties: value.get("additionalProperties").map(|inner| {
            let oneof = match inner {
                Value::Bool(any) => additional_properties_item::Oneof::Boolean(*any),
                inner => additional_properties_item::Oneof::Schema(Box::new(schema(inner))),
            };
            Box::new(AdditionalPropertiesItem { oneof: Some(oneof) })
        }),
        r#type: (!r#type.is_empty()).then(|| TypeItem {
            value: vec![r#type],
        }),
        items: value.get("items").map(|inner| ItemsItem {
            schema: vec![schema(inner)],
        }),
        properties: value.get("properties").map(|_| Properties {
            additional_properties: schemas(value, "properties"),
        }),
        vendor_extension: extensions(value),
    }
}

fn schemas(owner: &Value, key: &str) -> Vec<NamedSchema> {
    each(owner, key, |name, value| NamedSchema {
        name,
        value: Some(schema(value)),
    })
}

/// The `x-` fields. JSON is YAML, which is what the message wants.
fn extensions(owner: &Value) -> Vec<NamedAny> {
    fields(owner)
        .filter(|(name, _)| name.starts_with("x-"))
        .map(|(name, value)| NamedAny {
            name: name.clone(),
            value: Some(Any {
                yaml: value.to_string(),
            }),
        })
        .collect()
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Fields::iter)
}

fn each<T>(owner: &Value, key: &str, make: impl Fn(String, &Value) -> T) -> Vec<T> {
    owner
        .get(key)
        .into_iter()
        .flat_map(fields)
        .map(|(name, value)| make(name.clone(), value))
        .collect()
}

fn list<'v>(owner: &'v Value, key: &str) -> &'v [Value] {
    owner
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text(owner: &Value, key: &str) -> String {
    owner
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn strings_of(owner: &Value, key: &str) -> Vec<String> {
    owner.get(key).map(strings).unwrap_or_default()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
