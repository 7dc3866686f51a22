//! URLs.

use std::collections::BTreeMap;

use crate::library::{Def, Library, list, mismatch};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, String};
use crate::value::opaque::{Opaque, Url};
use crate::value::{Evaluated, Key, Map, Text, Value};

const URL: Type = Type::Opaque("kubernetes.URL");

pub(super) fn add(lib: &mut Library) {
    lib.global(
        "url",
        [Def("string_to_url", vec![String], URL, |m, a| match a {
            [Value::String(text)] => {
                m.reserve(text.as_str().len() * 2)?;
                Ok(Value::opaque(Opaque::Url(Url::parse(text.as_str())?)))
            }
            _ => mismatch(),
        })],
    );
    lib.global(
        "isURL",
        [Def("is_url_string", vec![String], Bool, |m, a| match a {
            [Value::String(text)] => {
                m.reserve(text.as_str().len() * 2)?;
                Ok(Value::Bool(Url::parse(text.as_str()).is_ok()))
            }
            _ => mismatch(),
        })],
    );
    lib.member(
        "getScheme",
        [Def("url_get_scheme", vec![URL], String, |_, a| {
            get(a, |u| u.scheme.clone())
        })],
    );
    lib.member(
        "getHost",
        [Def("url_get_host", vec![URL], String, |_, a| {
            get(a, |u| u.host.clone())
        })],
    );
    lib.member(
        "getHostname",
        [Def("url_get_hostname", vec![URL], String, |_, a| {
            get(a, |u| u.hostname().to_owned())
        })],
    );
    lib.member(
        "getPort",
        [Def("url_get_port", vec![URL], String, |_, a| {
            get(a, |u| u.port().to_owned())
        })],
    );
    lib.member(
        "getEscapedPath",
        [Def("url_get_escaped_path", vec![URL], String, |_, a| {
            get(a, |u| u.escaped_path.clone())
        })],
    );
    lib.member(
        "getQuery",
        [Def(
            "url_get_query",
            vec![URL],
            Type::map(String, list(String)),
            query,
        )],
    );
}

fn get<'a>(args: &[Value<'a>], part: impl Fn(&Url) -> std::string::String) -> Evaluated<'a> {
    match args {
        [Value::Opaque(opaque)] => match &**opaque {
            Opaque::Url(url) => Ok(Value::text(part(url))),
            _ => mismatch(),
        },
        _ => mismatch(),
    }
}

fn query<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let [Value::Opaque(opaque)] = args else {
        return mismatch();
    };
    let Opaque::Url(url) = &**opaque else {
        return mismatch();
    };
    meter.reserve(url.query.len() * 2)?;
    let mut entries: BTreeMap<std::string::String, Vec<Value<'a>>> = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        meter.reserve_list(2)?;
        entries.entry(name).or_default().push(Value::text(value));
    }
    let entry = |(name, values)| (Key::String(Text::from(name)), Value::values(values));
    Ok(Value::Map(Map::made(
        entries.into_iter().map(entry).collect(),
    )))
}
