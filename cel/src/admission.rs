//! The environment of match conditions and admission policies.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/cel/compile.go`.

use crate::decl::{DeclType, ListType};
use crate::env::Environment;

/// The minor version of Kubernetes whose functions expressions have.
const MINOR: u32 = 37;

impl Environment {
    /// The environment of expressions about a request that is being admitted: `object`, `oldObject`,
    /// `request` and `authorizer`.
    pub fn of_admission() -> Self {
        Self::new(MINOR)
            .with_variable("object", DeclType::any())
            .with_variable("oldObject", DeclType::any())
            .with_variable("request", request_type())
            .with_authorizer()
    }
}

/// Upstream: `BuildRequestType`.
fn request_type() -> DeclType {
    let text = || DeclType::string(None);
    let texts = || DeclType::list(text(), None, ListType::Atomic);
    let object = |name: &str, fields: Vec<(&str, DeclType)>| {
        let fields = fields.into_iter().map(|(name, of)| (name.to_owned(), of));
        DeclType::object(name, fields)
    };
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
