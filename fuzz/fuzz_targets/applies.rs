//! Server-side apply: three lines of JSON, the object, its owners and the configuration.
#![no_main]

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use portcullis_controllers::bootstrap;
use portcullis_registry::field_manager::apply::{Applied, Apply};
use portcullis_registry::field_manager::update::Writer;
use portcullis_registry::Scope;
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
    let apply = Apply {
        writer: Writer::new(&scope, "fuzz", ""),
        config: &config.value,
        force: true,
    };
    if !apply.list_errors().is_empty() {
        return;
    }
    // Built-in kinds wait for nothing. An object of wrong types is not converted to the versions of its owners.
    let merged = |live: &_, owners| apply.merge_into(live, owners).now_or_never()?.ok();
    let again = |applied: Applied| merged(&applied.object, applied.managed.unwrap_or_default());
    let Some(once) = merged(&live.value, owners) else {
        return;
    };
    // the first may take over items from their owners; then nothing moves any more
    let Some(twice) = again(once) else {
        return;
    };
    let thrice = again(twice.clone()).expect("it was merged before");
    assert_eq!(thrice.object, twice.object, "apply is idempotent");
});
