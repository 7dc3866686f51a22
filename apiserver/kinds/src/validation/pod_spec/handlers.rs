//! Probes and lifecycle hooks.

use k8s_openapi::api::core::v1::{ExecAction, HTTPGetAction, Lifecycle, Probe, TCPSocketAction};
use portcullis_api::{ErrorList, FieldError, Path};

use super::super::net::{validate_port, validate_port_number};
use super::super::{OneOf, list, not_negative, one_of, required, text};

const HEADER: &str = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
const NO_HANDLER: &str = "must specify a handler type";

pub(super) fn validate_probe(probe: &Probe, path: &Path, errors: &mut ErrorList) {
    let mut handler = OneOf::new(path, "handler type", errors);
    handler.field("exec", probe.exec.as_ref(), validate_exec);
    handler.field("httpGet", probe.http_get.as_ref(), validate_http_get);
    handler.field("tcpSocket", probe.tcp_socket.as_ref(), validate_tcp);
    handler.field("grpc", probe.grpc.as_ref(), |grpc, path, errors| {
        validate_port_number(grpc.port, &path.child("port"), errors);
    });
    if !handler.is_chosen() {
        errors.push(FieldError::required(path, NO_HANDLER));
    }
    for (field, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        not_negative(value.map(i64::from), &path.child(field), errors);
    }
    if let Some(seconds) = probe.termination_grace_period_seconds.filter(|s| *s <= 0) {
        let path = path.child("terminationGracePeriodSeconds");
        errors.push(FieldError::invalid(
            &path,
            seconds,
            "must be greater than 0",
        ));
    }
}

pub(super) fn validate_lifecycle(lifecycle: &Lifecycle, path: &Path, errors: &mut ErrorList) {
    for (field, hook) in [
        ("postStart", &lifecycle.post_start),
        ("preStop", &lifecycle.pre_stop),
    ] {
        let Some(hook) = hook else { continue };
        let path = path.child(field);
        let mut handler = OneOf::new(&path, "handler type", errors);
        handler.field("exec", hook.exec.as_ref(), validate_exec);
        handler.field("httpGet", hook.http_get.as_ref(), validate_http_get);
        handler.field("tcpSocket", hook.tcp_socket.as_ref(), validate_tcp);
        handler.field("sleep", hook.sleep.as_ref(), |_, _, _| {});
        if !handler.is_chosen() {
            errors.push(FieldError::required(&path, NO_HANDLER));
        }
    }
}

fn validate_exec(exec: &ExecAction, path: &Path, errors: &mut ErrorList) {
    if list(exec.command.as_ref()).is_empty() {
        errors.push(FieldError::required(&path.child("command"), ""));
    }
}

fn validate_tcp(tcp: &TCPSocketAction, path: &Path, errors: &mut ErrorList) {
    validate_port(&tcp.port, &path.child("port"), errors);
}

fn validate_http_get(http: &HTTPGetAction, path: &Path, errors: &mut ErrorList) {
    required(http.path.as_deref(), &path.child("path"), errors);
    validate_port(&http.port, &path.child("port"), errors);
    let scheme = text(http.scheme.as_ref());
    one_of(scheme, &["HTTP", "HTTPS"], &path.child("scheme"), errors);
    for header in list(http.http_headers.as_ref()) {
        let name = header.name.as_str();
        let fine = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if name.is_empty() || !name.bytes().all(fine) {
            let path = path.child("httpHeaders");
            errors.push(FieldError::invalid(&path, name, HEADER));
        }
    }
}
