//! The arguments of `portcullis why`. Each invalid one is named.

use portcullis_api::name::path_segment;

use super::WhyError;
use crate::config::WhyArgs;

/// A resource, possibly one object of it, or a path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) resource: String,
    pub(super) name: String,
    pub(super) subresource: String,
    pub(super) path: String,
}

/// Parses them as `kubectl auth can-i` does: `TYPE`, `TYPE NAME`, `TYPE/NAME` or `/PATH`.
///
/// # Errors
/// [`WhyError::Argument`].
pub(super) fn of(args: &WhyArgs) -> Result<Target, WhyError> {
    let namespace = args.namespace.as_deref().unwrap_or_default();
    segment("--namespace", namespace, "not the name of a namespace")?;
    if args.filename.is_some() {
        return of_manifest(args);
    }
    if args.call_webhooks && args.verb != "delete" {
        let why = "--call-webhooks needs --filename, or the verb delete";
        return Err(argument("VERB", &args.verb, why));
    }
    if args.resource.starts_with('/') {
        return of_path(args);
    }
    let (resource, name) = match args.resource.split_once('/') {
        None => (&*args.resource, &*args.name),
        Some((resource, name)) if !resource.is_empty() && !name.is_empty() => {
            none_given("NAME", &args.name, "RESOURCE already contains a name")?;
            (resource, name)
        }
        Some(_) => {
            let why = "a resource must be TYPE or TYPE/NAME";
            return Err(argument("RESOURCE", &args.resource, why));
        }
    };
    segment("NAME", name, NAME)?;
    segment("--subresource", &args.subresource, "no subresource")?;
    Ok(Target {
        resource: resource.to_owned(),
        name: name.to_owned(),
        subresource: args.subresource.clone(),
        path: String::new(),
    })
}

const NAME: &str = "not the name of an object; a subresource is given with --subresource";

fn of_manifest(args: &WhyArgs) -> Result<Target, WhyError> {
    if !matches!(&*args.verb, "" | "create" | "update") {
        let why = "with --filename the verb must be create or update";
        return Err(argument("VERB", &args.verb, why));
    }
    let why = "not allowed with --filename";
    none_given("--subresource", &args.subresource, why)?;
    Ok(Target::default())
}

fn of_path(args: &WhyArgs) -> Result<Target, WhyError> {
    none_given("NAME", &args.name, "a path has no name")?;
    none_given(
        "--subresource",
        &args.subresource,
        "a path has no subresource",
    )?;
    Ok(Target {
        path: args.resource.clone(),
        ..Target::default()
    })
}

fn none_given(argument: &'static str, value: &str, why: &'static str) -> Result<(), WhyError> {
    if value.is_empty() {
        Ok(())
    } else {
        Err(self::argument(argument, value, why))
    }
}

/// Whether a value is a valid segment of a URL.
fn segment(argument: &'static str, value: &str, why: &'static str) -> Result<(), WhyError> {
    if path_segment(value).is_empty() {
        Ok(())
    } else {
        Err(self::argument(argument, value, why))
    }
}

fn argument(argument: &'static str, value: &str, why: &'static str) -> WhyError {
    WhyError::Argument {
        argument,
        value: value.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{Cli, Command};

    fn read(words: &str) -> Result<Target, String> {
        let words = ["portcullis", "why"].into_iter().chain(words.split(' '));
        let Command::Why(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not why");
        };
        of(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_follows_its_type_or_is_an_argument() {
        for (words, resource, name, subresource, path) in [
            ("get pods", "pods", "", "", ""),
            ("get pods web", "pods", "web", "", ""),
            ("get pods/web", "pods", "web", "", ""),
            (
                "get deployments.apps/web",
                "deployments.apps",
                "web",
                "",
                "",
            ),
            ("get pods web --subresource log", "pods", "web", "log", ""),
            ("get /healthz", "", "", "", "/healthz"),
            ("create -f x", "", "", "", ""),
        ] {
            let target = Target {
                resource: resource.into(),
                name: name.into(),
                subresource: subresource.into(),
                path: path.into(),
            };
            assert_eq!(read(words), Ok(target), "{words}");
        }
    }

    #[test]
    fn errors_name_the_argument() {
        for (words, expected) in [
            ("get pods web/log", format!("NAME \"web/log\": {NAME}")),
            ("get pods/web/log", format!("NAME \"web/log\": {NAME}")),
            ("get pods ..", format!("NAME \"..\": {NAME}")),
            ("get pods a%2fb", format!("NAME \"a%2fb\": {NAME}")),
            (
                "get pods/web other",
                "NAME \"other\": RESOURCE already contains a name".into(),
            ),
            (
                "get pods/",
                "RESOURCE \"pods/\": a resource must be TYPE or TYPE/NAME".into(),
            ),
            ("get /healthz x", "NAME \"x\": a path has no name".into()),
            (
                "get /healthz --subresource log",
                "--subresource \"log\": a path has no subresource".into(),
            ),
            (
                "get pods web --subresource log/x",
                "--subresource \"log/x\": no subresource".into(),
            ),
            (
                "get pods -n a/b",
                "--namespace \"a/b\": not the name of a namespace".into(),
            ),
            (
                "delete -f x",
                "VERB \"delete\": with --filename the verb must be create or update".into(),
            ),
            (
                "get pods web --call-webhooks",
                "VERB \"get\": --call-webhooks needs --filename, or the verb delete".into(),
            ),
            (
                "create -f x --subresource status",
                "--subresource \"status\": not allowed with --filename".into(),
            ),
        ] {
            assert_eq!(read(words), Err(expected), "{words}");
        }
    }
}
