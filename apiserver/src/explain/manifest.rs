//! Manifests named on the command line.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::endpoints::body;

/// A manifest, in YAML or JSON; `-` is standard input.
///
/// # Errors
/// Why it cannot be read.
pub fn read(path: &Path) -> Result<Value, String> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| error.to_string())?;
    } else {
        bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    }
    body::yaml(&bytes).map_err(|error| error.to_string())
}
