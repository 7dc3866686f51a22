//! The costs of `cel-go`: constants, and how those of calls are computed.

/// Reading a name or a field.
pub(crate) const SELECT: u64 = 1;
/// List, map and object literals.
pub(crate) const LIST: u64 = 10;
pub(crate) const MAP: u64 = 30;
pub(crate) const STRUCT: u64 = 40;
/// Traversing a string, per character.
pub(crate) const TRAVERSAL: f64 = 0.1;
/// Matching a regular expression, per character of it.
pub(crate) const REGEX: f64 = 0.25;
/// An authorization check; the budget of an expression suffices for two.
pub(crate) const CHECK: u64 = 350_000;

/// How the cost of a call is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Price {
    Nothing,
    Fixed(u64),
    /// Traversing the string in the first argument, times a factor.
    Scan(u8),
    /// Traversing the first argument.
    Traversal,
    /// Traversing the result.
    Join,
    /// A regular expression in the second argument.
    Find,
    Matches,
    Contains,
    Concat,
    InList,
    /// The smaller of two sizes.
    Compare,
    Equal,
    Selector,
    ContainsIp(bool),
    ContainsCidr(bool),
    Validate,
    ListOutput,
    Flatten,
    /// Comparing all pairs of elements of the list at an index.
    SelfCompare(u8),
    Sets(u8),
}

/// How the cost of a call of a function is computed, given its overload if that is known.
pub(crate) fn price(function: &str, overload: Option<&str>) -> Price {
    let overload = overload.unwrap_or_default();
    if let Some(price) = extended(overload) {
        return price;
    }
    match function {
        "check" => Price::Fixed(CHECK),
        "fieldSelector" | "labelSelector" => Price::Selector,
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" | "includes" => {
            Price::Traversal
        }
        "url"
        | "lowerAscii"
        | "upperAscii"
        | "substring"
        | "trim"
        | "jsonpatch.escapeKey"
        | "cidr"
        | "isIP"
        | "isCIDR"
        | "quantity"
        | "isQuantity"
        | "semver"
        | "isSemver" => Price::Scan(1),
        "replace" | "split" | "ip.isCanonical" => Price::Scan(2),
        "ip" if overload == "cidr_ip" => Price::Fixed(1),
        "ip" => Price::Scan(1),
        "join" => Price::Join,
        "find" | "findAll" => Price::Find,
        "containsIP" => Price::ContainsIp(overload == "cidr_contains_ip_string"),
        "containsCIDR" => Price::ContainsCidr(overload == "cidr_contains_cidr_string"),
        "validate" => Price::Validate,
        "_==_" => Price::Equal,
        "_!=_" => Price::Compare,
        _ => standard(overload),
    }
}

/// Extensions of `cel-go`, whose costs depend on the overload.
fn extended(overload: &str) -> Option<Price> {
    Some(match overload {
        "list_slice" | "lists_range" | "list_reverse" => Price::ListOutput,
        "list_flatten" | "list_flatten_int" => Price::Flatten,
        "list_distinct" => Price::SelfCompare(0),
        "list_sets_contains_list" | "list_sets_intersects_list" => Price::Sets(1),
        "list_sets_equivalent_list" => Price::Sets(2),
        _ if overload.starts_with("list_") && overload.ends_with("_sort") => Price::SelfCompare(0),
        _ if overload.starts_with("list_") && overload.ends_with("_sortByAssociatedKeys") => {
            Price::SelfCompare(1)
        }
        _ => return None,
    })
}

fn standard(overload: &str) -> Price {
    match overload {
        "starts_with_string" | "ends_with_string" | "string_to_bytes" | "bytes_to_string"
        | "strings_quote" | "string_format" => Price::Scan(1),
        "in_list" => Price::InList,
        "add_string" | "add_bytes" => Price::Concat,
        "matches_string" => Price::Matches,
        "contains_string" => Price::Contains,
        _ if is_comparison(overload) => Price::Compare,
        _ => Price::Fixed(1),
    }
}

/// Whether an overload compares strings or bytes.
pub(crate) fn is_comparison(overload: &str) -> bool {
    matches!(
        overload,
        "less_string"
            | "less_equals_string"
            | "greater_string"
            | "greater_equals_string"
            | "less_bytes"
            | "less_equals_bytes"
            | "greater_bytes"
            | "greater_equals_bytes"
    )
}
