//! A server in a process of its own, which can be killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use portcullis::pki::Authority;
use rustix::process::{Pid, Signal, kill_process};

use super::PATIENCE;
use super::client::Client;

/// The program with a data directory; killed when it is dropped.
pub struct Process {
    child: Child,
    data: PathBuf,
    address: SocketAddr,
    said: Receiver<String>,
}

impl Process {
    /// Starts it, and returns when it is ready.
    pub fn start(data: PathBuf, flags: &[&str]) -> Self {
        Self::start_logging(data, flags, Stdio::inherit())
    }

    /// The same with its log sent elsewhere.
    pub fn start_logging(data: PathBuf, flags: &[&str], log: impl Into<Stdio>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["serve", "--secure-port=0"])
            .arg(format!("--data-dir={}", data.display()))
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = said.next().unwrap().unwrap();
        let (_, after) = ready.split_once("https://").unwrap();
        let address = after.split_whitespace().next().unwrap().parse().unwrap();
        // further output must not block it
        let (lines, waiting) = mpsc::channel();
        std::thread::spawn(move || {
            // the receiver may be gone
            said.for_each(|line| drop(lines.send(line.unwrap_or_default())));
        });
        Self {
            child,
            data,
            address,
            said: waiting,
        }
    }

    /// The next lines of its standard output, after the one that reports that it is ready.
    pub fn says(&self, lines: usize) -> Vec<String> {
        let next = || self.said.recv_timeout(PATIENCE).unwrap();
        std::iter::repeat_with(next).take(lines).collect()
    }

    /// The address that it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its peak memory so far, in MiB.
    pub fn peak_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let mut lines = status.lines();
        let peak = lines.find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// Kills it, and returns its data directory.
    pub fn kill(mut self) -> PathBuf {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.data.clone()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Terminates it, and waits until it has ended.
    pub fn terminate(mut self) {
        self.signal(Signal::TERM);
        assert!(self.child.wait().unwrap().success());
    }

    /// The authority of its own certificate and those of its clients.
    pub fn authority(&self) -> Authority {
        Authority::in_dir(&self.data.join("pki")).unwrap()
    }

    /// A client with all permissions.
    pub fn admin(&self) -> Client {
        self.certified("root", Some("system:masters"))
    }

    /// A user of no group.
    pub fn user(&self, name: &str) -> Client {
        self.certified(name, None)
    }

    fn certified(&self, name: &str, group: Option<&str>) -> Client {
        let authority = self.authority();
        let identity = authority.client(name, group).unwrap();
        Client::new(self.address, authority.certificate(), Some(&identity))
    }

    /// A client without credentials.
    pub fn anonymous(&self) -> Client {
        Client::new(self.address, self.authority().certificate(), None)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
