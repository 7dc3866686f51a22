//! The container of a pod that a request is for.
//!
//! Upstream: `validateContainer` in `pkg/registry/core/pod/strategy.go`.

use k8s_openapi::api::core::v1::{Container, PodSpec};
use portcullis_api::Status;

use portcullis_kinds::validation::list;

/// The container that is named, or the only one.
///
/// # Errors
/// 400 for an unknown name, and for a missing one if there are several containers.
pub fn container<'a>(pod: &str, spec: &'a PodSpec, named: &'a str) -> Result<&'a str, Status> {
    let init = list(spec.init_containers.as_ref());
    if !named.is_empty() {
        let ephemeral = list(spec.ephemeral_containers.as_ref());
        let mut names = spec.containers.iter().chain(init).map(|c| c.name.as_str());
        let known = names.any(|name| name == named) || ephemeral.iter().any(|c| c.name == named);
        return if known {
            Ok(named)
        } else {
            let why = format!("container {named} is not valid for pod {pod}");
            Err(Status::bad_request(why))
        };
    }
    let mut why = format!("a container name must be specified for pod {pod}");
    match spec.containers.as_slice() {
        [only] => return Ok(&only.name),
        [] => {}
        several => {
            why.push_str(&format!(", choose one of: [{}]", names(several)));
            if !init.is_empty() {
                let more = format!(" or one of the init containers: [{}]", names(init));
                why.push_str(&more);
            }
        }
    }
    Err(Status::bad_request(why))
}

fn names(containers: &[Container]) -> String {
    let names: Vec<_> = containers.iter().map(|c| c.name.as_str()).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(containers: &[&str], init: &[&str]) -> PodSpec {
        let named = |names: &[&str]| -> Vec<Container> {
            let container = |name: &&str| Container {
                name: (*name).to_owned(),
                ..Container::default()
            };
            names.iter().map(container).collect()
        };
        PodSpec {
            containers: named(containers),
            init_containers: Some(named(init)),
            ..PodSpec::default()
        }
    }

    #[test]
    fn a_container_is_named_unless_there_is_only_one() {
        let refusal = |spec: &PodSpec, name| container("web", spec, name).err().map(|s| s.message);
        let one = spec(&["a"], &["i"]);
        assert_eq!(refusal(&one, ""), None);
        assert_eq!(refusal(&one, "i"), None);
        assert_eq!(
            refusal(&one, "c").as_deref(),
            Some("container c is not valid for pod web")
        );
        assert_eq!(
            refusal(&spec(&["a", "b"], &[]), "").as_deref(),
            Some("a container name must be specified for pod web, choose one of: [a b]")
        );
        assert_eq!(
            refusal(&spec(&["a", "b"], &["i", "j"]), "").as_deref(),
            Some(
                "a container name must be specified for pod web, choose one of: [a b] or one of the init containers: [i j]"
            )
        );
    }
}
