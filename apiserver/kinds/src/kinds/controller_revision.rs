//! Earlier templates of stateful and daemon sets.

use k8s_openapi::api::apps::v1::ControllerRevision;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::strategy::{Cell, Column, Strategy};
use crate::validation::{IMMUTABLE, list, not_negative};

/// The rules of controller revisions (upstream: `pkg/registry/apps/controllerrevision/strategy.go`).
pub struct ControllerRevisionStrategy;

impl Strategy for ControllerRevisionStrategy {
    type Kind = ControllerRevision;

    fn validate(&self, revision: &ControllerRevision) -> ErrorList {
        let mut errors = ErrorList::new();
        if revision.data.0.is_null() {
            let path = Path::new("data");
            errors.push(FieldError::required(&path, "data is mandatory"));
        }
        not_negative(revision.revision, &Path::new("revision"), &mut errors);
        errors
    }

    fn validate_update(
        &self,
        revision: &ControllerRevision,
        old: &ControllerRevision,
    ) -> ErrorList {
        let mut errors = self.validate(revision);
        if revision.data != old.data {
            let value = BadValue::go(revision.data.0.to_string());
            errors.push(FieldError::invalid(&Path::new("data"), value, IMMUTABLE));
        }
        errors
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column::text("Controller", "Whose revision it is."),
            // upstream's type, though the cells are numbers
            Column::text("Revision", "The higher, the newer."),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, revision: &ControllerRevision) -> Vec<Cell> {
        let mut owners = list(revision.metadata.owner_references.as_ref()).iter();
        let owner = owners.find(|o| o.controller == Some(true)).map(|o| {
            let group = o.api_version.split_once('/').map(|(group, _)| group);
            let dot = group.map(|g| format!(".{g}")).unwrap_or_default();
            format!("{}{dot}/{}", o.kind.to_lowercase(), o.name)
        });
        vec![
            Cell::name(revision),
            Cell::text(owner.unwrap_or_else(|| "<none>".into())),
            Cell::integer(revision.revision.unwrap_or_default()),
            Cell::age(revision),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, update_mistakes};

    #[test]
    fn data_is_set_once() {
        let strategy = &ControllerRevisionStrategy;
        let with = |data: &str| json!({"revision": 1, "data": {"spec": data}});
        assert_eq!(mistakes(strategy, &with("a")), Vec::<String>::new());
        assert_eq!(
            mistakes(strategy, &json!({"revision": -1})),
            [
                "data: Required value: data is mandatory",
                "revision: Invalid value: -1: must be greater than or equal to 0"
            ]
        );
        assert_eq!(
            update_mistakes(strategy, &with("b"), &with("a")),
            ["data: Invalid value: {\"spec\":\"b\"}: field is immutable"]
        );
    }

    #[test]
    fn rows_name_the_controller() {
        let object = json!({"revision": 3, "metadata": {"name": "r", "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "uid": "u", "controller": true}]}});
        let revision = defaulted(&ControllerRevisionStrategy, &object);
        let cells = ControllerRevisionStrategy.cells(&revision);
        assert_eq!(cells[1], Cell::text("statefulset.apps/s"));
        assert_eq!(cells[2], Cell::integer(3));
    }
}
