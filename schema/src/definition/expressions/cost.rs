//! Limits of estimated costs.

use portcullis_api::{ErrorList, FieldError, Path};

use crate::arena::{Check, Flags, NodeRef};
use crate::program::TypedRules;

/// The maximum cost of a rule for all values of an object.
pub(super) const RULE_COST: u64 = 10_000_000;
/// The maximum cost of all rules of a schema.
const SCHEMA_COST: u64 = 100_000_000;
/// The number of rules that are reported if all together cost too much.
const REPORTED: usize = 4;

/// How many values of a node an object may have, if the schema limits that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cardinality(Option<u64>);

impl Cardinality {
    pub(super) const ONE: Self = Self(Some(1));

    /// That of the parts of a node.
    pub(super) fn below(self, node: NodeRef<'_>) -> Self {
        let factor = parts(node);
        Self(self.0.zip(factor).map(|(a, b)| a.saturating_mul(b)))
    }

    /// A cost for all values: as many as the schema allows, or else as fit into a request.
    pub(super) fn times(self, cost: u64, typed: &TypedRules) -> u64 {
        cost.saturating_mul(self.0.unwrap_or(typed.occurrences))
    }
}

/// How many values of each part a value of a node may have, if the schema limits that.
fn parts(node: NodeRef<'_>) -> Option<u64> {
    let is_map = node.has(Flags::OPEN) || node.has(Flags::CLOSED);
    let limit = |of: fn(&Check) -> Option<i64>| {
        let limit = node.checks().iter().find_map(of)?;
        Some(u64::try_from(limit).unwrap_or(0))
    };
    if node.has(Flags::OBJECT) && is_map {
        limit(|check| match check {
            Check::MaxProperties(max) => Some(*max),
            _ => None,
        })
    } else if node.has(Flags::ARRAY) {
        limit(|check| match check {
            Check::MaxItems(max) => Some(*max),
            _ => None,
        })
    } else {
        Some(1)
    }
}

/// The cost of all rules of a schema, and the rules that cost most.
#[derive(Debug, Default)]
pub(super) struct TotalCost {
    total: u64,
    most: Vec<(Path, u64)>,
}

impl TotalCost {
    pub(super) fn add(&mut self, path: Path, cost: u64) {
        self.total = self.total.saturating_add(cost);
        if cost >= SCHEMA_COST / 100 {
            self.most.push((path, cost));
            self.most.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
            self.most.truncate(REPORTED);
        }
    }

    pub(super) fn validate(self, path: &Path, errors: &mut ErrorList) {
        if self.total <= SCHEMA_COST {
            return;
        }
        for (path, _) in &self.most {
            let detail = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
            errors.push(FieldError::forbidden(path, detail));
        }
        let name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        let detail = over_budget(name, self.total, SCHEMA_COST);
        errors.push(FieldError::forbidden(path, detail));
    }
}

pub(super) fn over_budget(name: &str, cost: u64, limit: u64) -> String {
    let factor = cost as f64 / limit as f64;
    let factor = if factor > 100.0 {
        // the rule is likely quadratic or worse
        "more than 100x".to_owned()
    } else if factor < 1.5 {
        // not "1.0x"
        format!("{factor:.6}x")
    } else {
        format!("{factor:.1}x")
    };
    format!(
        "{name} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, \
         maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
}
