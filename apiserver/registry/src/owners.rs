//! Duplicate owner references, which are removed with a warning.
//!
//! Upstream: `dedupOwnerReferencesAndAddWarning` in `k8s.io/apiserver/pkg/endpoints/handlers/rest.go`.

use std::collections::HashSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::scope::Scope;

/// Who added the duplicates, which the warning says.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// The client.
    Client,
    /// The client's patch, which is not looked at alone, or admission.
    Admission,
}

impl Origin {
    const fn phrase(self) -> &'static str {
        match self {
            Self::Client => "",
            Self::Admission => " after mutating admission happens",
        }
    }
}

/// Removes references that equal an earlier one, and warns of them. References that only have a uid in common
/// stay.
pub fn dedup(scope: &Scope<'_>, metadata: &mut ObjectMeta, origin: Origin) {
    let owners = metadata.owner_references.as_mut();
    // nearly always there is one, or none
    let Some(owners) = owners.filter(|owners| owners.len() > 1) else {
        return;
    };
    let mut seen = HashSet::new();
    let first: Vec<bool> = owners
        .iter()
        .map(|owner| seen.insert(parts(owner)))
        .collect();
    let mut duplicates = Vec::new();
    let mut first = first.into_iter();
    owners.retain(|owner| {
        let keep = first.next() == Some(true);
        if !keep {
            duplicates.push(owner.uid.clone());
        }
        keep
    });
    if !duplicates.is_empty() {
        scope.warn([format!(
            ".metadata.ownerReferences contains duplicate entries{}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            origin.phrase(),
            duplicates.join(", ")
        )]);
    }
}

/// What makes references equal; the type itself has no hash.
fn parts(owner: &OwnerReference) -> ([&str; 4], [Option<bool>; 2]) {
    let OwnerReference {
        api_version,
        kind,
        name,
        uid,
        controller,
        block_owner_deletion,
    } = owner;
    (
        [api_version, kind, name, uid],
        [*controller, *block_owner_deletion],
    )
}
