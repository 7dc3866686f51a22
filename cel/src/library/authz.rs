//! Authorization checks.

use crate::error::EvalError;
use crate::library::{Def, Library, Run, mismatch};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, String as Text};
use crate::value::opaque::Opaque;
use crate::value::opaque::authz::{
    AUTHORIZER, Attributes, Authz, DECISION, Decision, GROUP, PATH, RESOURCE, Stage,
};
use crate::value::{Evaluated, Value};

pub(super) fn add(lib: &mut Library) {
    let of = Type::Opaque;
    lib.member(
        "path",
        [Def(
            "authorizer_path",
            vec![of(AUTHORIZER), Text],
            of(PATH),
            path,
        )],
    );
    lib.member(
        "group",
        [Def(
            "authorizer_group",
            vec![of(AUTHORIZER), Text],
            of(GROUP),
            |_, a| {
                next(a, Stage::Group, |attributes, text| {
                    text.clone_into(&mut attributes.group)
                })
            },
        )],
    );
    lib.member(
        "serviceAccount",
        [Def(
            "authorizer_serviceaccount",
            vec![of(AUTHORIZER), Text, Text],
            of(AUTHORIZER),
            service_account,
        )],
    );
    lib.member(
        "resource",
        [Def(
            "groupcheck_resource",
            vec![of(GROUP), Text],
            of(RESOURCE),
            |_, a| {
                next(a, Stage::Resource, |attributes, text| {
                    text.clone_into(&mut attributes.resource)
                })
            },
        )],
    );
    add_checks(lib);
}

/// Resources, checks and decisions.
fn add_checks(lib: &mut Library) {
    let of = Type::Opaque;
    let refinements: [(&'static str, &'static str, Run); 3] = [
        ("subresource", "resourcecheck_subresource", |_, a| {
            next(a, Stage::Resource, |attributes, text| {
                text.clone_into(&mut attributes.subresource)
            })
        }),
        ("namespace", "resourcecheck_namespace", |_, a| {
            next(a, Stage::Resource, |attributes, text| {
                text.clone_into(&mut attributes.namespace)
            })
        }),
        ("name", "resourcecheck_name", |_, a| {
            next(a, Stage::Resource, |attributes, text| {
                text.clone_into(&mut attributes.name)
            })
        }),
    ];
    for (name, id, run) in refinements {
        lib.member(name, [Def(id, vec![of(RESOURCE), Text], of(RESOURCE), run)]);
    }
    lib.member(
        "check",
        [
            Def("pathcheck_check", vec![of(PATH), Text], of(DECISION), check),
            Def(
                "resourcecheck_check",
                vec![of(RESOURCE), Text],
                of(DECISION),
                check,
            ),
        ],
    );
    let predicates: [(&'static str, &'static str, Type, Run); 4] = [
        ("errored", "decision_errored", Bool, |_, a| {
            decision(a, |d| Value::Bool(d.error.is_some()))
        }),
        ("error", "decision_error", Text, |_, a| {
            decision(a, |d| Value::text(d.error.clone().unwrap_or_default()))
        }),
        ("allowed", "decision_allowed", Bool, |_, a| {
            decision(a, |d| Value::Bool(d.allowed))
        }),
        ("reason", "decision_reason", Text, |_, a| {
            decision(a, |d| Value::text(d.reason.as_str()))
        }),
    ];
    for (name, id, result, run) in predicates {
        lib.member(name, [Def(id, vec![of(DECISION)], result, run)]);
    }
}

pub(super) fn add_selectors(lib: &mut Library) {
    let of = Type::Opaque;
    let selectors: [(&'static str, &'static str, Run); 2] = [
        ("fieldSelector", "authorizer_fieldselector", |_, a| {
            next(a, Stage::Resource, |attributes, text| {
                text.clone_into(&mut attributes.field_selector)
            })
        }),
        ("labelSelector", "authorizer_labelselector", |_, a| {
            next(a, Stage::Resource, |attributes, text| {
                text.clone_into(&mut attributes.label_selector)
            })
        }),
    ];
    for (name, id, run) in selectors {
        lib.member(name, [Def(id, vec![of(RESOURCE), Text], of(RESOURCE), run)]);
    }
}

fn authz<'v, 'a>(args: &'v [Value<'a>]) -> Result<&'v Authz<'a>, EvalError> {
    match args.first() {
        Some(Value::Opaque(opaque)) => match &**opaque {
            Opaque::Authz(authz) => Ok(authz),
            _ => Err(EvalError::no_such_overload()),
        },
        _ => Err(EvalError::no_such_overload()),
    }
}

/// The check with an argument added.
fn next<'a>(args: &[Value<'a>], stage: Stage, set: fn(&mut Attributes, &str)) -> Evaluated<'a> {
    let mut authz = authz(args)?.clone();
    let text = args
        .get(1)
        .and_then(Value::as_str)
        .ok_or_else(EvalError::no_such_overload)?;
    set(&mut authz.attributes, text);
    authz.stage = stage;
    Ok(Value::opaque(Opaque::Authz(authz)))
}

fn path<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    if args
        .get(1)
        .and_then(Value::as_str)
        .is_some_and(|path| path.trim().is_empty())
    {
        return Err(EvalError::new("path must not be empty"));
    }
    next(args, Stage::Path, |attributes, text| {
        attributes.path = Some(text.to_owned())
    })
}

fn service_account<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [_, Value::String(namespace), Value::String(name)] = args else {
        return mismatch();
    };
    let (namespace, name) = (namespace.as_str(), name.as_str());
    let wrong = |what: &str, errors: Vec<String>| {
        let errors = errors.join(", ");
        EvalError::new(format!("Invalid service account {what}: {errors}"))
    };
    let errors = portcullis_api::name::dns1123_subdomain(name);
    if !errors.is_empty() {
        return Err(wrong("name", errors));
    }
    let errors = portcullis_api::name::dns1123_label(namespace);
    if !errors.is_empty() {
        return Err(wrong("namespace", errors));
    }
    let mut authz = authz(args)?.clone();
    authz.attributes.service_account = Some((namespace.to_owned(), name.to_owned()));
    Ok(Value::opaque(Opaque::Authz(authz)))
}

fn check<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let mut authz = authz(args)?.clone();
    let verb = args
        .get(1)
        .and_then(Value::as_str)
        .ok_or_else(EvalError::no_such_overload)?;
    verb.clone_into(&mut authz.attributes.verb);
    authz.stage = Stage::Decision(authz.authorizer.authorize(&authz.attributes));
    Ok(Value::opaque(Opaque::Authz(authz)))
}

fn decision<'a>(args: &[Value<'a>], part: fn(&Decision) -> Value<'a>) -> Evaluated<'a> {
    match &authz(args)?.stage {
        Stage::Decision(decision) => Ok(part(decision)),
        _ => mismatch(),
    }
}
