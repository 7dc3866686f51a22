//! Tokens of the next page: a valid one is encoded as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_registry::collection::ContinueToken;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(token) = ContinueToken::parse(text) else {
        return;
    };
    assert_eq!(ContinueToken::parse(&token.to_string()).ok(), Some(token.clone()));
    let after = token.after("/registry/pods/");
    let stays = after.starts_with("/registry/pods/") && after.split('/').all(|part| part != "..");
    assert!(stays, "{after}");
});
