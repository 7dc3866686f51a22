//! `matchConditions`: the webhook is called only if all these expressions are true.
//!
//! Upstream: `k8s.io/apiserver/pkg/authorization/cel`.

use std::sync::LazyLock;

use portcullis_cel::{Activation, DeclType, Environment, ListType, Program};
use portcullis_rbac::{Attributes, Target};
use serde_json::{Value, json};

/// The minor version of Kubernetes that sets the available functions.
const MINOR: u32 = 37;
/// Upstream: `PerCallLimit`.
const BUDGET: u64 = 1_000_000;

static ENVIRONMENT: LazyLock<Environment> =
    LazyLock::new(|| Environment::new(MINOR).with_variable("request", request_type()));

/// An expression about a review.
pub struct Condition {
    expression: String,
    program: Program,
}

impl Condition {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Why it is invalid.
    pub fn compile(expression: &str) -> Result<Self, String> {
        let program = ENVIRONMENT.compile_condition(expression);
        Ok(Self {
            expression: expression.to_owned(),
            program: program.map_err(|error| format!("compilation failed: {error}"))?,
        })
    }

    fn evaluate<'a>(&'a self, activation: &'a Activation<'a>) -> Result<bool, String> {
        let failed = |why: &dyn std::fmt::Display| {
            let expression = &self.expression;
            format!("cel evaluation error: expression '{expression}' resulted in error: {why}")
        };
        let outcome = self.program.evaluate(activation, BUDGET);
        let value = outcome.result.map_err(|error| failed(&error))?;
        value.as_bool().ok_or_else(|| failed(&"no such overload"))
    }
}

/// Whether all conditions are true, of which there is at least one. If one is false, errors of others do not
/// count.
///
/// # Errors
/// The errors of all conditions, as one text.
pub(super) fn hold(conditions: &[Condition], attributes: &Attributes<'_>) -> Result<bool, String> {
    let request = request(attributes);
    let activation = Activation::new().with("request", &request);
    let mut errors = Vec::new();
    for condition in conditions {
        match condition.evaluate(&activation) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => errors.push(error),
        }
    }
    match errors.as_slice() {
        [] => Ok(true),
        [error] => Err(error.clone()),
        errors => Err(format!("[{}]", errors.join(", "))),
    }
}

/// The reviewed request, with all its fields (upstream: `convertObjectToUnstructured`).
fn request(attributes: &Attributes<'_>) -> Value {
    let Attributes { user, verb, target } = *attributes;
    let mut request = json!({"user": user.name, "uid": user.uid, "groups": user.groups,
        "extra": user.extra});
    match target {
        Target::Path(path) => {
            request["nonResourceAttributes"] = json!({"path": path, "verb": verb});
        }
        Target::Resource(t) => {
            request["resourceAttributes"] = json!({"namespace": t.namespace, "verb": verb,
                "group": t.group, "version": t.version, "resource": t.resource,
                "subresource": t.subresource, "name": t.name});
        }
    }
    request
}

/// Upstream: `buildRequestType`.
fn request_type() -> DeclType {
    let text = || DeclType::string(None);
    let texts = || DeclType::list(text(), None, ListType::Atomic);
    let object = |name: &str, fields: &[&str]| {
        let fields = fields.iter().map(|field| ((*field).to_owned(), text()));
        DeclType::object(name, fields)
    };
    let resource = object(
        "kubernetes.ResourceAttributes",
        &[
            "namespace",
            "verb",
            "group",
            "version",
            "resource",
            "subresource",
            "name",
        ],
    );
    let path = object("kubernetes.NonResourceAttributes", &["path", "verb"]);
    let fields = [
        ("resourceAttributes", resource),
        ("nonResourceAttributes", path),
        ("user", text()),
        ("groups", texts()),
        ("extra", DeclType::map(texts(), None)),
        ("uid", text()),
    ];
    let fields = fields.map(|(name, of)| (name.to_owned(), of));
    DeclType::object("kubernetes.SubjectAccessReviewSpec", fields)
}

#[cfg(test)]
mod tests {
    use portcullis_api::UserInfo;
    use portcullis_rbac::ResourceTarget;

    use super::*;

    fn ask(expressions: &[&str], target: Target<'_>) -> Result<bool, String> {
        let compiled = expressions.iter().map(|e| Condition::compile(e).unwrap());
        let conditions: Vec<_> = compiled.collect();
        let user = UserInfo {
            name: "alice".to_owned(),
            groups: vec!["devs".to_owned()],
            ..UserInfo::default()
        };
        let verb = "get";
        hold(
            &conditions,
            &Attributes {
                user: &user,
                verb,
                target,
            },
        )
    }

    #[test]
    fn all_conditions_must_be_true() {
        let pods = Target::Resource(ResourceTarget {
            resource: "pods",
            version: "v1",
            ..ResourceTarget::default()
        });
        for (expressions, holds) in [
            (
                &["has(request.resourceAttributes)", "request.user == 'alice'"][..],
                true,
            ),
            (
                &["'devs' in request.groups", "'ops' in request.groups"],
                false,
            ),
            (&["request.resourceAttributes.namespace == ''"], true),
            (&["request.resourceAttributes.version == 'v1'"], true),
            (&["has(request.nonResourceAttributes)"], false),
            (
                &["request.nonResourceAttributes.path == '/'", "false"],
                false,
            ),
        ] {
            assert_eq!(ask(expressions, pods), Ok(holds), "{expressions:?}");
        }
        let path = "request.nonResourceAttributes.path.startsWith('/healthz')";
        assert_eq!(ask(&[path], Target::Path("/healthz/x")), Ok(true));
        let error = ask(&[path], pods).unwrap_err();
        let expected =
            format!("cel evaluation error: expression '{path}' resulted in error: no such key");
        assert!(error.starts_with(&expected), "{error}");
        for wrong in ["request.none", "request.user", "request.user =="] {
            let error = Condition::compile(wrong).err().unwrap();
            assert!(error.starts_with("compilation failed: "), "{error}");
        }
    }
}
