//! What the kernel has, and how it is told of something else.

use std::io::Write;
use std::process::{Command, Stdio};

use portcullis_netpol::nft::Table;

use super::EnforceError;

/// The table that is in force, as far as it is known.
#[derive(Default)]
pub(super) struct Kernel {
    loaded: Option<Table>,
}

impl Kernel {
    /// The next table is loaded as a whole.
    pub(super) fn forget(&mut self) {
        self.loaded = None;
    }

    /// Puts a table in force: what has changed, or all of it where that is not known. Returns whether it
    /// was all of it.
    pub(super) async fn bring_to(&mut self, table: Table) -> Result<bool, EnforceError> {
        let before = self.loaded.take();
        let scripts = match &before {
            None => vec![table.script()],
            Some(before) => {
                let changes = before.changes(&table);
                vec![changes.switch, changes.tidy]
            }
        };
        for script in scripts.into_iter().filter(|script| !script.is_empty()) {
            tracing::debug!(
                bytes = script.len(),
                whole = before.is_none(),
                "a table for the kernel"
            );
            let told = tokio::task::spawn_blocking(move || told(&script)).await;
            told.map_err(|error| EnforceError::Nft(error.to_string()))??;
        }
        self.loaded = Some(table);
        Ok(before.is_none())
    }
}

/// Has `nft` carry out a script, in one transaction.
pub(super) fn told(script: &str) -> Result<(), EnforceError> {
    let failed = |error: std::io::Error| EnforceError::Nft(error.to_string());
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(script.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("it failed and said nothing");
    Err(EnforceError::Nft(first.to_owned()))
}
