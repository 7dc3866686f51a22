//! `seLinux` (upstream: `podsecuritypolicy/selinux/`).

use k8s_openapi::api::core::v1::SELinuxOptions;
use portcullis_api::psp::SELinuxStrategyOptions;
use portcullis_api::{FieldError, Path};

use super::findings::Findings;
use super::invalid::InvalidPolicy;

/// The `SELinux` options that a pod and its containers may have.
#[derive(Debug)]
pub(super) enum SeLinuxRule {
    Any,
    Must(SELinuxOptions),
}

impl SeLinuxRule {
    pub(super) fn compile(options: &SELinuxStrategyOptions) -> Result<Self, InvalidPolicy> {
        match (options.rule.as_str(), &options.se_linux_options) {
            ("RunAsAny", _) => Ok(Self::Any),
            ("MustRunAs", Some(required)) => Ok(Self::Must(required.clone())),
            ("MustRunAs", None) => Err(InvalidPolicy::SeLinuxWithoutOptions),
            (other, _) => Err(InvalidPolicy::rule("SELinuxContext", other)),
        }
    }

    /// The options to set if there are none.
    pub(super) fn default_options(&self) -> Option<&SELinuxOptions> {
        match self {
            Self::Any => None,
            Self::Must(required) => Some(required),
        }
    }

    /// Checks the options of a pod or container; `context` is the field path of its security
    /// context.
    pub(super) fn validate(
        &self,
        context: impl Fn() -> Path,
        options: Option<&SELinuxOptions>,
        findings: &mut Findings,
    ) {
        let Self::Must(required) = self else { return };
        let path = || context().child("seLinuxOptions");
        let Some(options) = options else {
            findings.add(|| FieldError::required(&path(), ""));
            return;
        };
        for (field, required, found, is_same) in [
            (
                "level",
                &required.level,
                &options.level,
                same_level as fn(&str, &str) -> bool,
            ),
            ("role", &required.role, &options.role, same_text),
            ("type", &required.type_, &options.type_, same_text),
            ("user", &required.user, &options.user, same_text),
        ] {
            let required = required.as_deref().unwrap_or_default();
            let found = found.as_deref().unwrap_or_default();
            if !is_same(required, found) {
                findings.add(|| {
                    let detail = format!("must be {required}");
                    FieldError::invalid(&path().child(field), found, detail)
                });
            }
        }
    }
}

fn same_text(a: &str, b: &str) -> bool {
    a == b
}

/// `s0:c6,c0` and `s0:c0,c6` are the same level: categories are a set.
fn same_level(a: &str, b: &str) -> bool {
    fn categories(list: &str) -> Vec<&str> {
        let mut categories: Vec<_> = list.split(',').collect();
        categories.sort_unstable();
        categories
    }
    a == b
        || match (a.split_once(':'), b.split_once(':')) {
            (Some((sensitivity_a, a)), Some((sensitivity_b, b))) => {
                sensitivity_a == sensitivity_b && categories(a) == categories(b)
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::same_level;

    #[test]
    fn categories_are_a_set() {
        for (a, b, same) in [
            ("s0:c6,c0", "s0:c0,c6", true),
            ("s0", "s0", true),
            ("s0", "s0:c0", false),
            ("s0:c0", "s1:c0", false),
            ("s0:c0", "s0:c0,c1", false),
            ("s0:c0,c0", "s0:c0", false),
            ("", "", true),
        ] {
            assert_eq!(same_level(a, b), same, "{a} {b}");
        }
    }
}
