//! `cel-go`'s prices: of what every expression has, and how those of calls are found.

/// Of reading a name or a field.
pub(crate) const SELECT: u64 = 1;
/// Of making a list, a map or an object.
pub(crate) const LIST: u64 = 10;
pub(crate) const MAP: u64 = 30;
pub(crate) const STRUCT: u64 = 40;
/// Of going through a text, for each character.
pub(crate) const TRAVERSAL: f64 = 0.1;
/// Of a regular expression, for each of its characters.
pub(crate) const REGEX: f64 = 0.25;
/// Of a check of what a user may do: an expression affords two.
pub(crate) const CHECK: u64 = 350_000;

/// How the cost of a call is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Price {
    Nothing,
    Fixed(u64),
    /// Going through a text so many times, of the first argument.
    Scan(u8),
    /// Going through the whole of the first argument.
    Traversal,
    /// Going through the result.
    Join,
    /// A regular expression in the second argument.
    Find,
    Matches,
    Contains,
    Concat,
    InList,
    /// The smaller of two.
    Compare,
    Equal,
    Selector,
    ContainsIp(bool),
    ContainsCidr(bool),
    Validate,
    ListOutput,
    Flatten,
    /// Every element with every other, of the list at an index.
    SelfCompare(u8),
    Sets(u8),
}

/// How a call of a function, in a form if that is known, is priced.
pub(crate) fn price(function: &str, form: Option<&str>) -> Price {
    let form = form.unwrap_or_default();
    if let Some(price) = extended(form) {
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
        "ip" if form == "cidr_ip" => Price::Fixed(1),
        "ip" => Price::Scan(1),
        "join" => Price::Join,
        "find" | "findAll" => Price::Find,
        "containsIP" => Price::ContainsIp(form == "cidr_contains_ip_string"),
        "containsCIDR" => Price::ContainsCidr(form == "cidr_contains_cidr_string"),
        "validate" => Price::Validate,
        "_==_" => Price::Equal,
        "_!=_" => Price::Compare,
        _ => standard(form),
    }
}

/// Of `cel-go`'s extensions, which price forms.
fn extended(form: &str) -> Option<Price> {
    Some(match form {
        "list_slice" | "lists_range" | "list_reverse" => Price::ListOutput,
        "list_flatten" | "list_flatten_int" => Price::Flatten,
        "list_distinct" => Price::SelfCompare(0),
        "list_sets_contains_list" | "list_sets_intersects_list" => Price::Sets(1),
        "list_sets_equivalent_list" => Price::Sets(2),
        _ if form.starts_with("list_") && form.ends_with("_sort") => Price::SelfCompare(0),
        _ if form.starts_with("list_") && form.ends_with("_sortByAssociatedKeys") => {
            Price::SelfCompare(1)
        }
        _ => return None,
    })
}

fn standard(form: &str) -> Price {
    match form {
        "starts_with_string" | "ends_with_string" | "string_to_bytes" | "bytes_to_string"
        | "strings_quote" | "string_format" => Price::Scan(1),
        "in_list" => Price::InList,
        "add_string" | "add_bytes" => Price::Concat,
        "matches_string" => Price::Matches,
        "contains_string" => Price::Contains,
        _ if is_comparison(form) => Price::Compare,
        _ => Price::Fixed(1),
    }
}

/// Whether a form compares texts or bytes.
pub(crate) fn is_comparison(form: &str) -> bool {
    matches!(
        form,
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
