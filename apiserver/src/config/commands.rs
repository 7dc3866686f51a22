//! Options of the commands besides `serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of `portcullis kubeconfig`.
#[derive(Debug, Args)]
pub struct KubeconfigArgs {
    /// The user's name.
    #[arg(long)]
    pub user: String,
    /// A group the user is in.
    #[arg(long)]
    pub group: Option<String>,
    /// The server's address.
    #[arg(long, default_value = "https://127.0.0.1:6443")]
    pub server: String,
    /// The server's data directory, which holds the authority.
    #[arg(long, default_value = "./portcullis-data")]
    pub data_dir: PathBuf,
    /// The file to write; standard output if not given.
    #[arg(long, short)]
    pub output: Option<PathBuf>,
}

/// Options of `portcullis healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// The server's address; by default what the data directory says, or `https://127.0.0.1:6443`.
    #[arg(long)]
    pub server: Option<String>,
    /// The server's data directory. Its `admin.kubeconfig`, written at every start, has the server's
    /// address, and the authority that must have signed its certificate; without it any may have.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
}

/// Options of `portcullis why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// What would be done, such as `create`, `get` or `use`; with a file `create` or `update`.
    #[arg(required_unless_present = "filename", default_value = "")]
    pub verb: String,
    /// With what: a resource such as `pods` or `deployments.apps`, or a path such as `/healthz`.
    #[arg(required_unless_present = "filename", default_value = "")]
    pub resource: String,
    /// The object's name.
    #[arg(default_value = "")]
    pub name: String,
    /// A manifest to try, which nothing comes of; `-` for standard input.
    #[arg(long, short, conflicts_with = "resource")]
    pub filename: Option<PathBuf>,
    /// The namespace; by default the context's.
    #[arg(long, short)]
    pub namespace: Option<String>,
    /// Such as `status` or `exec`.
    #[arg(long, default_value = "")]
    pub subresource: String,
    /// The kubeconfig's user whose request it would be; by default the context's. It is always the
    /// context's user who asks, and who must be a cluster-admin.
    #[arg(long)]
    pub user: Option<String>,
    /// The user to act as.
    #[arg(long = "as")]
    pub act_as: Option<String>,
    /// A group to act as; may be given several times.
    #[arg(long = "as-group", requires = "act_as")]
    pub act_as_group: Vec<String>,
    /// A uid to act as.
    #[arg(long = "as-uid", requires = "act_as")]
    pub act_as_uid: Option<String>,
    /// The kubeconfig to use; by default what KUBECONFIG names, or `~/.kube/config`.
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context to use; by default its current one.
    #[arg(long)]
    pub context: Option<String>,
    /// For people or for programs.
    #[arg(long, short, value_enum, default_value_t = WhyOutput::Text)]
    pub output: WhyOutput,
}

/// Whom an explanation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhyOutput {
    /// People.
    Text,
    /// Programs.
    Json,
}
