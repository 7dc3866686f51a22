//! The options of a connection: validated, as admission sees them, and as the query of a kubelet's URL.
//!
//! Upstream: `streamParams` and `LogLocation` in `pkg/registry/core/pod/strategy.go`.

use form_urlencoded::Serializer;
use portcullis_api::decode::parse_time;
use portcullis_api::{FieldError, GroupKind, Path, Status};
use serde_json::{Map, Value};

use super::Kind;
use crate::request::Query;

/// The fields of the query that are set (upstream: `PodExecOptions` and the like in
/// `k8s.io/api/core/v1`).
pub fn options(query: &Query, kind: Kind, rest: &[String]) -> Map<String, Value> {
    let mut fields = Map::new();
    match kind {
        Kind::Attach | Kind::Exec => {
            let flags = ["stdin", "stdout", "stderr", "tty"];
            let set = flags.into_iter().filter(|name| query.flag(name));
            fields.extend(set.map(|name| (name.to_owned(), Value::Bool(true))));
            let container = query.get("container");
            if !container.is_empty() {
                fields.insert("container".into(), container.into());
            }
            let command: Vec<_> = query.all("command").collect();
            if kind == Kind::Exec && !command.is_empty() {
                fields.insert("command".into(), command.into());
            }
        }
        Kind::PortForward => {
            let ports = query.all("ports").flat_map(|ports| ports.split(','));
            let ports: Vec<u16> = ports.filter_map(|port| port.parse().ok()).collect();
            if !ports.is_empty() {
                fields.insert("ports".into(), ports.into());
            }
        }
        Kind::Proxy if !rest.is_empty() => {
            fields.insert("path".into(), format!("/{}", rest.join("/")).into());
        }
        Kind::Log | Kind::Proxy => {}
    }
    fields
}

/// Upstream: `ValidatePodLogOptions` in `pkg/apis/core/validation`.
///
/// # Errors
/// 422 for contradictory or invalid values, 400 for what is not a number or not a time.
pub fn check_log(query: &Query, name: &str) -> Result<(), Status> {
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
    let time = since_time(query)?.is_some();
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

/// The given time, in the format that a kubelet reads.
fn since_time(query: &Query) -> Result<Option<String>, Status> {
    match query.get("sinceTime") {
        "" | "null" => Ok(None),
        text => match parse_time(text) {
            Ok(time) => Ok(Some(time.to_string())),
            Err(why) => Err(Status::bad_request(why)),
        },
    }
}

/// Validates the ports to forward.
///
/// # Errors
/// 400.
pub fn check_ports(query: &Query) -> Result<(), Status> {
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

/// The query of a kubelet's URL for exec, attach and portforward.
pub fn for_stream(query: &Query, kind: Kind) -> String {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    if kind == Kind::PortForward {
        let ports: Vec<_> = query.all("ports").collect();
        if !ports.is_empty() {
            pairs.push(("port", ports.join(",")));
        }
        return encoded(&pairs);
    }
    if kind == Kind::Exec {
        pairs.extend(
            query
                .all("command")
                .map(|word| ("command", word.to_owned())),
        );
    }
    let flags = [
        ("error", "stderr"),
        ("input", "stdin"),
        ("output", "stdout"),
        ("tty", "tty"),
    ];
    let set = flags.into_iter().filter(|(_, name)| query.flag(name));
    pairs.extend(set.map(|(name, _)| (name, "1".to_owned())));
    encoded(&pairs)
}

/// The query of a kubelet's URL for a log.
///
/// # Errors
/// As [`check_log`].
pub fn for_log(query: &Query) -> Result<String, Status> {
    let mut pairs = Vec::new();
    let number = |name| Ok::<_, Status>(query.number(name)?.map(|n| (name, n.to_string())));
    let flag = |name| query.flag(name).then(|| (name, "true".to_owned()));
    pairs.extend(flag("follow"));
    pairs.extend(number("limitBytes")?);
    pairs.extend(flag("previous"));
    pairs.extend(number("sinceSeconds")?);
    pairs.extend(since_time(query)?.map(|time| ("sinceTime", time)));
    pairs.extend(number("tailLines")?);
    pairs.extend(flag("timestamps"));
    Ok(encoded(&pairs))
}

/// A query with its question mark; empty if there are no parameters.
fn encoded(pairs: &[(&str, String)]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let query = String::from("?");
    Serializer::for_suffix(query, 1)
        .extend_pairs(pairs)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(check_ports(&Query::new("ports=80,81&ports=82")).is_ok());
    }

    #[test]
    fn admission_sees_the_options_that_are_set() {
        let seen = |query, kind| Value::from(options(&Query::new(query), kind, &[])).to_string();
        assert_eq!(
            seen(
                "stdin=true&stdout=1&tty=false&container=c&command=sh&command=-c",
                Kind::Exec
            ),
            r#"{"command":["sh","-c"],"container":"c","stdin":true,"stdout":true}"#
        );
        assert_eq!(seen("command=sh", Kind::Attach), "{}");
        assert_eq!(
            seen("ports=80&ports=81,82", Kind::PortForward),
            r#"{"ports":[80,81,82]}"#
        );
        let path = options(&Query::new(""), Kind::Proxy, &["a".into(), "b".into()]);
        assert_eq!(path["path"], "/a/b");
    }

    #[test]
    fn kubelets_have_names_of_their_own() {
        let stream = |query, kind| for_stream(&Query::new(query), kind);
        assert_eq!(
            stream(
                "command=sh&stdin=1&tty=true&command=-c&stdout=true&stderr=false&container=c",
                Kind::Exec
            ),
            "?command=sh&command=-c&input=1&output=1&tty=1"
        );
        assert_eq!(stream("stderr=true&command=x", Kind::Attach), "?error=1");
        assert_eq!(
            stream("ports=80&ports=81", Kind::PortForward),
            "?port=80%2C81"
        );
        assert_eq!(stream("", Kind::PortForward), "");
        let log = |query| for_log(&Query::new(query)).unwrap();
        assert_eq!(
            log("timestamps=true&tailLines=5&previous=1&follow=false&container=c"),
            "?previous=true&tailLines=5&timestamps=true"
        );
        assert_eq!(
            log("sinceTime=2026-01-01T01:00:00.5%2B01:00&limitBytes=9"),
            "?limitBytes=9&sinceTime=2026-01-01T00%3A00%3A00Z"
        );
    }
}
