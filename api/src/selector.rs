//! Label and field selectors, and their grammars.

mod parse;
mod text;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

pub use parse::SelectorError;

/// The labels of an object.
pub type Labels = BTreeMap<String, String>;

/// The condition on the value of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operator {
    /// Present, with one of the values.
    In(Vec<String>),
    /// Absent, or with none of the values.
    NotIn(Vec<String>),
    /// Present.
    Exists,
    /// Absent.
    DoesNotExist,
    /// An integer greater than this one.
    GreaterThan(i64),
    /// An integer less than this one.
    LessThan(i64),
}

/// A condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// The condition.
    pub operator: Operator,
}

impl Requirement {
    /// Whether labels satisfy the condition.
    pub fn matches(&self, labels: Option<&Labels>) -> bool {
        let value = labels.and_then(|l| l.get(&self.key));
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match &self.operator {
            Operator::In(values) => value.is_some_and(|v| values.contains(v)),
            Operator::NotIn(values) => value.is_none_or(|v| !values.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan(bound) => number().is_some_and(|n| n > *bound),
            Operator::LessThan(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

/// A conjunction of conditions on labels; an empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelSelector {
    /// All of these must hold.
    pub requirements: Vec<Requirement>,
    /// Whether it matches nothing, as an unset selector of the API does, unlike an empty one.
    nothing: bool,
}

impl LabelSelector {
    /// Parses the grammar of `?labelSelector=`.
    ///
    /// # Errors
    /// [`SelectorError`], with upstream's message.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Ok(Self {
            requirements: parse::label_requirements(text)?,
            nothing: false,
        })
    }

    /// Converts the selector of an object: an unset one matches nothing, an empty one everything.
    ///
    /// Unknown operators, which validation rejects, match nothing.
    pub fn of(selector: Option<&meta::LabelSelector>) -> Self {
        let Some(selector) = selector else {
            return Self {
                requirements: Vec::new(),
                nothing: true,
            };
        };
        let mut found = Self::default();
        for (key, value) in selector.match_labels.iter().flatten() {
            let operator = Operator::In(vec![value.clone()]);
            found.requirements.push(Requirement {
                key: key.clone(),
                operator,
            });
        }
        for expression in selector.match_expressions.iter().flatten() {
            let values = || expression.values.clone().unwrap_or_default();
            let operator = match expression.operator.as_str() {
                "In" => Operator::In(values()),
                "NotIn" => Operator::NotIn(values()),
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => {
                    found.nothing = true;
                    continue;
                }
            };
            found.requirements.push(Requirement {
                key: expression.key.clone(),
                operator,
            });
        }
        found
    }

    /// Whether labels satisfy every condition.
    pub fn matches(&self, labels: Option<&Labels>) -> bool {
        !self.nothing && self.requirements.iter().all(|r| r.matches(labels))
    }

    /// Whether every object matches.
    pub fn is_everything(&self) -> bool {
        !self.nothing && self.requirements.is_empty()
    }
}

/// A condition on one field: equal to a value, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// Such as `metadata.name`.
    pub field: String,
    /// The value to compare with.
    pub value: String,
    /// Whether the field must be equal to the value, or different.
    pub equal: bool,
}

/// A conjunction of conditions on fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    /// All of these must hold.
    pub requirements: Vec<FieldRequirement>,
}

impl FieldSelector {
    /// Parses the grammar of `?fieldSelector=`.
    ///
    /// # Errors
    /// [`SelectorError`], with upstream's message.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        parse::field_requirements(text).map(|requirements| Self { requirements })
    }

    /// Whether an object's fields, which `field` returns by name, satisfy every condition.
    pub fn matches<'a>(&self, field: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements
            .iter()
            .all(|r| (field(&r.field).unwrap_or_default() == r.value) == r.equal)
    }

    /// The value that a field must be equal to, if there is such a condition.
    pub fn required_value(&self, field: &str) -> Option<&str> {
        self.requirements
            .iter()
            .find(|r| r.equal && r.field == field)
            .map(|r| r.value.as_str())
    }

    /// Whether every object matches.
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }
}

#[cfg(test)]
mod tests;
