//! `runAsUser` (upstream: `podsecuritypolicy/user/`).

use portcullis_api::psp::{IDRange, RunAsUserStrategyOptions};
use portcullis_api::{FieldError, Path};

use super::findings::Findings;
use super::go;
use super::invalid::InvalidPolicy;
use super::pod_view::ContainerView;

/// The users that containers may run as.
#[derive(Debug)]
pub(super) enum UserRule {
    Any,
    NonRoot,
    /// The ranges are never empty; the first user of the first range is the default.
    Ranges(i64, Vec<IDRange>),
}

impl UserRule {
    pub(super) fn compile(options: &RunAsUserStrategyOptions) -> Result<Self, InvalidPolicy> {
        match options.rule.as_str() {
            "RunAsAny" => Ok(Self::Any),
            "MustRunAsNonRoot" => Ok(Self::NonRoot),
            "MustRunAs" => match options.ranges.as_deref() {
                Some(ranges @ [first, ..]) => Ok(Self::Ranges(first.min, ranges.to_vec())),
                _ => Err(InvalidPolicy::UserWithoutRange),
            },
            other => Err(InvalidPolicy::rule("RunAsUser", other)),
        }
    }

    /// The user to run as if neither container nor pod sets one.
    pub(super) fn default_user(&self) -> Option<i64> {
        match self {
            Self::Any | Self::NonRoot => None,
            Self::Ranges(first, _) => Some(*first),
        }
    }

    /// Whether `runAsNonRoot` defaults to true.
    pub(super) const fn forbids_root(&self) -> bool {
        matches!(self, Self::NonRoot)
    }

    /// Checks the effective user of a container.
    pub(super) fn validate(
        &self,
        container: &ContainerView<'_>,
        non_root: Option<bool>,
        user: Option<i64>,
        findings: &mut Findings,
    ) {
        match self {
            Self::Any => {}
            Self::NonRoot => check_non_root(container, non_root, user, findings),
            Self::Ranges(_, ranges) => check_ranges(container, ranges, user, findings),
        }
    }
}

fn check_non_root(
    container: &ContainerView<'_>,
    non_root: Option<bool>,
    user: Option<i64>,
    findings: &mut Findings,
) {
    let field = |name| container.context_path().child(name);
    match (non_root, user) {
        (None, None) => {
            findings.add(|| FieldError::required(&field("runAsNonRoot"), "must be true"));
        }
        (Some(false), _) => {
            findings.add(|| FieldError::invalid(&field("runAsNonRoot"), false, "must be true"));
        }
        (_, Some(0)) => findings.add(|| {
            let why = "running with the root UID is forbidden";
            FieldError::invalid(&field("runAsUser"), 0_i64, why)
        }),
        _ => {}
    }
}

fn check_ranges(
    container: &ContainerView<'_>,
    ranges: &[IDRange],
    user: Option<i64>,
    findings: &mut Findings,
) {
    match user {
        None => findings.add(|| {
            let path = container.context_path().child("runAsUser");
            FieldError::required(&path, "")
        }),
        Some(user) if go::in_ranges(user, ranges) => {}
        Some(user) => findings.add(|| {
            // the message of the book, including its field path and two spaces (chapter 13.3.2)
            let path = Path::new("securityContext").child("runAsUser");
            let detail = format!(
                "UID on container {} does not match required range.  Found {user}, allowed: {}",
                container.name,
                go::ranges(ranges),
            );
            FieldError::invalid(&path, user, detail)
        }),
    }
}
