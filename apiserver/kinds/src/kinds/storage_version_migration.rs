//! Storage version migrations: stored objects are to be written again.

use k8s_openapi::api::storagemigration::v1::StorageVersionMigration;
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::strategy::Strategy;
use crate::validation::conditions::validate_conditions;
use crate::validation::{IMMUTABLE, list, text};

/// The rules of migrations (upstream: `pkg/apis/storagemigration/validation/validation.go`). Nothing here
/// carries them out: objects are stored in one version.
pub struct StorageVersionMigrationStrategy;

impl Strategy for StorageVersionMigrationStrategy {
    type Kind = StorageVersionMigration;

    fn default(&self, migration: &mut StorageVersionMigration) {
        migration.spec.get_or_insert_default();
        migration.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, migration: &mut StorageVersionMigration) {
        migration.status = Some(Default::default());
    }

    fn prepare_for_update(
        &self,
        migration: &mut StorageVersionMigration,
        old: &StorageVersionMigration,
    ) {
        migration.status.clone_from(&old.status);
    }

    fn validate(&self, migration: &StorageVersionMigration) -> ErrorList {
        let mut errors = ErrorList::new();
        let spec = migration.spec.clone().unwrap_or_default();
        let path = Path::new("spec").child("resource");
        let mut check = |field: &str, value: &str, sentences: Vec<String>| {
            if !sentences.is_empty() {
                let detail = sentences.join(",");
                errors.push(FieldError::invalid(&path.child(field), value, detail));
            }
        };
        let (group, plural) = (&spec.resource.group, &spec.resource.resource);
        if !plural.is_empty() {
            check("resource", plural, name::dns1035_label(plural));
        }
        if !group.is_empty() {
            check("group", group, name::dns1123_subdomain(group));
        }
        if plural.is_empty() {
            let detail = "resource is required to be set";
            errors.insert(0, FieldError::required(&path.child("resource"), detail));
        }
        errors
    }

    fn validate_update(
        &self,
        migration: &StorageVersionMigration,
        old: &StorageVersionMigration,
    ) -> ErrorList {
        let mut errors = self.validate(migration);
        if migration.spec != old.spec {
            let value = BadValue::go("storagemigration.StorageVersionMigrationSpec{}");
            errors.push(FieldError::invalid(&Path::new("spec"), value, IMMUTABLE));
        }
        errors
    }

    fn prepare_status_update(
        &self,
        migration: &mut StorageVersionMigration,
        old: &StorageVersionMigration,
    ) {
        migration.spec.clone_from(&old.spec);
    }

    fn validate_status_update(
        &self,
        migration: &StorageVersionMigration,
        old: &StorageVersionMigration,
    ) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("status");
        let version = |migration: &StorageVersionMigration| {
            let status = migration.status.as_ref();
            text(status.and_then(|status| status.resource_version.as_ref())).to_owned()
        };
        let (new, was) = (version(migration), version(old));
        if !was.is_empty() && new != was {
            let path = path.child("resourceVersion");
            errors.push(FieldError::invalid(&path, &new, IMMUTABLE));
        }
        let status = migration.status.as_ref();
        let conditions = list(status.and_then(|status| status.conditions.as_ref()));
        let path = path.child("conditions");
        validate_conditions(conditions, &path, &mut errors);
        let is = |migration: &StorageVersionMigration, condition: &str| {
            let status = migration.status.as_ref();
            let conditions = list(status.and_then(|status| status.conditions.as_ref()));
            let mut found = conditions.iter().filter(|one| one.type_ == condition);
            found.any(|one| one.status == "True")
        };
        let (succeeded, failed) = (is(migration, "Succeeded"), is(migration, "Failed"));
        let running = is(migration, "Running");
        for (wrong, detail) in [
            (
                succeeded && failed,
                "Both success and failed conditions cannot be true at the same time",
            ),
            (
                succeeded && running,
                "Running condition cannot be true when success condition is true",
            ),
            (
                failed && running,
                "Running condition cannot be true when failed condition is true",
            ),
            (
                is(old, "Succeeded") && !succeeded,
                "Success condition cannot be set to false once it is true",
            ),
            (
                is(old, "Failed") && !failed,
                "Failed condition cannot be set to false once it is true",
            ),
        ] {
            if wrong {
                let value = BadValue::go("[]v1.Condition{}");
                errors.push(FieldError::invalid(&path, value, detail));
            }
        }
        errors
    }

    fn spec_changed(
        &self,
        migration: &StorageVersionMigration,
        old: &StorageVersionMigration,
    ) -> Option<bool> {
        Some(migration.spec != old.spec)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::testing::{defaulted, mistakes, update_mistakes};

    const RULES: &StorageVersionMigrationStrategy = &StorageVersionMigrationStrategy;

    #[test]
    fn a_migration_is_of_a_resource_that_stays() {
        let of =
            |plural: &str| json!({"spec": {"resource": {"group": "apps", "resource": plural}}});
        assert!(mistakes(RULES, &of("deployments")).is_empty());
        assert_eq!(
            mistakes(RULES, &json!({})),
            ["spec.resource.resource: Required value: resource is required to be set"]
        );
        assert_eq!(mistakes(RULES, &of("A")).len(), 1);
        assert_eq!(update_mistakes(RULES, &of("a"), &of("b")).len(), 1);
    }

    #[test]
    fn success_is_final() {
        let with = |kinds: &[&str]| {
            let condition = |kind: &&str| {
                json!({"type": kind, "status": "True", "reason": "R", "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z"})
            };
            let conditions: Vec<_> = kinds.iter().map(condition).collect();
            defaulted(RULES, &json!({"status": {"conditions": conditions}}))
        };
        let wrong = |new: &[&str], old: &[&str]| {
            let errors = RULES.validate_status_update(&with(new), &with(old));
            errors.iter().map(|error| error.body()).collect::<Vec<_>>()
        };
        assert!(wrong(&["Succeeded"], &["Running"]).is_empty());
        assert_eq!(wrong(&["Succeeded", "Failed"], &[]).len(), 1);
        let undone = wrong(&["Running"], &["Succeeded"]);
        assert!(undone[0].contains("Success condition cannot be set to false"));
    }
}
