//! A definition's spec in little memory: typed, a schema takes ten times its text.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionSpec;

/// The spec of a definition as compressed JSON. Equal specs have equal bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PackedSpec(Box<[u8]>);

impl PackedSpec {
    pub(super) fn new(spec: &CustomResourceDefinitionSpec) -> Self {
        // neither fails: specs serialize, and writing to memory succeeds
        let json = serde_json::to_vec(spec).unwrap_or_default();
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(&json).and_then(|()| encoder.finish());
        Self(packed.unwrap_or_default().into())
    }

    pub(super) const fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn open(&self) -> CustomResourceDefinitionSpec {
        let mut json = Vec::new();
        // decompressing what was compressed here succeeds
        let _ = DeflateDecoder::new(&*self.0).read_to_end(&mut json);
        serde_json::from_slice(&json).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(fields: usize) -> CustomResourceDefinitionSpec {
        let field = |at: usize| (format!("field{at}"), json!({"type": "string"}));
        let fields: serde_json::Map<_, _> = (0..fields).map(field).collect();
        serde_json::from_value(json!({"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": fields}}}]}))
        .unwrap()
    }

    #[test]
    fn specs_round_trip() {
        let packed = PackedSpec::new(&spec(500));
        assert_eq!(packed.open(), spec(500));
        assert_eq!(packed, PackedSpec::new(&spec(500)));
        assert_ne!(packed, PackedSpec::new(&spec(501)));
        let text = serde_json::to_vec(&spec(500)).unwrap().len();
        assert!(packed.0.len() * 5 < text, "{} of {text}", packed.0.len());
    }
}
