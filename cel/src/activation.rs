//! The values of variables for one evaluation.

use serde_json::Value as Json;

use crate::scope::Variable;
use crate::types::Type;
use crate::value::opaque::Opaque;
use crate::value::opaque::authz::{Attributes, Authorizer, Authz, Stage};
use crate::value::{Evaluated, Value};

/// The values of the variables of an expression.
#[derive(Debug, Default)]
pub struct Activation<'a> {
    bindings: Vec<(&'a str, Binding<'a>)>,
}

#[derive(Debug)]
enum Binding<'a> {
    Json(&'a Json),
    /// An optional variable that is missing.
    Missing,
    Value(Value<'a>),
}

impl<'a> Activation<'a> {
    /// An activation without variables.
    pub const fn new() -> Self {
        Self {
            bindings: Vec::new(),
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
    pub fn with_authorizer(self, authorizer: &'a dyn Authorizer, request: Attributes) -> Self {
        let value = |attributes, stage| {
            Value::opaque(Opaque::Authz(Authz {
                authorizer,
                attributes,
                stage,
            }))
        };
        self.with_value(
            "authorizer",
            value(Attributes::default(), Stage::Authorizer),
        )
        .with_value(
            "authorizer.requestResource",
            value(request, Stage::Resource),
        )
    }

    /// The value of a declared variable.
    pub(crate) fn value(&self, variable: &'a Variable) -> Option<Evaluated<'a>> {
        let (_, binding) = self
            .bindings
            .iter()
            .rfind(|(name, _)| *name == &*variable.name)?;
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
        })
    }
}
