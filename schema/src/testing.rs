//! Helpers for tests.

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::Value;

use crate::Schema;

#[allow(clippy::needless_pass_by_value, reason = "called with literals")]
pub(crate) fn props(value: Value) -> JSONSchemaProps {
    portcullis_api::decode::decode(&value).unwrap().value
}

pub(crate) fn schema(value: Value) -> Arc<Schema> {
    Schema::compile(&props(value)).unwrap()
}
