//! The command line: kube-apiserver's names and meanings.

pub mod audit;
pub mod authorization;
pub mod commands;
mod deadlines;
pub mod etcd;
mod flags;
pub mod front_proxy;
pub mod generated;
mod kubelets;
mod limits;
pub mod netpol;
pub mod oidc;
pub mod service_accounts;
pub mod stand_in;
pub mod token;
pub mod token_webhook;
mod versions;
pub mod why;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

pub use self::authorization::AuthorizationMode;
pub use self::commands::{HealthcheckArgs, KubeconfigArgs};
pub use self::deadlines::Deadlines;
pub use self::etcd::Etcd;
pub use self::flags::one_line;
pub use self::kubelets::Kubelets;
pub use self::limits::RequestLimits;
pub use self::versions::Versions;
pub use self::why::{WhyArgs, WhyOutput};
use portcullis_registry::ranges::PortRange;

/// A complete miniature Kubernetes API server.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API.
    Serve(Box<Serve>),
    /// Serve a temporary store on a free port while a command runs, with KUBECONFIG set; exit with its
    /// status.
    Run(Box<RunArgs>),
    /// Print the version.
    Version,
    /// Write a kubeconfig for a user, who is identified by a client certificate.
    Kubeconfig(KubeconfigArgs),
    /// Ask a server whether it is ready; exit with 0 if it is.
    Healthcheck(HealthcheckArgs),
    /// Explain why a server answers a request as it does, or whether pods may connect to each other.
    Why(Box<WhyArgs>),
    /// Enforce network policies on a node, with nftables; as root.
    Netpol(netpol::NetpolArgs),
    /// Make, list and delete the tokens with which nodes join.
    Token(token::TokenArgs),
    /// Print what completes this command line in a shell.
    Completion(generated::CompletionArgs),
    /// Write the man pages into a directory.
    Man(generated::ManArgs),
}

/// Options of `portcullis serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub bind_address: IpAddr,
    /// The port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 6443)]
    pub secure_port: u16,
    /// Where certificates, keys, the embedded store and the admin's kubeconfig are kept.
    #[arg(long, default_value = "./portcullis-data")]
    pub data_dir: PathBuf,
    /// The embedded store.
    #[command(flatten)]
    pub embedded: Embedded,
    /// The store in etcd.
    #[command(flatten)]
    pub etcd: Etcd,
    /// The server's certificate; made in the data directory if not given.
    #[arg(long, requires = "tls_private_key_file")]
    pub tls_cert_file: Option<PathBuf>,
    /// Its private key.
    #[arg(long, requires = "tls_cert_file")]
    pub tls_private_key_file: Option<PathBuf>,
    /// The directory of the server's certificate and key, `apiserver.crt` and `apiserver.key`, if no files
    /// are named; they are made there if they do not exist. The default is the data directory.
    #[arg(long)]
    pub cert_dir: Option<PathBuf>,
    /// The authorities whose client certificates are accepted, besides the data directory's own.
    #[arg(long)]
    pub client_ca_file: Option<PathBuf>,
    /// The client certificate for the servers of API services.
    #[command(flatten)]
    pub front_proxy: front_proxy::FrontProxy,
    /// Connections to kubelets.
    #[command(flatten)]
    pub kubelets: Kubelets,
    /// Lines of `password,user,uid[,"group1,group2"]`.
    #[arg(long)]
    pub basic_auth_file: Option<PathBuf>,
    /// Lines of `token,user,uid[,"group1,group2"]`.
    #[arg(long)]
    pub token_auth_file: Option<PathBuf>,
    /// Tokens that the server itself issues.
    #[command(flatten)]
    pub service_accounts: service_accounts::ServiceAccounts,
    /// Tokens of an issuer elsewhere.
    #[command(flatten)]
    pub oidc: oidc::Oidc,
    /// An `AuthenticationConfiguration`: issuers whose tokens are accepted, with rules in CEL, and which
    /// requests without credentials are anonymous; instead of `--oidc-*`.
    #[arg(long)]
    pub authentication_config: Option<PathBuf>,
    /// Tokens that a server elsewhere knows.
    #[command(flatten)]
    pub token_webhook: token_webhook::TokenWebhook,
    /// Whether secrets of type bootstrap.kubernetes.io/token in kube-system authenticate nodes.
    #[arg(long, default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub enable_bootstrap_token_auth: bool,
    /// Which versions of resources are served.
    #[command(flatten)]
    pub versions: Versions,
    /// Tokens that the program which runs this server gives to users; no option.
    #[arg(skip)]
    pub issued_tokens: Option<std::sync::Arc<portcullis_authn::IssuedTokens>>,
    /// What services are given.
    #[command(flatten)]
    pub services: Services,
    /// Whether requests without credentials are anonymous, and not rejected; by default they are.
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub anonymous_auth: Option<bool>,
    /// Who decides what may be done.
    #[command(flatten)]
    pub authorization: authorization::Authorization,
    /// Admission plugins to run besides the default ones.
    #[arg(long, value_delimiter = ',')]
    pub enable_admission_plugins: Vec<String>,
    /// Default admission plugins not to run.
    #[arg(long, value_delimiter = ',')]
    pub disable_admission_plugins: Vec<String>,
    /// A file that configures admission plugins: an `AdmissionConfiguration`.
    #[arg(long)]
    pub admission_control_config_file: Option<PathBuf>,
    /// Auditing.
    #[command(flatten)]
    pub audit: audit::Audit,
    /// Whether containers may be privileged at all.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_privileged: bool,
    /// Whether cluster-admins may ask for explanations of responses: see `portcullis why`.
    #[arg(long, default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub explain_decisions: bool,
    /// How long events are kept, such as `1h`; 0 for ever.
    #[arg(long, default_value = "1h", value_parser = duration)]
    pub event_ttl: std::time::Duration,
    /// How many requests at the same time, and for how long.
    #[command(flatten)]
    pub limits: RequestLimits,
    /// How long a client may be idle; not an option, as upstream.
    #[arg(skip)]
    pub deadlines: Deadlines,
    /// Which controllers to run: `*` for all that run by default, `name` for one, `-name` for all
    /// but one. root-ca-cert-publisher runs by default only if the `ServiceAccount` admission plugin
    /// does, whose token volumes alone mount what it publishes.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "*",
        allow_hyphen_values = true
    )]
    pub controllers: Vec<String>,
    /// Where to write a cluster admin's kubeconfig.
    #[arg(long)]
    pub write_kubeconfig: Option<PathBuf>,
    /// How much to log: 0 for what operators need, 2 for requests, 4 for details.
    #[arg(short = 'v', default_value_t = 0)]
    pub verbosity: u8,
    /// How to write the log.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// Options about the embedded store.
#[derive(Args, Clone, Debug, Default)]
pub struct Embedded {
    /// Its directory, if it is not in the data directory; set by the stand-in for etcd.
    #[arg(skip)]
    pub dir: Option<PathBuf>,
    /// Whether there is no file at all: what is stored ends with the server. For those who throw it away.
    #[arg(skip)]
    pub in_memory: bool,
    /// Whether the embedded store does not wait for the disk: what it acknowledged survives a kill, and not a
    /// power failure.
    #[arg(long, default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub unsafe_no_fsync: bool,
}

/// Options about addresses and ports of services.
#[derive(Debug, Args)]
pub struct Services {
    /// The address at which pods reach this server. If the server listens on loopback, the default is the
    /// address of the default route.
    #[arg(long)]
    pub advertise_address: Option<IpAddr>,
    /// The network of services' addresses.
    #[arg(long, default_value = "10.0.0.0/24")]
    pub service_cluster_ip_range: IpNet,
    /// The ports of the nodes that services may have, the first and the last.
    #[arg(long, default_value = "30000-32767")]
    pub service_node_port_range: PortRange,
}

/// The default of `portcullis run --data-dir` in its help.
pub const THROWN_AWAY: &str = "one that is thrown away";

/// Options of `portcullis run`: those of `serve`, and the command. Without `--data-dir` the store is
/// temporary.
#[derive(Debug, Args)]
#[command(
    mut_arg("secure_port", |port| port.default_value("0")),
    mut_arg("data_dir", |dir| dir.default_value(THROWN_AWAY))
)]
pub struct RunArgs {
    /// The options of `serve`.
    #[command(flatten)]
    pub serve: Serve,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

/// How to write the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A duration in Go's notation, such as `5m`, `90s` or `1h30m`; a bare `0` is zero.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    if text == "0" {
        return Ok(std::time::Duration::ZERO);
    }
    let malformed = || "a duration is numbers, each with a unit, such as 5m or 1m30s".to_owned();
    let mut seconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() || text.is_empty() {
        let at = rest.find(|c: char| !c.is_ascii_digit());
        let (number, tail) = rest.split_at(at.ok_or_else(malformed)?);
        let number: u64 = number.parse().map_err(|_| malformed())?;
        let mut tail = tail.chars();
        let unit = match tail.next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            _ => return Err("the unit of a duration is s, m or h, as in 5m".into()),
        };
        seconds = seconds.saturating_add(number.saturating_mul(unit));
        rest = tail.as_str();
    }
    Ok(std::time::Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_are_kube_apiservers() {
        let cli = Cli::try_parse_from([
            "portcullis",
            "serve",
            "--secure-port=0",
            "--authorization-mode=RBAC,AlwaysDeny",
            "--anonymous-auth=false",
            "--enable-admission-plugins=NamespaceLifecycle,PodSecurityPolicy",
            "--controllers=*,-namespace",
        ])
        .unwrap();
        let Command::Serve(serve) = cli.command else {
            panic!("not serve")
        };
        assert_eq!(
            serve.authorization.authorization_mode,
            [AuthorizationMode::Rbac, AuthorizationMode::AlwaysDeny]
        );
        assert!(serve.anonymous_auth == Some(false) && serve.allow_privileged);
        assert_eq!(
            serve.enable_admission_plugins,
            ["NamespaceLifecycle", "PodSecurityPolicy"]
        );
        assert_eq!(serve.controllers, ["*", "-namespace"]);
    }

    #[test]
    fn ranges_of_ports_have_two_ends() {
        let range = |text: &str| text.parse::<PortRange>().ok();
        assert_eq!(
            range("30000-32767"),
            Some(PortRange {
                first: 30000,
                last: 32767
            })
        );
        for bad in ["30000", "a-b", "2-1", "0-5", "1-99999"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("5m"), Ok(std::time::Duration::from_secs(300)));
        assert_eq!(duration("0"), Ok(std::time::Duration::ZERO));
        assert_eq!(duration("1m0s"), Ok(std::time::Duration::from_secs(60)));
        for bad in [
            "",
            "5",
            "m",
            "1m5",
            "5x",
            "1d",
            "-1s",
            "9999999999999999999999s",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
