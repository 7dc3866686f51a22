//! The table in the kernel, and how it is changed.

use std::io::Write;
use std::process::{Command, Stdio};

use portcullis_netpol::nft::Compiler;

use super::EnforceError;

/// The state of the kernel's table: whether it is known, so that changes suffice.
#[derive(Default)]
pub(super) struct Kernel {
    is_loaded: bool,
}

impl Kernel {
    /// Has the next table loaded as a whole.
    pub(super) const fn forget(&mut self) {
        self.is_loaded = false;
    }

    /// Loads a compiler's table: only the changes, or all of it if the current one is not known.
    /// Returns whether it was all of it.
    pub(super) async fn bring_to(&mut self, compiler: &mut Compiler) -> Result<bool, EnforceError> {
        let changes = compiler.changes();
        let whole = !std::mem::take(&mut self.is_loaded);
        let scripts = match whole {
            true => vec![compiler.table().script()],
            false => vec![changes.switch, changes.tidy],
        };
        for script in scripts.into_iter().filter(|script| !script.is_empty()) {
            tracing::debug!(bytes = script.len(), whole, "a table for the kernel");
            let ran = tokio::task::spawn_blocking(move || run_script(&script)).await;
            ran.map_err(|error| EnforceError::Nft(error.to_string()))??;
        }
        self.is_loaded = true;
        Ok(whole)
    }
}

/// Runs a script by `nft`, in one transaction.
pub(super) fn run_script(script: &str) -> Result<(), EnforceError> {
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
