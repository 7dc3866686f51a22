//! `portcullis`: the command line, the log, and exit codes; nothing else.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use portcullis::config::{Cli, Command};
use portcullis::{commands, logging};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            ) =>
        {
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        // one line: what clap adds are usage hints
        Err(error) => {
            return fail(
                error
                    .to_string()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .trim_start_matches("error: "),
            );
        }
    };
    let result = match cli.command {
        Command::Serve(serve) => {
            logging::init(serve.verbosity, serve.log_format);
            commands::serve(&serve)
        }
        Command::Version => commands::version(),
        Command::Kubeconfig(args) => commands::kubeconfig(&args),
        Command::Healthcheck(args) => commands::healthcheck(&args),
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
