//! Server-side apply: three lines of JSON, the object, its owners and the configuration.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::bootstrap;
use portcullis::field_manager::apply::Apply;
use portcullis::field_manager::update::Writer;
use portcullis::registry::Scope;
use portcullis_api::decode::{decode, parse};
use portcullis_fuzz::{lines, resource};

fuzz_target!(|data: &[u8]| {
    let Some((resource, data)) = resource(data) else {
        return;
    };
    let Some([live, owners, config]) = lines::<3>(data) else {
        return;
    };
    let (Ok(live), Ok(owners), Ok(config)) = (parse(live), parse(owners), parse(config)) else {
        return;
    };
    let owners = decode(&owners.value).map(|d| d.value).unwrap_or_default();
    if !(live.value.is_object() && config.value.is_object())
        || (resource.object_type.decode)(&config.value).is_err()
    {
        return;
    }
    let user = bootstrap::system();
    let scope = Scope::all(resource, &user);
    let version = resource.api_version();
    let apply = Apply {
        writer: Writer::new(&scope, &version, "fuzz", ""),
        config: &config.value,
        force: true,
    };
    if !apply.list_errors().is_empty() {
        return;
    }
    let once = apply.to(&live.value, owners).expect("nothing refuses force");
    let owners = once.managed.clone().unwrap_or_default();
    let twice = apply.to(&once.object, owners).expect("nothing refuses force");
    assert_eq!(twice.object, once.object, "apply is idempotent");
});
