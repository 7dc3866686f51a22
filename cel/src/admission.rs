//! The environment of match conditions and admission policies.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/cel/compile.go`.

use crate::decl::{DeclType, ListType};
use crate::env::Environment;
use crate::library::PATCHES;
use crate::types::Type;
use crate::value::{OBJECT, OPERATION};

/// The minor version of Kubernetes whose functions expressions have.
const MINOR: u32 = 37;

impl Environment {
    /// The environment of expressions about a request that is being admitted: `object`, `oldObject`,
    /// `request`, `namespaceObject` and `authorizer`.
    pub fn of_admission() -> Self {
        Self::of_request(&DeclType::any()).with_authorizer()
    }

    /// The same without `authorizer`, for requests whose objects have a type.
    pub fn of_request(object: &DeclType) -> Self {
        Self::new(MINOR)
            .with_variable("object", object.clone())
            .with_variable("oldObject", object.clone())
            .with_variable("namespaceObject", namespace_type())
            .with_variable("request", request_type())
    }
}

impl Environment {
    /// Declares the types and functions of expressions that describe a patch: `Object` and its parts,
    /// `JSONPatch`, and `jsonpatch.escapeKey`.
    #[must_use]
    pub fn with_patches(self) -> Self {
        let texts = ["op", "path", "from"].map(|name| (name, text()));
        let fields = texts.into_iter().chain([("value", DeclType::any())]);
        self.with_functions_of(PATCHES)
            .with_object(&DeclType::open_object(OBJECT))
            .with_object(&object(OPERATION, fields.collect()))
    }

    /// The type of expressions that return an apply configuration.
    pub fn overlay(&self) -> Type {
        self.object_type(OBJECT)
    }

    /// The type of expressions that return the operations of a JSON patch.
    pub fn operations(&self) -> Type {
        Type::list(self.object_type(OPERATION))
    }
}

fn text() -> DeclType {
    DeclType::string(None)
}

fn texts() -> DeclType {
    DeclType::list(text(), None, ListType::Atomic)
}

fn object(name: &str, fields: Vec<(&str, DeclType)>) -> DeclType {
    let fields = fields.into_iter().map(|(name, of)| (name.to_owned(), of));
    DeclType::object(name, fields)
}

/// Upstream: `BuildNamespaceType`, which leaves out owners and managed fields, and misspells `uid`.
fn namespace_type() -> DeclType {
    let condition = object(
        "kubernetes.NamespaceCondition",
        vec![
            ("status", text()),
            ("type", text()),
            ("lastTransitionTime", DeclType::timestamp()),
            ("message", text()),
            ("reason", text()),
        ],
    );
    let metadata = object(
        "kubernetes.NamespaceMetadata",
        vec![
            ("name", text()),
            ("generateName", text()),
            ("namespace", text()),
            ("labels", DeclType::map(text(), None)),
            ("annotations", DeclType::map(text(), None)),
            ("UID", text()),
            ("creationTimestamp", DeclType::timestamp()),
            ("deletionGracePeriodSeconds", DeclType::int()),
            ("deletionTimestamp", DeclType::timestamp()),
            ("generation", DeclType::int()),
            ("resourceVersion", text()),
            ("finalizers", texts()),
        ],
    );
    let status = vec![
        (
            "conditions",
            DeclType::list(condition, None, ListType::Atomic),
        ),
        ("phase", text()),
    ];
    object(
        "kubernetes.Namespace",
        vec![
            ("metadata", metadata),
            (
                "spec",
                object("kubernetes.NamespaceSpec", vec![("finalizers", texts())]),
            ),
            ("status", object("kubernetes.NamespaceStatus", status)),
        ],
    )
}

/// Upstream: `BuildRequestType`.
fn request_type() -> DeclType {
    let kind = || {
        object(
            "kubernetes.GroupVersionKind",
            vec![("group", text()), ("version", text()), ("kind", text())],
        )
    };
    let resource = || {
        object(
            "kubernetes.GroupVersionResource",
            vec![("group", text()), ("version", text()), ("resource", text())],
        )
    };
    let user = object(
        "kubernetes.UserInfo",
        vec![
            ("username", text()),
            ("uid", text()),
            ("groups", texts()),
            ("extra", DeclType::map(texts(), None)),
        ],
    );
    object(
        "kubernetes.AdmissionRequest",
        vec![
            ("kind", kind()),
            ("resource", resource()),
            ("subResource", text()),
            ("requestKind", kind()),
            ("requestResource", resource()),
            ("requestSubResource", text()),
            ("name", text()),
            ("namespace", text()),
            ("operation", text()),
            ("userInfo", user),
            ("dryRun", DeclType::bool()),
            ("options", DeclType::any()),
        ],
    )
}
