//! Flow schemas: which requests are of which priority level. They are kept, and do not decide: see
//! `docs/differences.md`.

mod validate;

use k8s_openapi::api::flowcontrol::v1::FlowSchema;
use portcullis_api::{ErrorList, Path};

pub(in crate::kinds) use self::validate::validate_condition_types;
use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::list;

/// The precedence of a schema that does not say.
const PRECEDENCE: i32 = 1000;

/// The rules of flow schemas (upstream: `pkg/registry/flowcontrol/flowschema/strategy.go`).
pub struct FlowSchemaStrategy;

impl Strategy for FlowSchemaStrategy {
    type Kind = FlowSchema;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(1, 0)
    }

    fn default(&self, schema: &mut FlowSchema) {
        let spec = &mut schema.spec;
        if spec.matching_precedence.unwrap_or_default() == 0 {
            spec.matching_precedence = Some(PRECEDENCE);
        }
        schema.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, schema: &mut FlowSchema) {
        schema.status = Some(Default::default());
    }

    fn prepare_for_update(&self, schema: &mut FlowSchema, old: &FlowSchema) {
        schema.status.clone_from(&old.status);
    }

    fn validate(&self, schema: &FlowSchema) -> ErrorList {
        validate::validate(schema)
    }

    fn prepare_status_update(&self, schema: &mut FlowSchema, old: &FlowSchema) {
        schema.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, schema: &FlowSchema, _: &FlowSchema) -> ErrorList {
        let status = schema.status.as_ref();
        let conditions = list(status.and_then(|status| status.conditions.as_ref()));
        let types = conditions.iter().map(|condition| condition.type_.as_str());
        let mut errors = ErrorList::new();
        let path = Path::new("status").child("conditions");
        validate_condition_types(types, &path, &mut errors);
        errors
    }

    fn spec_changed(&self, schema: &FlowSchema, old: &FlowSchema) -> Option<bool> {
        Some(schema.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, schema: &FlowSchema) -> Vec<Cell> {
        let spec = &schema.spec;
        let method = spec.distinguisher_method.as_ref();
        let method = method.map(|method| method.type_.clone());
        let status = schema.status.as_ref();
        let mut conditions = status.iter().flat_map(|s| s.conditions.iter().flatten());
        let dangling = conditions.find(|one| one.type_ == "Dangling");
        let dangling = dangling.and_then(|condition| condition.status.clone());
        vec![
            Cell::name(schema),
            Cell::text(spec.priority_level_configuration.name.clone()),
            Cell::integer(spec.matching_precedence.unwrap_or_default().into()),
            Cell::text(method.unwrap_or_else(|| "<none>".to_owned())),
            Cell::age(schema),
            Cell::text(dangling.unwrap_or_else(|| "?".to_owned())),
        ]
    }
}

static COLUMNS: [Column; 6] = [
    Column::NAME,
    Column::text(
        "PriorityLevel",
        "`name` is the name of the priority level configuration being referenced Required.",
    ),
    Column::text(
        "MatchingPrecedence",
        "`matchingPrecedence` is used to choose among the FlowSchemas that match a given request. The chosen FlowSchema is among those with the numerically lowest (which we take to be logically highest) MatchingPrecedence.  Each MatchingPrecedence value must be ranged in [1,10000]. Note that if the precedence is not specified, it will be set to 1000 as default.",
    ),
    Column::text(
        "DistinguisherMethod",
        "`distinguisherMethod` defines how to compute the flow distinguisher for requests that match this schema. `nil` specifies that the distinguisher is disabled and thus will always be the empty string.",
    ),
    Column::AGE,
    Column::text(
        "MissingPL",
        "references a broken or non-existent PriorityLevelConfiguration",
    ),
];

#[cfg(test)]
mod tests;
