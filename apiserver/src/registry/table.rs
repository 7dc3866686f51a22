//! The kind table: every resource the server serves. Adding a kind starts here.

use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::{ObjectType, Verb};

use super::kinds::namespace::NamespaceStrategy;
use super::resource::{Resource, Subresource, status};

/// All resources, in the order discovery lists their groups.
pub static RESOURCES: &[Resource] = &[Resource {
    group: "",
    version: "v1",
    aliases: &[],
    kind: "Namespace",
    plural: "namespaces",
    namespaced: false,
    short_names: &["ns"],
    categories: &[],
    verbs: &[
        Verb::Create,
        Verb::Delete,
        Verb::Get,
        Verb::List,
        Verb::Patch,
        Verb::Update,
        Verb::Watch,
    ],
    subresources: &[
        Subresource {
            name: "finalize",
            kind: "Namespace",
            group_version: None,
            verbs: &[Verb::Update],
        },
        status("Namespace"),
    ],
    storage: "namespaces",
    create_on_update: false,
    object_type: &const { ObjectType::of::<Namespace>() },
    strategy: &NamespaceStrategy,
}];
