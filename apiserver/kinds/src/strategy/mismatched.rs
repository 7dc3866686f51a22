//! The results of strategies for an object of another kind: never that it is valid.

use portcullis_api::{ErrorList, FieldError, Path};

use super::Cell;

/// The result of a method for an object of another kind.
pub(super) trait Mismatched {
    fn mismatched() -> Self;
}

impl Mismatched for () {
    fn mismatched() -> Self {}
}

impl Mismatched for ErrorList {
    fn mismatched() -> Self {
        let why = "the object is of another kind than its resource";
        vec![FieldError::internal(&Path::new("kind"), why)]
    }
}

impl Mismatched for Vec<String> {
    fn mismatched() -> Self {
        Self::new()
    }
}

impl Mismatched for Vec<Cell> {
    fn mismatched() -> Self {
        Self::new()
    }
}

impl<T> Mismatched for Option<T> {
    fn mismatched() -> Self {
        None
    }
}

/// True, which delays deletion: an unknown object is not removed.
impl Mismatched for bool {
    fn mismatched() -> Self {
        true
    }
}

/// No request can cause this: codec and body make objects of the row's type.
pub(super) fn mismatched<T: Mismatched>(method: &str) -> T {
    tracing::error!(method, "a strategy was given an object of another kind");
    T::mismatched()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Namespace};

    use crate::table;

    #[test]
    fn an_object_of_another_kind_is_rejected() {
        let strategy = &table::NAMESPACES.strategy;
        let (map, namespace) = (ConfigMap::default(), Namespace::default());
        for (what, errors) in [
            ("new", strategy.validate(&map)),
            ("changed", strategy.validate_update(&map, &namespace)),
            ("changed from", strategy.validate_update(&namespace, &map)),
            ("status", strategy.validate_status_update(&map, &namespace)),
            (
                "finalize",
                strategy.validate_subresource("finalize", &map, &namespace),
            ),
            ("served", strategy.validate_served("v1", &map)),
            (
                "served update",
                strategy.validate_served_update("v1", &map, &namespace),
            ),
        ] {
            assert_eq!(errors.len(), 1, "{what}");
            let text = errors[0].to_string();
            assert!(text.contains("Internal error"), "{what}: {text}");
        }
        assert!(strategy.holds_deletion(&map));
    }
}
