//! What a priority level may say (upstream: `pkg/apis/flowcontrol/validation/validation.go`).

use k8s_openapi::api::flowcontrol::v1::{
    LimitResponse, LimitedPriorityLevelConfiguration, PriorityLevelConfiguration,
    QueuingConfiguration,
};
use portcullis_api::{ErrorList, FieldError, Path};

use crate::validation::{one_of, text};

/// The level whose requests are not limited, by its name and its type.
const EXEMPT_NAME: &str = "exempt";
const EXEMPT: &str = "Exempt";
const LIMITED: &str = "Limited";
const QUEUES_MAX: i32 = 10_000_000;
/// How many bits of a hash deal the hands of queues.
const HASH_BITS_MAX: i64 = 60;
const NOT_NEGATIVE: &str = "must be a non-negative integer";
const POSITIVE: &str = "must be positive";

pub(super) fn validate(level: &PriorityLevelConfiguration) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = &level.spec;
    let path = Path::new("spec");
    let name = text(level.metadata.name.as_ref());
    if (name == EXEMPT_NAME) != (spec.type_ == EXEMPT) {
        let detail = "type must be 'Exempt' if and only if name is 'exempt'";
        errors.push(FieldError::invalid(
            &path.child("type"),
            &spec.type_,
            detail,
        ));
    }
    one_of(
        &spec.type_,
        &[EXEMPT, LIMITED],
        &path.child("type"),
        &mut errors,
    );
    let (limited, exempt) = (path.child("limited"), path.child("exempt"));
    match spec.type_.as_str() {
        EXEMPT => {
            if spec.limited.is_some() {
                let detail = "must be nil if the type is not Limited";
                errors.push(FieldError::forbidden(&limited, detail));
            }
            if let Some(part) = &spec.exempt {
                let shares = part.nominal_concurrency_shares;
                shares_and_percent(shares, part.lendable_percent, &exempt, &mut errors);
            }
        }
        LIMITED => {
            if spec.exempt.is_some() {
                let detail = "must be nil if the type is Limited";
                errors.push(FieldError::forbidden(&exempt, detail));
            }
            match &spec.limited {
                Some(part) => validate_limited(part, &limited, &mut errors),
                None => {
                    let detail = "must not be empty when type is Limited";
                    errors.push(FieldError::required(&limited, detail));
                }
            }
        }
        _ => {}
    }
    errors
}

fn shares_and_percent(
    shares: Option<i32>,
    lendable: Option<i32>,
    path: &Path,
    errors: &mut ErrorList,
) {
    if let Some(shares) = shares.filter(|shares| *shares < 0) {
        let path = path.child("nominalConcurrencyShares");
        errors.push(FieldError::invalid(&path, shares, NOT_NEGATIVE));
    }
    if let Some(percent) = lendable.filter(|percent| !(0..=100).contains(percent)) {
        let detail = "must be between 0 and 100, inclusive";
        let path = path.child("lendablePercent");
        errors.push(FieldError::invalid(&path, percent, detail));
    }
}

fn validate_limited(
    limited: &LimitedPriorityLevelConfiguration,
    path: &Path,
    errors: &mut ErrorList,
) {
    let shares = limited.nominal_concurrency_shares;
    shares_and_percent(shares, limited.lendable_percent, path, errors);
    let borrowing = limited.borrowing_limit_percent;
    if let Some(percent) = borrowing.filter(|percent| *percent < 0) {
        let detail = "if specified, must be a non-negative integer";
        let path = path.child("borrowingLimitPercent");
        errors.push(FieldError::invalid(&path, percent, detail));
    }
    validate_response(
        &limited.limit_response,
        &path.child("limitResponse"),
        errors,
    );
}

fn validate_response(response: &LimitResponse, path: &Path, errors: &mut ErrorList) {
    let queuing = path.child("queuing");
    match (response.type_.as_str(), &response.queuing) {
        ("Reject", Some(_)) => {
            let detail = "must be nil if limited.limitResponse.type is not Limited";
            errors.push(FieldError::forbidden(&queuing, detail));
        }
        ("Queue", None) => {
            let detail = "must not be empty if limited.limitResponse.type is Limited";
            errors.push(FieldError::required(&queuing, detail));
        }
        ("Queue", Some(configuration)) => validate_queuing(configuration, &queuing, errors),
        (other, _) => one_of(other, &["Queue", "Reject"], &path.child("type"), errors),
    }
}

fn validate_queuing(queuing: &QueuingConfiguration, path: &Path, errors: &mut ErrorList) {
    let number = Option::unwrap_or_default;
    let length = number(queuing.queue_length_limit);
    let (queues, hand) = (number(queuing.queues), number(queuing.hand_size));
    let mut wrong = |field: &str, value: i32, detail: String| {
        errors.push(FieldError::invalid(&path.child(field), value, detail));
    };
    if length <= 0 {
        wrong("queueLengthLimit", length, POSITIVE.into());
    }
    if queues <= 0 {
        wrong("queues", queues, POSITIVE.into());
    } else if queues > QUEUES_MAX {
        let detail = format!("must not be greater than {QUEUES_MAX}");
        wrong("queues", queues, detail);
    }
    if hand <= 0 {
        wrong("handSize", hand, POSITIVE.into());
    } else if hand > queues {
        let detail = format!("should not be greater than queues ({queues})");
        wrong("handSize", hand, detail);
    } else if entropy_bits(queues, hand) > HASH_BITS_MAX {
        let detail = format!(
            "required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {HASH_BITS_MAX}"
        );
        wrong("handSize", hand, detail);
    }
}

/// How many bits it takes to deal a hand (upstream: `RequiredEntropyBits` of shuffle sharding).
fn entropy_bits(queues: i32, hand: i32) -> i64 {
    let bits = f64::from(queues).log2() * f64::from(hand);
    // neither negative nor larger than 32 times 2³¹
    bits.ceil() as i64
}
