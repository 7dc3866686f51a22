//! `portcullis`: the command line, the log, and exit codes; nothing else.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use portcullis::cli::{self, logging};
use portcullis::config::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let parsed = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            ) =>
        {
            // Whoever asked for help may have stopped reading it.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(&one_line(&error.to_string())),
    };
    let result = match parsed.command {
        Command::Serve(serve) => {
            logging::init(serve.verbosity, serve.log_format);
            cli::serve(&serve)
        }
        Command::Version => cli::version(),
        Command::Kubeconfig(args) => cli::kubeconfig(&args),
        Command::Healthcheck(args) => cli::healthcheck(&args),
        Command::Why(args) => cli::why(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("portcullis: {why}");
    ExitCode::FAILURE
}

/// What clap says, without its title and its hints on usage, which stand behind an empty line.
fn one_line(text: &str) -> String {
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    let line = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_option_is_named_in_one_line() {
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
                &["portcullis", "serve", "--authorization-mode=Node,RBAC"],
                "no Node authorizer",
            ),
            (
                &["portcullis", "serve", "--authorization-mode=RBAC,Webhook"],
                "Webhook is not supported",
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
