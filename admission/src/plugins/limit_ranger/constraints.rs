//! Checks of minima, maxima and ratios of limits to requests.

use k8s_openapi::api::core::v1::{Container, LimitRangeItem, PersistentVolumeClaim, Pod};
use portcullis_api::quantity::Quantity;

use crate::amounts::{Amounts, Usage, read};

/// Errors of a pod's containers, and of the pod as a whole.
pub(super) fn of_pod(pod: &Pod, items: &[LimitRangeItem]) -> Vec<String> {
    let Some(spec) = &pod.spec else {
        return Vec::new();
    };
    let usage = |container: &Container| Usage::of(container.resources.as_ref());
    let regular: Vec<_> = spec.containers.iter().map(usage).collect();
    let init = spec.init_containers.iter().flatten();
    let init: Vec<_> = init.map(usage).collect();
    let mut errors = Vec::new();
    for item in items {
        match item.type_.as_str() {
            "Container" => {
                let all = regular.iter().chain(&init);
                all.for_each(|usage| check(item, usage, &mut errors));
            }
            "Pod" => check(item, &pod_usage(&regular, &init), &mut errors),
            _ => {}
        }
    }
    errors
}

/// The usage of a pod, per resource: the sum of its containers, or its largest init container if
/// that is more.
fn pod_usage(regular: &[Usage], init: &[Usage]) -> Usage {
    let mut total = Usage {
        requests: sum(regular, |usage| &usage.requests),
        limits: sum(regular, |usage| &usage.limits),
    };
    for usage in init {
        raise(&mut total.requests, &usage.requests);
        raise(&mut total.limits, &usage.limits);
    }
    total
}

/// A resource that some container leaves out has no sum. As upstream's `sum`, this counts `cpu` in
/// thousandths and the rest in whole units, and formats the sum in decimal.
fn sum(containers: &[Usage], which: fn(&Usage) -> &Amounts) -> Amounts {
    let Some(first) = containers.first() else {
        return Amounts::new();
    };
    let of_all = |name: &String| {
        let count = |amount: Quantity| match name.as_str() {
            "cpu" => amount.to_millis().in_decimal(),
            _ => amount.to_units().in_decimal(),
        };
        let mut amounts = containers.iter().map(|usage| which(usage).get(name));
        let sum = amounts.try_fold(Quantity::ZERO, |sum, amount| Some(sum + count(*amount?)))?;
        Some((name.clone(), sum))
    };
    which(first).keys().filter_map(of_all).collect()
}

fn raise(total: &mut Amounts, minima: &Amounts) {
    for (name, minimum) in minima {
        let amount = total.entry(name.clone()).or_insert(*minimum);
        if *amount < *minimum {
            *amount = *minimum;
        }
    }
}

/// Errors of the storage that a claim requests.
pub(super) fn of_claim(claim: &PersistentVolumeClaim, items: &[LimitRangeItem]) -> Vec<String> {
    let resources = claim.spec.as_ref().and_then(|s| s.resources.as_ref());
    let usage = Usage {
        requests: read(resources.and_then(|r| r.requests.as_ref())),
        limits: Amounts::new(),
    };
    let mut errors = Vec::new();
    for item in items.iter().filter(|i| i.type_ == "PersistentVolumeClaim") {
        for (name, minimum) in read(item.min.as_ref()) {
            errors.extend(Rule::new(item, &name, &usage).minimum(minimum));
        }
        for (name, maximum) in read(item.max.as_ref()) {
            errors.extend(Rule::new(item, &name, &usage).maximum_request(maximum));
        }
    }
    errors
}

fn check(item: &LimitRangeItem, usage: &Usage, errors: &mut Vec<String>) {
    for (name, minimum) in read(item.min.as_ref()) {
        errors.extend(Rule::new(item, &name, usage).minimum(minimum));
    }
    for (name, maximum) in read(item.max.as_ref()) {
        errors.extend(Rule::new(item, &name, usage).maximum(maximum));
    }
    for (name, ratio) in read(item.max_limit_request_ratio.as_ref()) {
        errors.extend(Rule::new(item, &name, usage).ratio(ratio));
    }
}

/// One resource of a container, pod or claim, and its usage.
struct Rule<'r> {
    resource: &'r str,
    of: &'r str,
    request: Option<Quantity>,
    limit: Option<Quantity>,
}

impl<'r> Rule<'r> {
    fn new(item: &'r LimitRangeItem, resource: &'r str, usage: &Usage) -> Self {
        Self {
            resource,
            of: &item.type_,
            request: usage.requests.get(resource).copied(),
            limit: usage.limits.get(resource).copied(),
        }
    }

    fn bound(&self, which: &str, bound: Quantity, why: &str) -> String {
        let (resource, of) = (self.resource, self.of);
        format!("{which} {resource} usage per {of} is {bound}{why}")
    }

    fn minimum(&self, minimum: Quantity) -> Option<String> {
        let why = match (self.request, self.limit) {
            (None, _) => ".  No request is specified".to_owned(),
            (Some(request), _) if request < minimum => format!(", but request is {request}"),
            (_, Some(limit)) if limit < minimum => format!(", but limit is {limit}"),
            _ => return None,
        };
        Some(self.bound("minimum", minimum, &why))
    }

    fn maximum(&self, maximum: Quantity) -> Option<String> {
        let why = match (self.request, self.limit) {
            (_, None) => ".  No limit is specified".to_owned(),
            (_, Some(limit)) if limit > maximum => format!(", but limit is {limit}"),
            (Some(request), _) if request > maximum => format!(", but request is {request}"),
            _ => return None,
        };
        Some(self.bound("maximum", maximum, &why))
    }

    /// The maximum of claims, which have requests only.
    fn maximum_request(&self, maximum: Quantity) -> Option<String> {
        let why = match self.request {
            None => ".  No request is specified".to_owned(),
            Some(request) if request > maximum => format!(", but request is {request}"),
            Some(_) => return None,
        };
        Some(self.bound("maximum", maximum, &why))
    }

    fn ratio(&self, maximum: Quantity) -> Option<String> {
        let nonzero = |amount: Option<Quantity>| amount.filter(|a| !a.is_zero());
        let why = match (nonzero(self.request), nonzero(self.limit)) {
            (None, _) => "no request is specified or request is 0".to_owned(),
            (_, None) => "no limit is specified or limit is 0".to_owned(),
            (Some(request), Some(limit)) => {
                let (request, limit) = (request.millis_rounded_up(), limit.millis_rounded_up());
                if limit * 1000 <= maximum.millis_rounded_up() * request {
                    return None;
                }
                format!("provided ratio is {}", decimal(limit, request))
            }
        };
        let (resource, of) = (self.resource, self.of);
        Some(format!(
            "{resource} max limit to request ratio per {of} is {maximum}, but {why}"
        ))
    }
}

/// Formats a ratio with six decimals, as Go's `%f` does.
fn decimal(numerator: i128, denominator: i128) -> String {
    let millionths = (numerator * 2_000_000 / denominator + 1) / 2;
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}
