//! Expressions over the claims of tokens, and over the users that they describe
//! (`--authentication-config`).
//!
//! Upstream: `k8s.io/apiserver/pkg/authentication/cel`.

use std::sync::LazyLock;

use portcullis_authn::oidc::{Evaluated, Expression};
use portcullis_cel::{
    Activation, DeclType, Environment, ListType, Program, Type, Value as CelValue, to_json,
};
use serde_json::Value;

/// The minor version of Kubernetes whose functions expressions have.
const MINOR: u32 = 37;
/// How much an evaluation may cost; upstream has no limit here.
const BUDGET: u64 = 1_000_000;
const CLAIMS: &str = "claims";
const USER: &str = "user";

static OF_CLAIMS: LazyLock<Environment> = LazyLock::new(|| {
    let claims = DeclType::map(DeclType::any(), None);
    Environment::new(MINOR).with_variable(CLAIMS, claims)
});
static OF_USER: LazyLock<Environment> =
    LazyLock::new(|| Environment::new(MINOR).with_variable(USER, user_type()));

/// An expression over one variable.
pub struct Compiled {
    text: String,
    variable: &'static str,
    program: Program,
}

impl Compiled {
    /// An expression over `claims`, of any type.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_claims(text: &str) -> Result<Self, String> {
        Self::compile(text, CLAIMS, &OF_CLAIMS)
    }

    /// A condition over `claims`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn condition_of_claims(text: &str) -> Result<Self, String> {
        Self::of_claims(text)?.condition()
    }

    /// A condition over `user`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn condition_of_user(text: &str) -> Result<Self, String> {
        Self::compile(text, USER, &OF_USER)?.condition()
    }

    /// Whether the expression reads this claim.
    pub fn reads(&self, claim: &str) -> bool {
        self.program.selects(CLAIMS, claim)
    }

    fn compile(
        text: &str,
        variable: &'static str,
        environment: &Environment,
    ) -> Result<Self, String> {
        let program = environment.compile(text);
        let program = program.map_err(|error| format!("compilation failed: {error}"))?;
        if let Some(error) = program.instantiation_error() {
            return Err(format!("program instantiation failed: {error}"));
        }
        Ok(Self {
            text: text.to_owned(),
            variable,
            program,
        })
    }

    fn condition(self) -> Result<Self, String> {
        if *self.program.result_type() == Type::Bool {
            return Ok(self);
        }
        Err("must evaluate to bool".to_owned())
    }
}

impl Expression for Compiled {
    fn text(&self) -> &str {
        &self.text
    }

    fn evaluate(&self, data: &Value) -> Result<Evaluated, String> {
        let activation = Activation::new().with(self.variable, data);
        let outcome = self.program.evaluate(&activation, BUDGET);
        let value = outcome.result.map_err(|why| {
            let text = &self.text;
            format!("expression '{text}' resulted in error: {why}")
        })?;
        Ok(match &value {
            CelValue::Null => Evaluated::Null,
            CelValue::Bool(value) => Evaluated::Bool(*value),
            CelValue::String(text) => Evaluated::Text(text.as_str().to_owned()),
            CelValue::List(_) => texts(&value).map_or(Evaluated::Other, Evaluated::Texts),
            _ => Evaluated::Other,
        })
    }
}

/// The strings of a list, if it has nothing else.
fn texts(list: &CelValue<'_>) -> Option<Vec<String>> {
    let Ok(Value::Array(items)) = to_json(list) else {
        return None;
    };
    let text = |item| match item {
        Value::String(text) => Some(text),
        _ => None,
    };
    items.into_iter().map(text).collect()
}

/// Upstream: `buildUserType`.
fn user_type() -> DeclType {
    let text = || DeclType::string(None);
    let texts = || DeclType::list(text(), None, ListType::Atomic);
    let fields = [
        ("username", text()),
        ("uid", text()),
        ("groups", texts()),
        ("extra", DeclType::map(texts(), None)),
    ];
    let fields = fields.map(|(name, of)| (name.to_owned(), of));
    DeclType::object("kubernetes.UserInfo", fields)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_the_types_that_users_are_made_of() {
        let claims = json!({"sub": "jane", "n": 7, "roles": ["a", "b"], "mixed": ["a", 1],
            "none": null, "email": "j@x", "nested": {"team": "t"}});
        let text = |text: &str| Evaluated::Text(text.to_owned());
        for (expression, expected) in [
            ("claims.sub", text("jane")),
            ("'x:' + claims.sub", text("x:jane")),
            ("claims.nested.team", text("t")),
            (
                "claims.roles.map(r, 'p:' + r)",
                Evaluated::Texts(vec!["p:a".into(), "p:b".into()]),
            ),
            ("claims.?missing.orValue('')", text("")),
            ("claims.none", Evaluated::Null),
            ("claims.n", Evaluated::Other),
            ("claims.mixed", Evaluated::Other),
            ("claims.nested", Evaluated::Other),
            ("claims.sub == 'jane'", Evaluated::Bool(true)),
        ] {
            let found = Compiled::of_claims(expression).unwrap().evaluate(&claims);
            assert_eq!(found, Ok(expected), "{expression}");
        }
        let missing = Compiled::of_claims("claims.missing").unwrap();
        let error = missing.evaluate(&claims).unwrap_err();
        let expected = "expression 'claims.missing' resulted in error: no such key: missing";
        assert_eq!(error, expected);
    }

    #[test]
    fn conditions_are_of_type_bool() {
        assert!(Compiled::condition_of_claims("claims.a == 'b'").is_ok());
        assert!(Compiled::condition_of_user("!user.username.startsWith('system:')").is_ok());
        for (compiled, why) in [
            (
                Compiled::condition_of_claims("claims.a"),
                "must evaluate to bool",
            ),
            (
                Compiled::condition_of_user("user.uid"),
                "must evaluate to bool",
            ),
            (
                Compiled::condition_of_user("claims.a == 'b'"),
                "compilation failed: ERROR: <input>:1:1: undeclared reference to 'claims'",
            ),
            (
                Compiled::of_claims("claims."),
                "compilation failed: ERROR: <input>:1:8: Syntax error",
            ),
        ] {
            let error = compiled.err().unwrap();
            assert!(error.starts_with(why), "{error}");
        }
    }

    #[test]
    fn a_claim_is_read_by_its_name() {
        for (expression, reads) in [
            ("claims.email", true),
            ("has(claims.email)", true),
            ("claims.?email.orValue('')", true),
            ("claims.?email.hasValue() ? 'a' : 'b'", true),
            ("[claims.email].exists(e, e == '')", true),
            ("{'a': claims.email}", true),
            ("claims['email']", false),
            ("claims.email_verified", false),
            ("claims.other.email", false),
        ] {
            let compiled = Compiled::of_claims(expression).unwrap();
            assert_eq!(compiled.reads("email"), reads, "{expression}");
        }
    }
}
