//! Options of what is made of the command line itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Options of `portcullis completion`.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell.
    pub shell: Shell,
}

/// Options of `portcullis man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The directory, which is made if it does not exist.
    pub directory: PathBuf,
}
