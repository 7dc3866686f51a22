//! Patches of three kinds on any document: two lines of JSON, the document and the patch.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_api::decode::parse;
use portcullis_api::patch::{Patch, PatchType};
use portcullis_fuzz::{lines, resource};

fuzz_target!(|data: &[u8]| {
    let Some((resource, data)) = resource(data) else {
        return;
    };
    let Some(([kind, ..], Some([original, patch]))) = data
        .split_first_chunk::<1>()
        .map(|(kind, rest)| (*kind, lines::<2>(rest)))
    else {
        return;
    };
    let kinds = [PatchType::Json, PatchType::Merge, PatchType::Strategic];
    let kind = kinds[usize::from(kind) % 3];
    let (Ok(original), Ok(patch)) = (parse(original), parse(patch)) else {
        return;
    };
    let Ok(patch) = Patch::new(kind, patch.value) else {
        return;
    };
    let Ok(once) = patch.apply(&original.value, resource.kind) else {
        return;
    };
    if matches!(kind, PatchType::Merge) {
        let twice = patch.apply(&once, resource.kind);
        assert_eq!(twice.ok(), Some(once), "a merge patch is idempotent");
    }
});
