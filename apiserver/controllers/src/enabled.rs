//! `--controllers`: which controllers to run.

use crate::run::ALL;

/// The controller that runs by default only if pods mount the config map it writes.
const ROOT_CA_CERT_PUBLISHER: &str = "root-ca-cert-publisher";
/// Those that run by default only if bootstrap tokens are enabled.
const OF_BOOTSTRAP_TOKENS: [&str; 2] = ["bootstrapsigner", "tokencleaner"];
/// Those that run by default only if nodes are kubelets. A node that was created by hand never sends a
/// heartbeat, and its pods would be deleted; if nothing runs the pods they have no addresses, and endpoints
/// are written by hand.
const OF_KUBELETS: [&str; 4] = ["endpoint", "endpointslice", "nodelifecycle", "podgc"];

/// The conditions under which controllers are of use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uses {
    /// Whether the `ServiceAccount` admission plugin gives pods a volume that mounts
    /// `kube-root-ca.crt`.
    pub tokens_are_mounted: bool,
    /// Whether bootstrap tokens are enabled.
    pub bootstrap_tokens: bool,
    /// Whether nodes are kubelets: they join by token, or the authorizer `Node` is enabled.
    pub kubelets: bool,
}

impl Uses {
    fn has_work_for(self, name: &str) -> bool {
        (self.tokens_are_mounted || name != ROOT_CA_CERT_PUBLISHER)
            && (self.bootstrap_tokens || !OF_BOOTSTRAP_TOKENS.contains(&name))
            && (self.kubelets || !OF_KUBELETS.contains(&name))
    }
}

/// The controllers to run.
#[derive(Debug, PartialEq, Eq)]
pub struct EnabledControllers(Vec<&'static str>);

impl EnabledControllers {
    /// Reads `--controllers`: `*` for all that run by default, `name` for one, `-name` for all but
    /// one; of two entries about the same one the first counts (upstream: `IsControllerEnabled` in
    /// `k8s.io/controller-manager/app/helper.go`).
    ///
    /// Those for which `uses` has no need only run if they are named.
    ///
    /// # Errors
    /// A sentence that lists the known ones, for an unknown name.
    pub fn parse(names: &[String], uses: Uses) -> Result<Self, String> {
        let known = || ALL.iter().map(|(name, _)| *name);
        for name in names.iter().filter(|name| *name != "*") {
            let name = name.strip_prefix('-').unwrap_or(name);
            if known().all(|known| known != name) {
                let known: Vec<_> = known().collect();
                return Err(format!(
                    "{name:?} is not in the list of known controllers: {}",
                    known.join(", ")
                ));
            }
        }
        let chosen = |name: &&str| {
            let said = names
                .iter()
                .find_map(|entry| match entry.strip_prefix('-') {
                    Some(excluded) if excluded == *name => Some(false),
                    None if entry == name => Some(true),
                    _ => None,
                });
            said.unwrap_or_else(|| names.iter().any(|n| n == "*") && uses.has_work_for(name))
        };
        Ok(Self(known().filter(chosen).collect()))
    }

    /// Whether one is selected.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_USES: Uses = Uses {
        tokens_are_mounted: true,
        bootstrap_tokens: true,
        kubelets: true,
    };

    fn selected(names: &[&str]) -> Vec<&'static str> {
        let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
        EnabledControllers::parse(&names, ALL_USES).unwrap().0
    }

    #[test]
    fn controllers_are_chosen_as_upstream() {
        assert_eq!(selected(&["*"]).len(), ALL.len());
        assert_eq!(selected(&["namespace"]), ["namespace"]);
        assert!(selected(&["-namespace"]).is_empty());
        assert!(!selected(&["*", "-namespace"]).contains(&"namespace"));
        assert!(!selected(&["-namespace", "*", "namespace"]).contains(&"namespace"));
        assert!(selected(&["namespace", "-namespace"]).contains(&"namespace"));
    }

    #[test]
    fn unknown_ones_are_rejected_with_the_list() {
        for name in ["nope", "-nope", "--namespace", ""] {
            let error = EnabledControllers::parse(&["*".to_owned(), name.to_owned()], ALL_USES)
                .unwrap_err();
            assert!(error.contains("garbagecollector, namespace"), "{error}");
        }
    }

    #[test]
    fn some_run_by_default_only_where_they_are_of_use() {
        let parse = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
            EnabledControllers::parse(&names, Uses::default()).unwrap()
        };
        assert!(!parse(&["*"]).contains(ROOT_CA_CERT_PUBLISHER));
        assert!(!parse(&["*"]).contains("tokencleaner"));
        assert!(!parse(&["*"]).contains("podgc"));
        assert!(!parse(&["*"]).contains("endpoint"));
        assert!(parse(&["*", "endpoint"]).contains("endpoint"));
        assert!(parse(&["tokencleaner"]).contains("tokencleaner"));
        assert!(parse(&["*"]).contains("serviceaccount"));
        assert!(parse(&["*", ROOT_CA_CERT_PUBLISHER]).contains(ROOT_CA_CERT_PUBLISHER));
    }
}
