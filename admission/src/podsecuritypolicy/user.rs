//! `runAsUser`: which user containers may run as (upstream: `podsecuritypolicy/user/`).

use portcullis_api::psp::{IDRange, RunAsUserStrategyOptions};
use portcullis_api::{FieldError, Path};

use super::findings::Findings;
use super::go;
use super::pod_view::ContainerView;
use super::unusable::Unusable;

/// Who may run.
#[derive(Debug)]
pub(super) enum UserRule {
    Any,
    NonRoot,
    /// Never empty; the first user of the first range is the default.
    Ranges(i64, Vec<IDRange>),
}

impl UserRule {
    pub(super) fn compile(options: &RunAsUserStrategyOptions) -> Result<Self, Unusable> {
        match options.rule.as_str() {
            "RunAsAny" => Ok(Self::Any),
            "MustRunAsNonRoot" => Ok(Self::NonRoot),
            "MustRunAs" => match options.ranges.as_deref() {
                Some(ranges @ [first, ..]) => Ok(Self::Ranges(first.min, ranges.to_vec())),
                _ => Err(Unusable::UserWithoutRange),
            },
            other => Err(Unusable::rule("RunAsUser", other)),
        }
    }

    /// The user to run as where neither container nor pod names one.
    pub(super) fn default_user(&self) -> Option<i64> {
        match self {
            Self::Any | Self::NonRoot => None,
            Self::Ranges(first, _) => Some(*first),
        }
    }

    /// Whether containers that say nothing are marked as not to be run as root.
    pub(super) const fn forbids_root(&self) -> bool {
        matches!(self, Self::NonRoot)
    }

    /// Judges what a container will run as.
    pub(super) fn validate(
        &self,
        container: &ContainerView<'_>,
        non_root: Option<bool>,
        user: Option<i64>,
        findings: &mut Findings,
    ) {
        match self {
            Self::Any => {}
            Self::NonRoot => may_be_root(container, non_root, user, findings),
            Self::Ranges(_, ranges) => outside(container, ranges, user, findings),
        }
    }
}

fn may_be_root(
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

fn outside(
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
            // The book's text, path and two blanks included (chapter 13.3.2).
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
