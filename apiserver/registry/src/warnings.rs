//! What a client is warned of.

use parking_lot::Mutex;

/// How many bytes of warnings an answer carries at most: they travel in its head (upstream:
/// `k8s.io/apiserver/pkg/endpoints/filters/warning.go`).
const WARNINGS_MAX: usize = 4096;

/// How many warnings an answer carries at most: each is a header of its own, and Python reads no
/// answer of more than 100.
const WARNINGS_COUNT_MAX: usize = 50;

/// What a client is warned of, each thing once, as far as it fits an answer's head.
#[derive(Debug, Default)]
pub struct WarningList(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    sentences: Vec<String>,
    bytes: usize,
}

impl WarningList {
    /// Adds sentences.
    pub fn add(&self, sentences: impl IntoIterator<Item = String>) {
        let mut told = self.0.lock();
        for sentence in sentences {
            let bytes = told.bytes.saturating_add(sentence.len());
            if bytes > WARNINGS_MAX || told.sentences.len() == WARNINGS_COUNT_MAX {
                return;
            }
            if !told.sentences.contains(&sentence) {
                told.sentences.push(sentence);
                told.bytes = bytes;
            }
        }
    }

    /// All of them, in the order in which they came.
    pub fn into_inner(self) -> Vec<String> {
        self.0.into_inner().sentences
    }
}
