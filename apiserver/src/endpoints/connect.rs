//! What connects a client to something that runs: `log`, `exec`, `attach`, `portforward`, `proxy`.
//!
//! Requests are checked here as far as the API server can; [`crate::outbound::kubelet`] takes them on.
//!
//! Upstream: `pkg/registry/core/pod/strategy.go` and `.../pod/rest`.

use http::StatusCode;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use portcullis_api::decode::parse_time;
use portcullis_api::status::Reason;
use portcullis_api::{FieldError, GroupKind, Path, Status, Verb};
use portcullis_storage::ReadAt;
use serde_json::{Map, Value};

use super::call::Call;
use super::create::may_create;
use crate::outbound::kubelet::{self, Stream};
use crate::request::Query;
use crate::response::{self, Response};
use portcullis_kinds::validation::list;
use portcullis_registry::codec;
use portcullis_registry::connection::ConnectOptions;

/// Whether a call is one of these.
pub fn is_connection(call: &Call<'_>) -> bool {
    stream(call.scope.subresource).is_some()
}

fn stream(subresource: &str) -> Option<Stream> {
    match subresource {
        "attach" => Some(Stream::Attach),
        "exec" => Some(Stream::Exec),
        "log" => Some(Stream::Log),
        "portforward" => Some(Stream::PortForward),
        "proxy" => Some(Stream::Proxy),
        _ => None,
    }
}

/// Connects a client.
///
/// # Errors
/// 400 for options that cannot be met and for pods without a node; 404; whatever keeps the server
/// from reaching the other end.
pub async fn connect(call: &Call<'_>) -> Result<Response, Status> {
    let stream = stream(call.scope.subresource).ok_or_else(Status::no_such_resource)?;
    if stream == Stream::Proxy {
        admit(call, stream).await?;
        return proxy(call).await;
    }
    if stream != Stream::Log && call.info.verb != Some(Verb::Create) {
        // A websocket begins with a GET, and reaches as far into a pod as a POST (upstream since 1.35:
        // `ensureAuthorizedForVerb` in `pkg/registry/core/pod/rest/authorize.go`).
        may_create(call.api.authorizer.as_ref(), &call.scope)?;
    }
    check_options(call, stream)?;
    if stream != Stream::Log {
        admit(call, stream).await?;
    }
    let pod = pod(call, call.scope.name).await?;
    let spec = pod.spec.unwrap_or_default();
    if stream != Stream::PortForward {
        container(call.scope.name, &spec, call.query.get("container"))?;
    }
    match spec.node_name.as_deref().unwrap_or_default() {
        // nothing has run yet, so nothing has been said
        "" if stream == Stream::Log => Ok(response::text(StatusCode::NO_CONTENT, "")),
        "" => Err(Status::bad_request(format!(
            "pod {} does not have a host assigned",
            call.scope.name
        ))),
        node => kubelet::connect(&call.api.registry, node, stream).await,
    }
}

/// Asks admission, whatever there is to connect to. A log is only read.
async fn admit(call: &Call<'_>, stream: Stream) -> Result<(), Status> {
    let options = ConnectOptions::new(options(call.query, stream, &call.info.rest));
    let registry = &call.api.registry;
    registry.admit_connection(&call.scope, options).await
}

/// The fields of the query that are set (upstream: `PodExecOptions` and the like in
/// `k8s.io/api/core/v1`).
fn options(query: &Query, stream: Stream, rest: &[String]) -> Map<String, Value> {
    let mut fields = Map::new();
    match stream {
        Stream::Attach | Stream::Exec => {
            let flags = ["stdin", "stdout", "stderr", "tty"];
            let set = flags.into_iter().filter(|name| query.flag(name));
            fields.extend(set.map(|name| (name.to_owned(), Value::Bool(true))));
            let container = query.get("container");
            if !container.is_empty() {
                fields.insert("container".into(), container.into());
            }
            let command: Vec<_> = query.all("command").collect();
            if stream == Stream::Exec && !command.is_empty() {
                fields.insert("command".into(), command.into());
            }
        }
        Stream::PortForward => {
            let ports = query.all("ports").flat_map(|ports| ports.split(','));
            let ports: Vec<u16> = ports.filter_map(|port| port.parse().ok()).collect();
            if !ports.is_empty() {
                fields.insert("ports".into(), ports.into());
            }
        }
        Stream::Proxy if !rest.is_empty() => {
            fields.insert("path".into(), format!("/{}", rest.join("/")).into());
        }
        Stream::Log | Stream::Proxy => {}
    }
    fields
}

async fn pod(call: &Call<'_>, name: &str) -> Result<Pod, Status> {
    let scope = call.scope.named(call.scope.namespace, name);
    let entry = call.api.registry.get(&scope, ReadAt::Latest).await?;
    let object = codec::object(scope.resource, &entry)?;
    let pod = object.as_kind::<Pod>().cloned();
    pod.ok_or_else(|| Status::internal("a pod of an unexpected type"))
}

/// The container that is meant: the only one, if none is named.
fn container(pod: &str, spec: &PodSpec, named: &str) -> Result<(), Status> {
    let init = list(spec.init_containers.as_ref());
    if !named.is_empty() {
        let ephemeral = list(spec.ephemeral_containers.as_ref());
        let mut names = spec.containers.iter().chain(init).map(|c| c.name.as_str());
        let known = names.any(|name| name == named) || ephemeral.iter().any(|c| c.name == named);
        return if known {
            Ok(())
        } else {
            let why = format!("container {named} is not valid for pod {pod}");
            Err(Status::bad_request(why))
        };
    }
    let mut why = format!("a container name must be specified for pod {pod}");
    match spec.containers.as_slice() {
        [_] => return Ok(()),
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

fn check_options(call: &Call<'_>, stream: Stream) -> Result<(), Status> {
    match stream {
        Stream::Log => check_log(call.query, call.scope.name),
        Stream::PortForward => check_ports(call.query),
        Stream::Attach | Stream::Exec | Stream::Proxy => Ok(()),
    }
}

/// Upstream: `ValidatePodLogOptions` in `pkg/apis/core/validation`.
fn check_log(query: &Query, name: &str) -> Result<(), Status> {
    let path = Path::new;
    let positive = "must be greater than 0";
    let mut errors = Vec::new();
    if let Some(lines) = query.number("tailLines")?.filter(|n| *n < 0) {
        let why = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(&path("tailLines"), lines, why));
    }
    if let Some(bytes) = query.number("limitBytes")?.filter(|n| *n < 1) {
        errors.push(FieldError::invalid(&path("limitBytes"), bytes, positive));
    }
    let seconds = query.number("sinceSeconds")?;
    let time = since_time(query)?;
    if seconds.is_some() && time {
        let why = "at most one of `sinceTime` or `sinceSeconds` may be specified";
        errors.push(FieldError::forbidden(&path(""), why));
    } else if let Some(seconds) = seconds.filter(|n| *n < 1) {
        errors.push(FieldError::invalid(
            &path("sinceSeconds"),
            seconds,
            positive,
        ));
    }
    if errors.is_empty() {
        return Ok(());
    }
    let kind = GroupKind {
        group: "",
        kind: "PodLogOptions",
    };
    Err(Status::invalid(kind, name, &errors))
}

/// Whether a time is given.
fn since_time(query: &Query) -> Result<bool, Status> {
    match query.get("sinceTime") {
        "" | "null" => Ok(false),
        text => match parse_time(text) {
            Ok(_) => Ok(true),
            Err(why) => Err(Status::bad_request(why)),
        },
    }
}

fn check_ports(query: &Query) -> Result<(), Status> {
    for port in query.all("ports").flat_map(|ports| ports.split(',')) {
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let why = match port.parse::<u16>() {
            Ok(_) if digits => continue,
            _ if digits => "value out of range",
            _ => "invalid syntax",
        };
        return Err(Status::bad_request(format!(
            "cannot convert to []int32: strconv.ParseUint: parsing {port:?}: {why}"
        )));
    }
    Ok(())
}

/// Hands a request on to what an object stands for. A pod is reached at its address, which its
/// kubelet tells.
async fn proxy(call: &Call<'_>) -> Result<Response, Status> {
    let kind = call.scope.resource.kind;
    let name = target(call.scope.name).ok_or_else(|| {
        let what = kind.to_lowercase();
        Status::bad_request(format!("invalid {what} request {:?}", call.scope.name))
    })?;
    if kind != "Pod" {
        let scope = call.scope.named(call.scope.namespace, name);
        call.api.registry.get(&scope, ReadAt::Latest).await?;
        if kind == "Service" {
            return Err(Status::failure(
                Reason::ServiceUnavailable,
                format!("no endpoints available for service {name:?}"),
            ));
        }
        return kubelet::connect(&call.api.registry, name, Stream::Proxy).await;
    }
    let pod = pod(call, name).await?;
    let status = pod.status.unwrap_or_default();
    let Some(address) = status.pod_ip.filter(|ip| !ip.is_empty()) else {
        return Err(Status::bad_request("address not allowed"));
    };
    Err(kubelet::unreachable(&format!("the pod at {address}")))
}

/// The name in `name`, `name:port` or `scheme:name:port`.
fn target(id: &str) -> Option<&str> {
    let parts: Vec<_> = id.split(':').collect();
    let name = match parts.as_slice() {
        [name] | [name, _] | ["http" | "https" | "", name, _] => *name,
        _ => "",
    };
    Some(name).filter(|name| !name.is_empty())
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

    #[test]
    fn log_options_are_whole_and_make_sense() {
        let refusal = |query| {
            check_log(&Query::new(query), "web")
                .err()
                .map(|s| s.message)
        };
        assert_eq!(
            refusal("tailLines=0&sinceTime=2026-01-01T00:00:00Z&follow=x"),
            None
        );
        for (query, why) in [
            (
                "tailLines=-1",
                "tailLines: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                "limitBytes=0",
                "limitBytes: Invalid value: 0: must be greater than 0",
            ),
            (
                "sinceSeconds=0",
                "sinceSeconds: Invalid value: 0: must be greater than 0",
            ),
        ] {
            let expected = format!("PodLogOptions \"web\" is invalid: {why}");
            assert_eq!(refusal(query), Some(expected));
        }
        let both = refusal("sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z").unwrap();
        assert!(both.contains("at most one of"), "{both}");
        let expected = "strconv.ParseInt: parsing \"x\": invalid syntax";
        assert_eq!(refusal("limitBytes=x").as_deref(), Some(expected));
        let expected = "strconv.ParseInt: parsing \"\": invalid syntax";
        assert_eq!(refusal("tailLines=").as_deref(), Some(expected));
        assert!(refusal("sinceTime=yesterday").is_some());
        assert!(check_ports(&Query::new("ports=80&ports=x")).is_err());
    }

    #[test]
    fn admission_sees_the_options_that_are_set() {
        let seen =
            |query, stream| Value::from(options(&Query::new(query), stream, &[])).to_string();
        assert_eq!(
            seen(
                "stdin=true&stdout=1&tty=false&container=c&command=sh&command=-c",
                Stream::Exec
            ),
            r#"{"command":["sh","-c"],"container":"c","stdin":true,"stdout":true}"#
        );
        assert_eq!(seen("command=sh", Stream::Attach), "{}");
        assert_eq!(
            seen("ports=80&ports=81,82", Stream::PortForward),
            r#"{"ports":[80,81,82]}"#
        );
        let path = options(&Query::new(""), Stream::Proxy, &["a".into(), "b".into()]);
        assert_eq!(path["path"], "/a/b");
    }

    #[test]
    fn proxies_are_asked_by_name_scheme_and_port() {
        for (id, name) in [
            ("web", Some("web")),
            ("web:80", Some("web")),
            ("https:web:", Some("web")),
            ("ftp:web:80", None),
            (":80", None),
        ] {
            assert_eq!(target(id), name, "{id}");
        }
    }
}
