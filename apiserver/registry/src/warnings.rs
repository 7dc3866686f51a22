//! Warnings for a client.

use parking_lot::Mutex;

/// The most bytes of warnings in a response: they are in its head (upstream:
/// `k8s.io/apiserver/pkg/endpoints/filters/warning.go`).
const WARNINGS_MAX: usize = 4096;

/// The most warnings in a response: each is a header of its own, and Python rejects a response with more than
/// 100.
const WARNINGS_COUNT_MAX: usize = 50;

/// Warnings for a client, without duplicates, as far as they fit into a response's head.
#[derive(Debug, Default)]
pub struct WarningList(Mutex<Collected>);

#[derive(Debug, Default)]
struct Collected {
    sentences: Vec<String>,
    bytes: usize,
}

impl WarningList {
    /// Adds sentences.
    pub fn add(&self, sentences: impl IntoIterator<Item = String>) {
        let mut collected = self.0.lock();
        for sentence in sentences {
            let bytes = collected.bytes.saturating_add(sentence.len());
            if bytes > WARNINGS_MAX || collected.sentences.len() == WARNINGS_COUNT_MAX {
                return;
            }
            if !collected.sentences.contains(&sentence) {
                collected.sentences.push(sentence);
                collected.bytes = bytes;
            }
        }
    }

    /// All of them, in their order.
    pub fn into_inner(self) -> Vec<String> {
        self.0.into_inner().sentences
    }
}
