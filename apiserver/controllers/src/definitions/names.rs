//! The names that a definition gets (upstream: `pkg/controller/status/naming_controller.go`).

use std::collections::HashSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionNames,
};

/// The names of other definitions of the group.
#[derive(Debug, Default)]
pub(super) struct Taken<'d> {
    /// Plurals, singulars and short names.
    resources: HashSet<&'d str>,
    /// Kinds, and kinds of lists.
    kinds: HashSet<&'d str>,
}

/// Why a name is not accepted, for the condition.
pub(super) type Refusal = (&'static str, String);

impl<'d> Taken<'d> {
    /// The accepted names of other definitions.
    pub(super) fn by(accepted: impl Iterator<Item = &'d CustomResourceDefinitionNames>) -> Self {
        let mut taken = Self::default();
        for names in accepted {
            let singular = names.singular.iter();
            let short = names.short_names.iter().flatten();
            let resources = std::iter::once(&names.plural).chain(singular).chain(short);
            taken.resources.extend(resources.map(String::as_str));
            let kinds = std::iter::once(&names.kind).chain(&names.list_kind);
            taken.kinds.extend(kinds.map(String::as_str));
        }
        taken
    }
}

/// Copies the requested names that are free into the status of a definition; returns why not all are
/// accepted.
///
/// It keeps its current names until it can have the new ones.
pub(super) fn accept(
    definition: &mut CustomResourceDefinition,
    taken: &Taken<'_>,
) -> Option<Refusal> {
    let wanted = definition.spec.names.clone();
    let status = definition.status.get_or_insert_default();
    let had = status.accepted_names.take().unwrap_or_default();
    let mut refusal = None;
    let free = |name: &str, among: &HashSet<&str>| match among.contains(name) {
        true => Err(format!("{name:?} is already in use")),
        false => Ok(()),
    };
    let mut check = |reason: &'static str, outcome: Result<(), String>| {
        let refused = outcome.err().map(|why| (reason, why));
        let accepted = refused.is_none();
        refusal = refused.or(refusal.take());
        accepted
    };
    let own = |name: &str| name == had.plural || had.singular.as_deref() == Some(name);
    let resource = |name: &str| match own(name) {
        true => Ok(()),
        false => free(name, &taken.resources),
    };
    let text = |name: &Option<String>| name.clone().unwrap_or_default();
    let plural = check("PluralConflict", resource(&wanted.plural));
    let singular = check("SingularConflict", resource(&text(&wanted.singular)));
    let conflicts: Vec<_> = wanted
        .short_names
        .iter()
        .flatten()
        .filter_map(|name| free(name, &taken.resources).err())
        .collect();
    let short = match conflicts.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    };
    let short = check("ShortNamesConflict", short);
    let kind = check("KindConflict", free(&wanted.kind, &taken.kinds));
    let list_kind = check(
        "ListKindConflict",
        free(&text(&wanted.list_kind), &taken.kinds),
    );
    status.accepted_names = Some(CustomResourceDefinitionNames {
        plural: if plural { wanted.plural } else { had.plural },
        singular: if singular {
            wanted.singular
        } else {
            had.singular
        },
        short_names: if short {
            wanted.short_names
        } else {
            had.short_names
        },
        kind: if kind { wanted.kind } else { had.kind },
        list_kind: if list_kind {
            wanted.list_kind
        } else {
            had.list_kind
        },
        categories: wanted.categories,
    });
    refusal
}
