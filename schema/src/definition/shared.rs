//! The parts that all versions of a definition share.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionVersion;

/// Which parts are the same in all versions, so that their errors are reported at the top level.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a part of its own")]
pub(super) struct Shared {
    pub(super) schema: bool,
    pub(super) subresources: bool,
    pub(super) columns: bool,
    pub(super) selectable: bool,
}

impl Shared {
    pub(super) fn of(versions: &[CustomResourceDefinitionVersion]) -> Self {
        let all = |same: fn(
            &CustomResourceDefinitionVersion,
            &CustomResourceDefinitionVersion,
        ) -> bool| {
            versions
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if same(a, b)))
        };
        Self {
            schema: all(|a, b| a.schema == b.schema),
            subresources: all(|a, b| a.subresources == b.subresources),
            columns: all(|a, b| a.additional_printer_columns == b.additional_printer_columns),
            selectable: all(|a, b| a.selectable_fields == b.selectable_fields),
        }
    }
}
