//! What is made of the command line itself: completions for shells, and man pages.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{CommandError, print, system};
use crate::config::Cli;

/// Prints what completes the command line in a shell.
///
/// # Errors
/// A name or a help text that is not UTF-8, which none is.
pub fn completion(shell: Shell) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut script);
    let script = String::from_utf8(script);
    print(&script.map_err(|error| CommandError::Usage(error.to_string()))?);
    Ok(())
}

/// Writes a man page for the program and one for each of its commands: `portcullis.1`, `portcullis-serve.1`.
///
/// # Errors
/// A directory that cannot be written to.
pub fn man(directory: &Path) -> Result<(), CommandError> {
    std::fs::create_dir_all(directory).map_err(system("make the directory of the man pages"))?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(system("write the man pages"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_man_page() {
        let directory = tempfile::tempdir().unwrap();
        let pages = directory.path().join("man1");
        man(&pages).unwrap();
        let commands = Cli::command();
        let commands = commands.get_subcommands().map(clap::Command::get_name);
        for command in commands {
            let page = pages.join(format!("portcullis-{command}.1"));
            let page = std::fs::read_to_string(&page).unwrap();
            assert!(
                page.contains("OPTIONS") || page.contains("NAME"),
                "{command}"
            );
        }
        let page = std::fs::read_to_string(pages.join("portcullis-serve.1")).unwrap();
        assert!(page.contains("authorization\\-mode"), "{page}");
    }

    #[test]
    fn shells_complete_commands_and_flags() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut script);
            let script = String::from_utf8(script).unwrap();
            for word in ["healthcheck", "authorization-mode", "write-kubeconfig"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
