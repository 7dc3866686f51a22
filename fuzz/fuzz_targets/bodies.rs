//! Bodies in each format: the result is an object or a Status.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::endpoints::body::{self, Expected};
use portcullis::endpoints::query::FieldValidation;
use portcullis_fuzz::resource;

fuzz_target!(|data: &[u8]| {
    let Some((resource, data)) = resource(data) else {
        return;
    };
    let Some((how, bytes)) = data.split_first() else {
        return;
    };
    let notations = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
    let validations = [FieldValidation::Ignore, FieldValidation::Warn, FieldValidation::Strict];
    let how = usize::from(*how);
    let expected = Expected {
        kind: resource.kind,
        api_version: &resource.api_version(),
        reader: body::Reader::Resource(resource),
    };
    let validation = validations[how / 3 % 3];
    match body::object(bytes, notations[how % 3], expected, validation) {
        Ok((read, _)) => assert!(validation == FieldValidation::Warn || read.warnings.is_empty()),
        Err(status) => assert!((400..500).contains(&status.code), "{status:?}"),
    }
});
