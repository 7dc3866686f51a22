use clap::Parser;

use super::*;
use crate::config::why::Traffic;
use crate::config::{Cli, Command};

fn asked(arguments: &str) -> Result<String, String> {
    let words = ["portcullis", "why", "connect"].into_iter();
    let words = words.chain(arguments.split(' '));
    let Command::Why(args) = Cli::try_parse_from(words).unwrap().command else {
        panic!("not why");
    };
    let Some(Traffic::Connect(args)) = args.traffic else {
        panic!("not connect");
    };
    let namespace = args.source.namespace.clone();
    let question = Question::of(&args, namespace.as_deref().unwrap_or("default"));
    question.map(|q| q.to_string()).map_err(|e| e.to_string())
}

#[test]
fn parties_are_pods_services_and_addresses() {
    for (arguments, expected) in [
        (
            "pod/web pod/db:5432",
            "connect pod \"web\" in \"default\" to pod \"db\" in \"default\", port 5432 of TCP",
        ),
        (
            "po/web svc/cart:http -n shop --from-namespace web",
            "connect pod \"web\" in \"web\" to service \"cart\" in \"shop\", port http of TCP",
        ),
        (
            "10.0.0.1 10.0.0.7:443",
            "connect 10.0.0.1 to 10.0.0.7, port 443 of TCP",
        ),
        (
            "fd00::1 [fd00::2]:53/udp",
            "connect fd00::1 to fd00::2, port 53 of UDP",
        ),
    ] {
        assert_eq!(asked(arguments).as_deref(), Ok(expected), "{arguments}");
    }
}

#[test]
fn errors_name_the_argument() {
    let to = "it must be pod/NAME:PORT, svc/NAME:PORT or ADDRESS:PORT";
    let from = "the source must be pod/NAME or an address";
    for (arguments, expected) in [
        ("pod/web pod/db", format!("TO \"pod/db\": {to}")),
        ("pod/web db:80", format!("TO \"db:80\": {to}")),
        ("pod/web pod/a/b:80", format!("TO \"pod/a/b:80\": {to}")),
        ("pod/web [fd00::2]", format!("TO \"[fd00::2]\": {to}")),
        ("web pod/db:80", format!("FROM \"web\": {from}")),
        ("svc/web pod/db:80", format!("FROM \"svc/web\": {from}")),
        ("pod/ pod/db:80", format!("FROM \"pod/\": {from}")),
        (
            "pod/web pod/db:0",
            "TO \"pod/db:0\": a port must be between 1 and 65535".into(),
        ),
        (
            "pod/web pod/db:70000",
            "TO \"pod/db:70000\": a port must be between 1 and 65535".into(),
        ),
        (
            "pod/web pod/db:",
            "TO \"pod/db:\": a port must be between 1 and 65535".into(),
        ),
        (
            "pod/web pod/db:80/icmp",
            "TO \"pod/db:80/icmp\": a protocol is TCP, UDP or SCTP".into(),
        ),
        (
            "pod/web 10.0.0.1:http",
            "TO \"10.0.0.1:http\": the port of an address must be a number".into(),
        ),
        (
            "pod/web pod/db:80 -n a/b",
            "--namespace \"a/b\": not the name of a namespace".into(),
        ),
    ] {
        assert_eq!(asked(arguments), Err(expected), "{arguments}");
    }
    let error = target("svc/db", "default").unwrap_err().to_string();
    assert_eq!(error, "TO \"svc/db\": it must be pod/NAME or pod/NAME:PORT");
}
