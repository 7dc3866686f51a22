//! What processes use, as the kernel counts it.

use std::time::Duration;

/// The kernel's unit of CPU time in `/proc`.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time of processes up to a moment.
pub struct Usage(Duration);

impl Usage {
    /// The time that these have used since they began.
    pub fn of(processes: &[u32]) -> Self {
        Self(processes.iter().map(|pid| cpu_time(*pid)).sum())
    }

    /// The time between two moments.
    pub fn until(&self, later: &Self) -> Duration {
        later.0.saturating_sub(self.0)
    }
}

fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // the name, in parentheses, may contain anything
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// Resident memory of processes, in KiB.
pub fn resident(processes: &[u32]) -> u64 {
    let of = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse::<u64>().unwrap()
    };
    processes.iter().map(of).sum()
}
