//! Options of `portcullis token`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::duration;

/// Options of `portcullis token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TokenCommand,
    /// The kubeconfig to use; by default what KUBECONFIG names, or `~/.kube/config`.
    #[arg(long, global = true)]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context to use; by default its current one.
    #[arg(long, global = true)]
    pub context: Option<String>,
}

/// What to do with bootstrap tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token, and print it.
    Create(CreateArgs),
    /// Print the tokens there are.
    List,
    /// Delete tokens.
    Delete {
        /// The tokens, or their IDs.
        #[arg(required = true)]
        tokens: Vec<String>,
    },
}

/// Options of `portcullis token create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The token, such as `abcdef.0123456789abcdef`; by default a random one.
    pub token: Option<String>,
    /// How long it lasts, such as `2h`; 0 for ever.
    #[arg(long, default_value = "24h", value_parser = duration)]
    pub ttl: Duration,
    /// What it is for.
    #[arg(long, default_value = "")]
    pub description: String,
    /// Print the command with which a machine joins as a node, instead of the token alone.
    #[arg(long)]
    pub print_join_command: bool,
}
