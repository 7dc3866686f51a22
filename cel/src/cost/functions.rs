//! Estimates the cost of calls by the sizes of their arguments.

use crate::cost::actual::selector;
use crate::cost::argument::{Argument, Estimate};
use crate::cost::declared::declared_size;
use crate::cost::size::{CostEstimate, SizeEstimate};
use crate::price::{CHECK, LIST, REGEX, TRAVERSAL, is_comparison};
use crate::scope::Variable;
use crate::types::Type;

/// The maximum lengths of the regular expression of a named format, and of its name.
const FORMAT_REGEX: f64 = 128.0;
const FORMAT: u64 = 64;

/// The estimate of an overload, without the costs of its arguments.
pub(super) fn call_estimate(
    variables: &[Variable],
    name: &str,
    overload: &str,
    target: Option<&Argument>,
    args: &[Argument],
) -> Estimate {
    extended(overload, target, args)
        .or_else(|| kubernetes(variables, name, overload, target, args))
        .or_else(|| standard(overload, target, args))
        .unwrap_or(Estimate::fixed(1))
}

/// Extensions of `cel-go`.
fn extended(overload: &str, target: Option<&Argument>, args: &[Argument]) -> Option<Estimate> {
    let list = |factor: f64, size: SizeEstimate| {
        let cost = size.scaled(factor).plus(CostEstimate::fixed(1 + LIST));
        Some(Estimate::sized(cost, size))
    };
    let pairs = |size: SizeEstimate| size.times(size);
    match (overload, target, args) {
        ("list_slice", Some(target), [start, end]) => {
            let end = end.number_or(target.size().max);
            list(
                1.0,
                SizeEstimate::fixed(end.wrapping_sub(start.number_or(0))),
            )
        }
        ("lists_range", None, [count]) => list(1.0, SizeEstimate::fixed(count.number_or(u64::MAX))),
        ("list_reverse", Some(target), []) => list(1.0, target.size()),
        ("list_flatten" | "list_flatten_int", Some(target), _) => {
            let depth = args.first().map_or(1, |depth| depth.number_or(u64::MAX));
            list(depth as f64, target.size())
        }
        ("list_distinct", Some(target), []) => list(2.0, pairs(target.size())),
        ("list_sets_contains_list" | "list_sets_intersects_list", _, [a, b]) => {
            let cost = a.size().times(b.size()).plus(CostEstimate::fixed(1));
            Some(Estimate::of(cost))
        }
        ("list_sets_equivalent_list", _, [a, b]) => {
            let cost = a
                .size()
                .times(b.size())
                .scaled(2.0)
                .plus(CostEstimate::fixed(1));
            Some(Estimate::of(cost))
        }
        (_, Some(target), []) if overload.starts_with("list_") && overload.ends_with("_sort") => {
            list(sort_factor(overload), pairs(target.size()))
        }
        (_, Some(_), [keys]) if overload.ends_with("_sortByAssociatedKeys") => {
            list(sort_factor(overload), pairs(keys.size()))
        }
        _ => None,
    }
}

fn sort_factor(overload: &str) -> f64 {
    let texts = overload.starts_with("list_string_") || overload.starts_with("list_bytes_");
    if texts { 2.0 + TRAVERSAL } else { 2.0 }
}

/// Functions of Kubernetes, and those of `cel-go` whose cost it overrides.
fn kubernetes(
    variables: &[Variable],
    name: &str,
    overload: &str,
    target: Option<&Argument>,
    args: &[Argument],
) -> Option<Estimate> {
    let scan = |size: SizeEstimate, times: f64| size.scaled(times * TRAVERSAL);
    let one = Some(Estimate::fixed(1));
    match (name, target, args) {
        ("check", ..) => Some(Estimate::fixed(CHECK)),
        ("fieldSelector" | "labelSelector", _, [text]) => Some(Estimate::of(selector(text.size()))),
        (
            "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" | "includes",
            Some(list),
            _,
        ) => Some(Estimate::of(traversal(variables, name, list))),
        ("url" | "jsonpatch.escapeKey", None, [text])
        | ("lowerAscii" | "upperAscii" | "substring" | "trim", Some(text), _) => {
            Some(Estimate::sized(scan(text.size(), 1.0), text.size()))
        }
        ("replace", Some(text), [old, new, ..]) => {
            let size = replaced(text.size(), old.size(), new.size());
            Some(Estimate::sized(scan(text.size(), 2.0), size))
        }
        ("split", Some(text), _) => {
            let max = args
                .get(1)
                .and_then(|most| most.literal)
                .map_or(text.size().max, |n| n as u64);
            Some(Estimate::sized(
                scan(text.size(), 2.0),
                SizeEstimate { min: 0, max },
            ))
        }
        ("join", Some(list), _) => {
            let size = joined(variables, list, args.first());
            Some(Estimate::sized(scan(size, 1.0), size))
        }
        ("find" | "findAll", Some(text), [regex, ..]) => {
            let cost = with_regex(text.size(), regex.size());
            Some(Estimate::sized(
                cost,
                SizeEstimate {
                    min: 0,
                    max: text.size().max,
                },
            ))
        }
        ("ip", ..) if overload == "cidr_ip" => one,
        (
            "cidr" | "isIP" | "isCIDR" | "ip" | "quantity" | "isQuantity" | "semver" | "isSemver",
            _,
            [text, ..],
        ) => Some(Estimate::of(scan(text.size(), 1.0))),
        ("ip.isCanonical", _, [text]) => Some(Estimate::of(scan(text.size(), 2.0))),
        ("containsIP" | "containsCIDR", _, [other]) => {
            Some(Estimate::of(contained(name, overload, other)))
        }
        ("validate", _, [text]) => Some(Estimate::of(
            scan(text.size(), 1.0).scaled(FORMAT_REGEX * REGEX),
        )),
        ("_==_", _, [a, b]) => equal(a, b),
        _ => None,
    }
}

/// The cost of traversing a list, or of searching a string.
fn traversal(variables: &[Variable], name: &str, list: &Argument) -> CostEstimate {
    let mut each = CostEstimate::fixed(1);
    match element(list) {
        Some(of) => {
            if matches!(of, Type::String | Type::Bytes) {
                let size = element_size(variables, list);
                each = each.plus(size.scaled(TRAVERSAL));
            }
            list.size().times(each)
        }
        None if name == "includes" => list.size().times(each),
        None => list.size().scaled(TRAVERSAL),
    }
}

/// The type of the elements of a list, or of the keys of a map.
fn element(list: &Argument) -> Option<&Type> {
    match &list.of {
        Type::List(of) | Type::Optional(of) => Some(of),
        Type::Map(entry) => Some(&entry.0),
        _ => None,
    }
}

fn element_size(variables: &[Variable], list: &Argument) -> SizeEstimate {
    let mut path = list.path.clone();
    if path.is_empty() {
        return SizeEstimate::UNKNOWN;
    }
    path.push("@items".into());
    declared_size(variables, &path).unwrap_or(SizeEstimate::UNKNOWN)
}

fn joined(variables: &[Variable], list: &Argument, separator: Option<&Argument>) -> SizeEstimate {
    let mut size = match element(list) {
        Some(_) => list.size().times(element_size(variables, list)),
        None => SizeEstimate::ZERO,
    };
    if let Some(separator) = separator {
        let count = list.size();
        let between = SizeEstimate {
            min: count.min.saturating_sub(1),
            max: count.max.saturating_sub(1),
        };
        size = size.plus(separator.size().times(between));
    }
    size
}

/// The size of a string after replacements, from all shortest by longest to all longest by
/// shortest.
fn replaced(text: SizeEstimate, old: SizeEstimate, new: SizeEstimate) -> SizeEstimate {
    let parts = |size: u64, part: u64| (size as f64 / part as f64).ceil() as u64;
    let (count_max, kept_max) = if old.min == 0 {
        (text.max.saturating_add(1), text.max)
    } else if new.max <= old.min {
        (0, text.max)
    } else {
        (parts(text.max, old.min), 0)
    };
    let (count_min, kept_min) = if old.max == 0 {
        (text.min.saturating_add(1), text.min)
    } else if old.max <= new.min {
        (0, text.min)
    } else {
        (parts(text.min, old.max), 0)
    };
    let count = SizeEstimate {
        min: count_min,
        max: count_max,
    };
    count.times(new).plus(SizeEstimate {
        min: kept_min,
        max: kept_max,
    })
}

fn with_regex(text: SizeEstimate, regex: SizeEstimate) -> CostEstimate {
    // an empty string has a cost, too
    let text = text.plus(SizeEstimate::fixed(1)).scaled(TRAVERSAL);
    text.times(regex.scaled(REGEX))
}

fn contained(name: &str, overload: &str, other: &Argument) -> CostEstimate {
    let bytes = SizeEstimate { min: 4, max: 16 };
    let mut cost = bytes.plus(bytes).scaled(TRAVERSAL);
    if name == "containsCIDR" {
        cost = cost
            .plus(bytes.scaled(TRAVERSAL))
            .plus(CostEstimate::fixed(1));
    }
    if overload.ends_with("_string") {
        cost = cost.plus(other.size().scaled(TRAVERSAL));
    }
    cost
}

/// The cost of comparing values of library types.
fn equal(a: &Argument, b: &Argument) -> Option<Estimate> {
    let (Type::Opaque(name), true) = (&a.of, a.of == b.of) else {
        return None;
    };
    Some(match *name {
        "kubernetes.NamedFormat" => Estimate::of(
            CostEstimate {
                min: 1,
                max: FORMAT,
            }
            .scaled(TRAVERSAL),
        ),
        "kubernetes.URL" => {
            let max = b.size.map_or(1, |size| size.max);
            Estimate::of(CostEstimate { min: 1, max }.scaled(TRAVERSAL))
        }
        _ => Estimate::fixed(1),
    })
}

/// Standard functions of `cel-go`.
fn standard(overload: &str, target: Option<&Argument>, args: &[Argument]) -> Option<Estimate> {
    let scan = |size: SizeEstimate| size.scaled(TRAVERSAL);
    match (overload, target, args) {
        ("string_format", Some(text), _) => Some(Estimate::of(scan(text.size()))),
        ("string_to_bytes", None, [text]) => {
            let size = text.size();
            let max = size.max.wrapping_mul(4);
            Some(Estimate::sized(
                scan(size),
                SizeEstimate { min: size.min, max },
            ))
        }
        ("bytes_to_string", None, [bytes]) => {
            let size = bytes.size();
            Some(Estimate::sized(
                scan(size),
                SizeEstimate {
                    min: size.min / 4,
                    max: size.max,
                },
            ))
        }
        ("strings_quote", None, [text]) => {
            let size = text.size();
            let (min, max) = (
                size.min.wrapping_add(2),
                size.max.wrapping_mul(2).wrapping_add(2),
            );
            Some(Estimate::sized(scan(size), SizeEstimate { min, max }))
        }
        ("starts_with_string" | "ends_with_string", _, [part]) => {
            Some(Estimate::of(scan(part.size())))
        }
        ("in_list", _, [_, list]) => Some(Estimate::of(list.size())),
        ("matches_string", Some(text), [regex]) => {
            Some(Estimate::of(with_regex(text.size(), regex.size())))
        }
        ("contains_string", Some(text), [part]) => {
            Some(Estimate::of(scan(text.size()).times(scan(part.size()))))
        }
        ("add_list", _, [a, b]) => Some(Estimate::sized(
            CostEstimate::fixed(1),
            a.size().plus(b.size()),
        )),
        ("add_string" | "add_bytes", _, [a, b]) => {
            let size = a.size().plus(b.size());
            Some(Estimate::sized(scan(size), size))
        }
        (_, _, [a, b])
            if matches!(overload, "equals" | "not_equals") || is_comparison(overload) =>
        {
            let max = a.size().max.min(b.size().max);
            Some(Estimate::of(scan(CostEstimate {
                min: u64::from(max > 0),
                max,
            })))
        }
        _ => None,
    }
}
