//! kube-apiserver's command line, as envtest, kwok and others write it.

use clap::builder::ArgAction;
use clap::{CommandFactory, Parser};
use portcullis_kinds::release::Release;

use super::pflag::{Flags, Takes};
use super::upstream_flags::{Fate, fate};
use crate::config::{Cli, Command, Serve};

/// Where kube-apiserver keeps its generated certificate.
const CERT_DIR: &str = "/var/run/kubernetes";

/// The default of `--controllers`: kube-apiserver has none of kube-controller-manager's controllers, and here
/// a controller does what etcd's leases do for events.
const CONTROLLERS: &str = "event-ttl";

/// What a command line means.
#[derive(Debug)]
pub enum Invocation {
    /// Print the flags, and end.
    Help(String),
    /// Print the version, and end.
    Version(String),
    /// Serve.
    Serve {
        /// The options.
        options: Box<Serve>,
        /// A sentence for each ignored flag.
        unused: Vec<String>,
    },
}

/// Reads kube-apiserver's command line, without the program's name. `controllers` is the value of
/// `PORTCULLIS_CONTROLLERS`, for users who cannot add a flag.
///
/// # Errors
/// A sentence that names the flag at fault.
pub fn read(
    arguments: impl IntoIterator<Item = String>,
    controllers: Option<String>,
) -> Result<Invocation, String> {
    let own = Own::new();
    let flags = Flags::parse(arguments, |name| own.takes(name))?;
    if flags.is_on("help") {
        return Ok(Invocation::Help(own.help()));
    }
    if flags
        .last("version")
        .is_some_and(|version| version != "false")
    {
        let release = emulated(&flags)?;
        return Ok(Invocation::Version(format!(
            "Kubernetes {}\n",
            release.version()
        )));
    }
    let mut words = vec!["portcullis".to_owned(), "serve".to_owned()];
    let mut unused = Vec::new();
    for (name, values) in flags.iter() {
        own.translate(name, values, &mut words, &mut unused)?;
    }
    for (name, value) in defaults(&flags, controllers) {
        if flags.last(name).is_none() {
            words.push(format!("--{name}={value}"));
        }
    }
    match Cli::try_parse_from(words).map_err(|error| crate::config::one_line(&error.to_string()))? {
        Cli {
            command: Command::Serve(options),
        } => Ok(Invocation::Serve { options, unused }),
        _ => Err("these are not the options of a server".into()),
    }
}

/// kube-apiserver's own defaults, where `portcullis serve` has others.
fn defaults(flags: &Flags, controllers: Option<String>) -> Vec<(&'static str, String)> {
    let cert_dir = flags.last("cert-dir").unwrap_or(CERT_DIR);
    let mut defaults = vec![
        ("bind-address", "0.0.0.0".to_owned()),
        ("cert-dir", cert_dir.to_owned()),
        ("data-dir", format!("{cert_dir}/portcullis")),
        ("allow-privileged", "false".to_owned()),
        (
            "controllers",
            controllers.unwrap_or_else(|| CONTROLLERS.to_owned()),
        ),
    ];
    let says = |name| flags.last(name).is_some_and(|value| !value.is_empty());
    if flags.last("authorization-mode").is_none() && !says("authorization-config") {
        defaults.push(("authorization-mode", "AlwaysAllow".to_owned()));
        // upstream resets it: every user may do everything, but there are no anonymous ones
        defaults.push(("anonymous-auth", "false".to_owned()));
    }
    defaults
}

/// The release that is to be emulated.
fn emulated(flags: &Flags) -> Result<Release, String> {
    let asked = flags.last("emulated-version");
    let asked = asked.filter(|release| !release.is_empty());
    let release = asked.map_or(Ok(Release::default()), str::parse);
    release.map_err(|why| format!("--emulated-version: {why}"))
}

/// The options of `portcullis serve`, which have kube-apiserver's names.
struct Own(clap::Command);

impl Own {
    fn new() -> Self {
        let mut command = Cli::command();
        command.build();
        let serve = command.find_subcommand("serve").cloned();
        Self(serve.unwrap_or_default())
    }

    fn option(&self, name: &str) -> Option<&clap::Arg> {
        let mut options = self.0.get_arguments();
        options.find(|option| option.get_long() == Some(name) && name != "help")
    }

    /// Whether a flag takes a value; `None` for an unknown flag.
    fn takes(&self, name: &str) -> Option<Takes> {
        match name {
            "help" => return Some(Takes::Switch),
            // `--version` and `--version=true`; upstream's third value is `raw`
            "version" => return Some(Takes::Switch),
            "v" | "insecure-port" | "insecure-bind-address" => return Some(Takes::Value),
            _ => {}
        }
        if let Some(option) = self.option(name) {
            let values = option.get_num_args().unwrap_or_default();
            let is_switch = values.min_values() == 0;
            return Some(if is_switch {
                Takes::Switch
            } else {
                Takes::Value
            });
        }
        match fate(name)? {
            Fate::Ignored(takes) | Fate::Refused(takes) => Some(takes),
        }
    }

    /// Adds the words of `portcullis serve` for a flag, or a sentence that says why it is ignored.
    fn translate(
        &self,
        name: &str,
        values: &[String],
        words: &mut Vec<String>,
        unused: &mut Vec<String>,
    ) -> Result<(), String> {
        let last = values.last().map(String::as_str).unwrap_or_default();
        match name {
            "v" => words.push(format!("-v{last}")),
            // repeated flags add up
            "authorization-mode" => words.push(format!("--{name}={}", values.join(","))),
            "insecure-port" if last != "0" => {
                return Err(
                    "--insecure-port: not supported, as since 1.24; only 0 is accepted".into(),
                );
            }
            "insecure-port" | "insecure-bind-address" | "help" | "version" => {}
            _ => match (self.option(name), fate(name)) {
                // an empty value means none, as upstream, where the default is none
                (Some(option), _) if last.is_empty() && option.get_default_values().is_empty() => {}
                (Some(option), _) if matches!(option.get_action(), ArgAction::Append) => {
                    let all = values.iter().filter(|value| !value.is_empty());
                    words.extend(all.map(|value| format!("--{name}={value}")));
                }
                (Some(_), _) => words.push(format!("--{name}={last}")),
                (None, Some(Fate::Refused(_))) if !last.is_empty() => {
                    return Err(format!("--{name} is not supported"));
                }
                (None, _) => unused.push(format!("--{name} has no effect")),
            },
        }
        Ok(())
    }

    /// The flags, as kube-apiserver lists them.
    fn help(&self) -> String {
        let mut text = format!(
            "The Kubernetes API server, as Portcullis serves it.\n\nUsage:\n  kube-apiserver [flags]\n\n\
             Flags (others of kube-apiserver {} are taken and have no effect):\n",
            Release::default().version()
        );
        for option in self.0.get_arguments() {
            let Some(name) = option.get_long() else {
                continue;
            };
            let what = option
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            text.push_str(&format!("      --{name}\n            {what}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::AuthorizationMode;

    fn serve(words: &[&str]) -> Result<(Serve, Vec<String>), String> {
        match read(words.iter().map(|word| (*word).to_owned()), None)? {
            Invocation::Serve { options, unused } => Ok((*options, unused)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn envtests_command_line_is_taken() {
        let (options, unused) = serve(&[
            "--allow-privileged=true",
            "--authorization-mode=RBAC",
            "--bind-address=127.0.0.1",
            "--cert-dir=/tmp/certs",
            "--client-ca-file=/tmp/certs/client-cert-auth-ca.crt",
            "--disable-admission-plugins=ServiceAccount",
            "--etcd-servers=http://127.0.0.1:2379",
            "--secure-port=4711",
            "--service-account-issuer=https://127.0.0.1:4711/",
            "--service-account-key-file=/tmp/certs/sa-signer.crt",
            "--service-account-signing-key-file=/tmp/certs/sa-signer.key",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--feature-gates=A=true",
        ])
        .unwrap();
        assert_eq!(options.secure_port, 4711);
        assert_eq!(options.cert_dir.as_deref(), Some(Path::new("/tmp/certs")));
        assert_eq!(options.data_dir, Path::new("/tmp/certs/portcullis"));
        assert_eq!(options.etcd.etcd_servers, ["http://127.0.0.1:2379"]);
        assert_eq!(options.controllers, ["event-ttl"]);
        assert_eq!(options.anonymous_auth, None);
        assert_eq!(unused, ["--feature-gates has no effect"]);
    }

    /// jenvtest writes values as words of their own, and some flags twice.
    #[test]
    fn values_may_be_words_and_the_last_one_counts() {
        let (options, _) = serve(&[
            "--secure-port",
            "1",
            "--secure-port",
            "2",
            "--service-account-issuer",
            "https://localhost",
            "--service-account-issuer",
            "/tmp/cert.pem",
            "--allow-privileged",
            "",
            "--v=3",
            "--audit-policy-file=",
        ])
        .unwrap();
        assert_eq!(options.secure_port, 2);
        let issuers = &options.service_accounts.service_account_issuer;
        assert_eq!(*issuers, ["https://localhost", "/tmp/cert.pem"]);
        assert!(options.allow_privileged);
        assert_eq!(options.verbosity, 3);
    }

    #[test]
    fn defaults_are_upstreams() {
        let (options, _) = serve(&[]).unwrap();
        assert_eq!(options.bind_address.to_string(), "0.0.0.0");
        assert_eq!(
            options.authorization.authorization_mode,
            [AuthorizationMode::AlwaysAllow]
        );
        assert!(options.anonymous_auth == Some(false) && !options.allow_privileged);
        let (options, _) = serve(&["--authorization-config=file"]).unwrap();
        assert!(options.authorization.authorization_config.is_some());
        assert_eq!(options.anonymous_auth, None);
        let (options, unused) = serve(&["--authorization-mode=Node,RBAC"]).unwrap();
        let modes = [AuthorizationMode::Node, AuthorizationMode::Rbac];
        assert_eq!(
            (options.authorization.authorization_mode, unused),
            (modes.into(), Vec::new())
        );
        let chosen = read([], Some("*".into())).unwrap();
        assert!(
            matches!(chosen, Invocation::Serve { options, .. } if options.controllers == ["*"])
        );
    }

    #[test]
    fn errors_name_the_flag() {
        for (words, named) in [
            (&["--nope"][..], "unknown flag: --nope"),
            (&["--insecure-port=8080"], "--insecure-port"),
            (
                &["--encryption-provider-config=x"],
                "--encryption-provider-config is not supported",
            ),
            (&["--secure-port=x"], "--secure-port"),
        ] {
            let error = serve(words).unwrap_err();
            assert!(error.contains(named), "{words:?}: {error}");
        }
        assert!(serve(&["--insecure-port=0"]).is_ok());
    }

    #[test]
    fn help_and_version_end_it() {
        let asked = |word: &str| read([word.to_owned()], None).unwrap();
        let Invocation::Help(help) = asked("--help") else {
            panic!("no help")
        };
        assert!(help.contains("--secure-port") && !help.contains("--insecure-port"));
        let Invocation::Version(version) = asked("--version") else {
            panic!("no version")
        };
        assert_eq!(version, "Kubernetes v1.24.17\n");
    }
}
