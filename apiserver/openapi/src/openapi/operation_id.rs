//! The names generated clients give operations: `listRbacAuthorizationV1NamespacedRole`.

use portcullis_api::GroupVersion;

/// An operation's name without its verb.
#[derive(Clone)]
pub(super) struct OperationName {
    group_version: GroupVersion<'static>,
    kind: &'static str,
    scope: &'static str,
    prefix: &'static str,
    suffix: String,
}

impl OperationName {
    pub(super) fn new(
        group_version: GroupVersion<'static>,
        kind: &'static str,
        namespaced: bool,
    ) -> Self {
        Self {
            group_version,
            kind,
            scope: if namespaced { "Namespaced" } else { "" },
            prefix: "",
            suffix: String::new(),
        }
    }

    /// The same for a whole collection.
    pub(super) fn collection(mut self) -> Self {
        self.prefix = "Collection";
        self
    }

    /// The same across namespaces.
    pub(super) fn all_namespaces(mut self) -> Self {
        self.scope = "";
        "ForAllNamespaces".clone_into(&mut self.suffix);
        self
    }

    /// The same for a subresource.
    pub(super) fn below(mut self, subresource: &str) -> Self {
        self.suffix = capital(subresource);
        self
    }

    /// The name of a verb's operation.
    pub(super) fn id(&self, verb: &str) -> String {
        let group = self.group();
        let version = capital(self.group_version.version);
        let Self {
            prefix,
            scope,
            kind,
            suffix,
            ..
        } = self;
        format!("{verb}{group}{version}{prefix}{scope}{kind}{suffix}")
    }

    /// Such as `rbacAuthorization_v1`.
    pub(super) fn tag(&self) -> String {
        let group = self.group();
        let mut letters = group.chars();
        let first = letters.next().map(|c| c.to_ascii_lowercase());
        first
            .into_iter()
            .chain(letters)
            .chain("_".chars())
            .chain(self.group_version.version.chars())
            .collect()
    }

    fn group(&self) -> String {
        match self.group_version.group {
            "" => "Core".to_owned(),
            group => {
                let own = group.strip_suffix(".k8s.io").unwrap_or(group);
                own.split(['.', '-']).map(capital).collect()
            }
        }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_upstreams() {
        let role = OperationName::new(
            GroupVersion::parse("rbac.authorization.k8s.io/v1"),
            "Role",
            true,
        );
        assert_eq!(role.id("list"), "listRbacAuthorizationV1NamespacedRole");
        assert_eq!(role.tag(), "rbacAuthorization_v1");
        assert_eq!(
            role.clone().collection().id("delete"),
            "deleteRbacAuthorizationV1CollectionNamespacedRole"
        );
        assert_eq!(
            role.all_namespaces().id("list"),
            "listRbacAuthorizationV1RoleForAllNamespaces"
        );
        let custom = GroupVersion::parse("my-shop.example.com/v1");
        let custom = OperationName::new(custom, "Widget", false);
        assert_eq!(custom.id("read"), "readMyShopExampleComV1Widget");
        let pod = OperationName::new(GroupVersion::parse("v1"), "Pod", true);
        assert_eq!(
            pod.below("status").id("read"),
            "readCoreV1NamespacedPodStatus"
        );
    }
}
