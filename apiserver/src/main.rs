//! `portcullis`: the command line, the log, and exit codes; nothing else.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use portcullis::cli::names::Name;
use portcullis::cli::{self, CommandError, logging};
use portcullis::config::{Cli, Command, one_line};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let name = Name::of(words.next().as_ref());
    let done = match name {
        Name::Portcullis => portcullis(),
        Name::KubeApiserver => as_text(words).and_then(cli::kube_apiserver).map(|()| 0),
        Name::Etcd => as_text(words).and_then(cli::etcd).map(|()| 0),
    };
    match done {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("{}: {error}", name.as_str());
            ExitCode::FAILURE
        }
    }
}

fn as_text(words: impl Iterator<Item = OsString>) -> Result<Vec<String>, CommandError> {
    let as_text = |word: OsString| {
        let not_text = |word: OsString| format!("{} is not UTF-8", word.display());
        word.into_string()
            .map_err(|word| CommandError::Usage(not_text(word)))
    };
    words.map(as_text).collect()
}

/// Runs the program's own command line; returns the exit status.
fn portcullis() -> Result<u8, CommandError> {
    let parsed = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            ) =>
        {
            // A failed write is ignored: the reader may have closed the pipe.
            let _ = error.print();
            return Ok(0);
        }
        Err(error) if error.kind() == ErrorKind::DisplayVersion => {
            return cli::version().map(|()| 0);
        }
        Err(error) => return Err(CommandError::Usage(one_line(&error.to_string()))),
    };
    match parsed.command {
        Command::Serve(serve) => {
            logging::init(logging::at(serve.verbosity), serve.log_format);
            cli::serve(&serve)
        }
        Command::Run(run) => {
            let level = match run.serve.verbosity {
                0 => logging::QUIET,
                verbosity => logging::at(verbosity),
            };
            logging::init(level, run.serve.log_format);
            return cli::run::run(*run);
        }
        Command::Version => cli::version(),
        Command::Kubeconfig(args) => cli::kubeconfig(&args),
        Command::Healthcheck(args) => cli::healthcheck(&args),
        Command::Why(args) => cli::why(&args),
        Command::Netpol(args) => {
            logging::init(logging::at(args.verbosity), args.log_format);
            cli::netpol(&args)
        }
        Command::Token(args) => cli::token(&args),
        Command::Completion(args) => cli::generated::completion(args.shell),
        Command::Man(args) => cli::generated::man(&args.directory),
    }
    .map(|()| 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_option_is_named_in_one_line() {
        for (args, named) in [
            (&["portcullis", "serve", "--nope"][..], "--nope"),
            (
                &["portcullis", "serve", "--tls-cert-file=x"],
                "--tls-private-key-file",
            ),
            (&["portcullis", "serve", "--secure-port=x"], "--secure-port"),
            (
                &["portcullis", "serve", "--authorization-mode=x"],
                "known modes are",
            ),
            (
                &["portcullis", "serve", "--authorization-mode=RBAC,ABAC"],
                "ABAC is not supported",
            ),
            (
                &["portcullis", "serve", "--oidc-issuer-url=https://x"],
                "--oidc-client-id",
            ),
            (
                &["portcullis", "serve", "--oidc-signing-algs=none"],
                "known algorithms are",
            ),
            (
                &["portcullis", "serve", "--oidc-required-claim=x"],
                "claim=value",
            ),
        ] {
            let line = one_line(&Cli::try_parse_from(args).unwrap_err().to_string());
            assert!(
                line.contains(named) && !line.contains('\n'),
                "{args:?}: {line}"
            );
        }
    }
}
