//! `portcullis run -- COMMAND`: a server for as long as a command runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::{CommandError, system, threads};
use crate::config::{RunArgs, Serve, THROWN_AWAY};
use crate::start::kubeconfig::kubeconfig_path;
use crate::start::server::Server;

/// The status of shells for a command that does not exist, and for one that is not executable.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// Starts a server, runs the command with `KUBECONFIG` naming its admin, and stops the server; returns the
/// command's status.
///
/// # Errors
/// As `portcullis serve`, before the command is run.
pub fn run(args: RunArgs) -> Result<u8, CommandError> {
    let RunArgs { mut serve, command } = args;
    let throw_away = match serve.data_dir == Path::new(THROWN_AWAY) {
        true => Some(ThrowAway::make().map_err(system("make a directory for the server"))?),
        false => None,
    };
    if let Some(dir) = &throw_away {
        serve.data_dir.clone_from(&dir.0);
        serve.embedded.in_memory = true;
    }
    threads()?.block_on(beside_a_server(&serve, &command))
}

async fn beside_a_server(options: &Serve, command: &[OsString]) -> Result<u8, CommandError> {
    // handled before the server starts, so that a signal stops it as well
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("handle SIGINT"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(system("handle SIGTERM"))?;
    let mut hangup = signal(SignalKind::hangup()).map_err(system("handle SIGHUP"))?;
    let server = Server::start(options).await?;
    let kubeconfig = kubeconfig_path(options);
    let kubeconfig = std::path::absolute(&kubeconfig).unwrap_or(kubeconfig);
    let status = match spawn(command, &kubeconfig) {
        Ok(child) => {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            // it may have ended already
            let forward = |signal| {
                let _ = pid.map(|pid| kill_process(pid, signal));
            };
            let mut ended = tokio::task::spawn_blocking(move || wait(child));
            loop {
                tokio::select! {
                    status = &mut ended => break status.unwrap_or(NOT_RUNNABLE),
                    // a terminal sends it to the command as well
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => forward(Signal::TERM),
                    _ = hangup.recv() => forward(Signal::HUP),
                }
            }
        }
        Err(status) => status,
    };
    server.stop().await;
    Ok(status)
}

fn spawn(command: &[OsString], kubeconfig: &Path) -> Result<Child, u8> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(NOT_FOUND);
    };
    let mut command = Command::new(program);
    command.args(arguments).env("KUBECONFIG", kubeconfig);
    command.spawn().map_err(|why| {
        eprintln!("portcullis: {}: {why}", program.display());
        match why.kind() {
            std::io::ErrorKind::NotFound => NOT_FOUND,
            _ => NOT_RUNNABLE,
        }
    })
}

/// The status of a command that has ended, as a shell reports it.
fn wait(mut child: Child) -> u8 {
    child.wait().map_or(NOT_RUNNABLE, status_of)
}

fn status_of(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let of_signal = status.signal().map(|signal| 128 + signal);
    let code = status.code().or(of_signal).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

/// A directory that is removed on drop.
struct ThrowAway(PathBuf);

impl ThrowAway {
    fn make() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("portcullis-{}", uuid::Uuid::new_v4()));
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        if let Err(why) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(file = %self.0.display(), error = %why, "a temporary directory could not be removed");
        }
    }
}
