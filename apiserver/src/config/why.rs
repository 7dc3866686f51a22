//! The command line of `portcullis why`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Options of `portcullis why`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub struct WhyArgs {
    /// A question about traffic instead.
    #[command(subcommand)]
    pub traffic: Option<Traffic>,
    /// The verb, such as `create`, `get` or `use`; with a file `create` or `update`.
    #[arg(required_unless_present = "filename", default_value = "")]
    pub verb: String,
    /// The resource, such as `pods` or `deployments.apps`, or a path such as `/healthz`.
    #[arg(required_unless_present = "filename", default_value = "")]
    pub resource: String,
    /// The object's name.
    #[arg(default_value = "")]
    pub name: String,
    /// A manifest of one or several objects, each tried in a dry run; `-` for standard input.
    #[arg(long, short, conflicts_with = "resource")]
    pub filename: Option<PathBuf>,
    /// Call the webhooks that the manifest or the deletion would be sent to, as a dry run does; those that do
    /// not support one are still only named.
    #[arg(long)]
    pub call_webhooks: bool,
    /// The namespace; by default the context's.
    #[arg(long, short)]
    pub namespace: Option<String>,
    /// The subresource, such as `status` or `exec`.
    #[arg(long, default_value = "")]
    pub subresource: String,
    /// The kubeconfig's user whose request is explained; by default the context's. The context's user always
    /// asks for the explanation, and must be a cluster-admin.
    #[arg(long)]
    pub user: Option<String>,
    /// The user to impersonate.
    #[arg(long = "as")]
    pub act_as: Option<String>,
    /// A group to impersonate; may be given several times.
    #[arg(long = "as-group", requires = "act_as")]
    pub act_as_group: Vec<String>,
    /// A uid to impersonate.
    #[arg(long = "as-uid", requires = "act_as")]
    pub act_as_uid: Option<String>,
    /// The kubeconfig to use; by default what KUBECONFIG names, or `~/.kube/config`.
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context to use; by default its current one.
    #[arg(long)]
    pub context: Option<String>,
    /// The output format: for people or for programs.
    #[arg(long, short, value_enum, default_value_t = WhyOutput::Text)]
    pub output: WhyOutput,
}

/// Questions about traffic.
#[derive(Debug, Subcommand)]
pub enum Traffic {
    /// Whether one end may connect to another, and by which rule of which network policy.
    Connect(ConnectArgs),
    /// Which pods may connect to a pod.
    Reach(ReachArgs),
}

/// Options of `portcullis why connect`.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// The source: `pod/NAME`, or an address.
    pub from: String,
    /// The destination: `pod/NAME:PORT`, `svc/NAME:PORT` or `ADDRESS:PORT`; the port is a number or a name,
    /// and may end in `/udp` or `/sctp`.
    pub to: String,
    /// The namespace of the source, if it is another.
    #[arg(long)]
    pub from_namespace: Option<String>,
    /// Where objects are read.
    #[command(flatten)]
    pub source: Source,
    /// The output format: for people or for programs.
    #[arg(long, short, value_enum, default_value_t = WhyOutput::Text)]
    pub output: WhyOutput,
}

/// Options of `portcullis why reach`.
#[derive(Debug, Args)]
pub struct ReachArgs {
    /// The pod, as `pod/NAME` or, for one port alone, `pod/NAME:PORT`; by default all pods of the namespace.
    #[arg(default_value = "")]
    pub to: String,
    /// Where objects are read.
    #[command(flatten)]
    pub source: Source,
    /// The output format: for people, for programs, or a picture.
    #[arg(long, short, value_enum, default_value_t = ReachOutput::Text)]
    pub output: ReachOutput,
}

/// Where pods and policies are read.
#[derive(Debug, Args)]
pub struct Source {
    /// The namespace; by default the context's.
    #[arg(long, short)]
    pub namespace: Option<String>,
    /// A manifest of a network policy: what would change if it were applied? `-` for standard input;
    /// may be given several times.
    #[arg(long)]
    pub policy: Vec<PathBuf>,
    /// The kubeconfig to use; by default what KUBECONFIG names, or `~/.kube/config`.
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context to use; by default its current one.
    #[arg(long)]
    pub context: Option<String>,
}

/// The output formats of `why reach`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReachOutput {
    /// Text for people.
    Text,
    /// JSON for programs.
    Json,
    /// A graph for Graphviz.
    Dot,
    /// A picture for browsers.
    Svg,
}

/// The output formats of explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhyOutput {
    /// Text for people.
    Text,
    /// JSON for programs.
    Json,
}
