//! The values of variables for one evaluation.

use std::fmt;

use serde_json::Value as Json;

use crate::scope::Variable;
use crate::types::Type;
use crate::value::opaque::Opaque;
use crate::value::opaque::authz::{Attributes, Authorizer, Authz, Stage};
use crate::value::{Evaluated, Value};

/// The variables of a request that is admitted.
const USUAL: usize = 8;

/// The values of the variables of an expression, each of which is bound once.
#[derive(Debug, Default)]
pub struct Activation<'a> {
    bindings: Vec<(&'a str, Binding<'a>)>,
    lazy: Option<&'a dyn Lazy<'a>>,
}

/// Variables whose values are computed when an expression first uses them.
pub(crate) trait Lazy<'a>: fmt::Debug {
    /// The value of the variable with this name, if there is one. It may depend on `activation`.
    fn value(&'a self, name: &str, activation: &'a Activation<'a>) -> Option<Evaluated<'a>>;
}

#[derive(Debug)]
enum Binding<'a> {
    Json(&'a Json),
    /// An optional variable that is missing.
    Missing,
    Value(Value<'a>),
    /// The value is made when an expression uses it, as few do. With attributes it is a check of those.
    Authorizer(&'a dyn Authorizer, Option<&'a Attributes>),
}

fn authorizer<'a>(authorizer: &'a dyn Authorizer, request: Option<&Attributes>) -> Value<'a> {
    Value::opaque(Opaque::Authz(Authz {
        authorizer,
        attributes: request.cloned().unwrap_or_default(),
        stage: match request {
            Some(_) => Stage::Resource,
            None => Stage::Authorizer,
        },
    }))
}

impl<'a> Activation<'a> {
    /// An activation without variables.
    pub fn new() -> Self {
        Self {
            bindings: Vec::with_capacity(USUAL),
            lazy: None,
        }
    }

    fn bind(mut self, name: &'a str, binding: Binding<'a>) -> Self {
        self.bindings.push((name, binding));
        self
    }

    /// Binds a variable to data, which is not copied.
    #[must_use]
    pub fn with(self, name: &'a str, data: &'a Json) -> Self {
        self.bind(name, Binding::Json(data))
    }

    /// Binds an optional variable to no value.
    #[must_use]
    pub fn without(self, name: &'a str) -> Self {
        self.bind(name, Binding::Missing)
    }

    /// Binds a variable to a value, such as the result of another expression.
    #[must_use]
    pub fn with_value(self, name: &'a str, value: Value<'a>) -> Self {
        self.bind(name, Binding::Value(value))
    }

    /// Binds `authorizer`, and sets the initial attributes of `authorizer.requestResource`.
    #[must_use]
    pub fn with_authorizer(self, authorizer: &'a dyn Authorizer, request: &'a Attributes) -> Self {
        self.bind("authorizer", Binding::Authorizer(authorizer, None))
            .bind(
                "authorizer.requestResource",
                Binding::Authorizer(authorizer, Some(request)),
            )
    }

    /// Variables that are looked up if no other has their name.
    pub(crate) fn with_lazy(self, lazy: &'a dyn Lazy<'a>) -> Self {
        Self {
            lazy: Some(lazy),
            ..self
        }
    }

    /// The value of the variable that is declared at a position. It is found at once if the variables are bound
    /// in the order in which they are declared.
    pub(crate) fn value(&'a self, at: usize, variable: &'a Variable) -> Option<Evaluated<'a>> {
        let name = &*variable.name;
        let is_it = |(bound, _): &&(&str, Binding<'a>)| *bound == name;
        let bound = self.bindings.get(at).filter(is_it);
        let Some((_, binding)) = bound.or_else(|| self.bindings.iter().find(is_it)) else {
            return self.lazy?.value(name, self);
        };
        let optional = matches!(variable.of, Type::Optional(_));
        Some(match binding {
            Binding::Json(data) => {
                let value = Value::of_json(data, &variable.decl);
                if optional {
                    value.map(Value::some)
                } else {
                    value
                }
            }
            Binding::Missing => Ok(Value::Optional(None)),
            Binding::Value(value) => Ok(value.clone()),
            Binding::Authorizer(of, request) => Ok(authorizer(*of, *request)),
        })
    }
}
