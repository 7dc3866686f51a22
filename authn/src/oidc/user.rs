//! The user that the claims of a token describe.
//!
//! Upstream: `getUsername`, `getGroups`, `getUID` and `getExtra` of `oidc.go`.

use portcullis_api::UserInfo;
use serde_json::{Value, json};

use super::claims::Claims;
use super::options::{Evaluated, Expression, JwtOptions, Mapping, Rule};
use super::{claim_error, error};
use crate::Error;

/// The user, if claims and user are as all rules require.
pub(super) fn of(claims: &Claims, options: &JwtOptions) -> Result<UserInfo, Error> {
    for (claim, expected) in &options.required_claims {
        let why = match claims.text(claim) {
            Some(value) if value == expected => continue,
            Some(_) => "has a different value",
            None => "is missing",
        };
        return Err(claim_error("required claim", claim, why));
    }
    let mut user = UserInfo {
        name: username(claims, &options.username)?,
        groups: match &options.groups {
            None => Vec::new(),
            Some(Mapping::Claim { claim, prefix }) => {
                let groups = claims.texts(claim)?;
                groups.iter().map(|g| format!("{prefix}{g}")).collect()
            }
            Some(Mapping::Expression(e)) => texts("group", &**e, &claims.0)?,
        },
        uid: match &options.uid {
            None => String::new(),
            Some(Mapping::Claim { claim, prefix }) => {
                let uid = claims.text(claim);
                let uid = uid.ok_or_else(|| claim_error("uid claim", claim, "is missing"))?;
                format!("{prefix}{uid}")
            }
            Some(Mapping::Expression(e)) => text("uid", &**e, &claims.0)?,
        },
        ..UserInfo::default()
    };
    for (key, expression) in &options.extra {
        let values = texts("extra", &**expression, &claims.0)?;
        if !values.is_empty() {
            user.extra.insert(key.clone(), values);
        }
    }
    check(
        "claim validation expression",
        &options.claim_rules,
        &claims.0,
    )?;
    if !options.user_rules.is_empty() {
        let seen = json!({"username": user.name, "uid": user.uid, "groups": user.groups,
            "extra": user.extra});
        check("user info validation rule", &options.user_rules, &seen)?;
    }
    Ok(user)
}

fn username(claims: &Claims, mapping: &Mapping) -> Result<String, Error> {
    let (claim, prefix) = match mapping {
        Mapping::Expression(expression) => {
            let name = text("username", &**expression, &claims.0)?;
            if name.is_empty() {
                return Err(error("the username claim expression returns no name"));
            }
            return Ok(name);
        }
        Mapping::Claim { claim, prefix } => (claim, prefix),
    };
    let name = claims.text(claim).unwrap_or_default();
    if name.is_empty() {
        return Err(claim_error("username claim", claim, "is missing"));
    }
    if claim == "email" {
        claims.check_email()?;
    }
    Ok(format!("{prefix}{name}"))
}

/// The value of an expression that must be a string.
fn text(what: &str, expression: &dyn Expression, claims: &Value) -> Result<String, Error> {
    match evaluate(what, expression, claims)? {
        Evaluated::Text(text) => Ok(text),
        _ => {
            let why = format!("{what} claim expression must return a string");
            Err(failed(what, &why))
        }
    }
}

/// The value of an expression that must be a string or a list of them, without empty ones (upstream:
/// `convertCELValueToStringList`).
fn texts(what: &str, expression: &dyn Expression, claims: &Value) -> Result<Vec<String>, Error> {
    let mut texts = match evaluate(what, expression, claims)? {
        Evaluated::Null => Vec::new(),
        Evaluated::Text(text) => vec![text],
        Evaluated::Texts(texts) => texts,
        Evaluated::Bool(_) | Evaluated::Other => {
            let why = "expression must return a string or a list of strings";
            return Err(failed(what, why));
        }
    };
    texts.retain(|text| !text.is_empty());
    Ok(texts)
}

fn evaluate(what: &str, expression: &dyn Expression, claims: &Value) -> Result<Evaluated, Error> {
    let value = expression.evaluate(claims);
    value.map_err(|why| failed(what, &why))
}

fn failed(what: &str, why: &str) -> Error {
    error(&format!("error evaluating {what} claim expression: {why}"))
}

/// Checks that all rules hold.
fn check(what: &str, rules: &[Rule], data: &Value) -> Result<(), Error> {
    for rule in rules {
        let why = match rule.expression.evaluate(data) {
            Ok(Evaluated::Bool(true)) => continue,
            Ok(Evaluated::Bool(false)) => {
                let (text, message) = (rule.expression.text(), &rule.message);
                format!("validation expression '{text}' failed: {message}")
            }
            Ok(_) => "validation expression must return a boolean".to_owned(),
            Err(why) => why,
        };
        return Err(error(&format!("error evaluating {what}: {why}")));
    }
    Ok(())
}
