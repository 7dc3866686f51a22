//! Server-side apply: three lines of JSON, the object, its owners and the configuration.
#![no_main]

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
    let again = |applied: Applied| {
        let owners = applied.managed.unwrap_or_default();
        apply.merge_into(&applied.object, owners).expect("force always succeeds")
    };
    let once = apply.merge_into(&live.value, owners).expect("force always succeeds");
    // the first may take over items from their owners; then nothing moves any more
    let twice = again(once);
    let thrice = again(twice.clone());
    assert_eq!(thrice.object, twice.object, "apply is idempotent");
});
