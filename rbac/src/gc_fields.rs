//! Updates that only let the garbage collector do its work.

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Whether an update changes nothing but owner references and finalizers, which asks nobody for
/// the rules in a role (upstream: `pkg/registry/rbac/helpers.go IsOnlyMutatingGCFields`).
pub fn only_gc_fields_differ<T>(new: &T, old: &T) -> bool
where
    T: Metadata<Ty = ObjectMeta> + Clone + PartialEq,
{
    let mut copy = new.clone();
    let (metadata, old_metadata) = (copy.metadata_mut(), old.metadata());
    metadata
        .owner_references
        .clone_from(&old_metadata.owner_references);
    metadata.finalizers.clone_from(&old_metadata.finalizers);
    metadata.self_link.clone_from(&old_metadata.self_link);
    metadata
        .managed_fields
        .clone_from(&old_metadata.managed_fields);
    copy == *old
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{role, rule};

    #[test]
    fn finalizers_may_go_but_rules_may_not_come() {
        let mut old = role("ns", "a", &[rule(&["get"], &[""], &["pods"])]);
        old.metadata.finalizers = Some(vec!["x".into()]);
        let mut new = old.clone();
        new.metadata.finalizers = None;
        new.metadata.managed_fields = Some(vec![]);
        assert!(only_gc_fields_differ(&new, &old));
        new.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        assert!(!only_gc_fields_differ(&new, &old));
        new.metadata.labels = None;
        new.rules = None;
        assert!(!only_gc_fields_differ(&new, &old));
    }
}
