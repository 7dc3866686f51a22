//! Selectors of labels and of fields, and the labels they match.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_api::selector::{FieldSelector, LabelSelector};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let labels = [("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())].into();
    if let Ok(selector) = LabelSelector::parse(text) {
        let everything = selector.is_everything();
        assert!(selector.matches(Some(&labels)) || !everything);
        assert!(selector.matches(None) || !everything);
    }
    if let Ok(selector) = FieldSelector::parse(text) {
        let matches = selector.matches(|_| Some("x"));
        assert!(matches || !selector.is_everything());
        // a requirement of one value matches no other value
        for requirement in selector.requirements.iter().filter(|r| r.equal && r.value != "x") {
            assert!(!matches, "{requirement:?}");
        }
    }
});
