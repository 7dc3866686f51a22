//! The process, as the kernel counts it. Several servers of one process report the same.

use prometheus::core::Collector;
use prometheus::{Gauge, IntGauge, Opts};
use rustix::process::{Resource, getrlimit};

/// How large the pages are in which Linux counts memory.
const PAGE: i64 = 4096;
/// In how many parts of a second it counts processor time, whatever the clock of the kernel (`USER_HZ`).
const TICKS: f64 = 100.0;
const VALID: &str = "these names are valid";

/// Metrics of the process.
#[derive(Debug)]
pub(super) struct Process {
    processor: Gauge,
    files: IntGauge,
    files_max: IntGauge,
    memory: IntGauge,
    resident: IntGauge,
    started: Gauge,
}

impl Process {
    pub(super) fn new() -> Self {
        let named = |name: &str, help: &str| Opts::new(format!("process_{name}"), help);
        let whole = |name, help| IntGauge::with_opts(named(name, help)).expect(VALID);
        let seconds = |name, help| Gauge::with_opts(named(name, help)).expect(VALID);
        Self {
            processor: seconds(
                "cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
            ),
            files: whole("open_fds", "Number of open file descriptors."),
            files_max: whole("max_fds", "Maximum number of open file descriptors."),
            memory: whole("virtual_memory_bytes", "Virtual memory size in bytes."),
            resident: whole("resident_memory_bytes", "Resident memory size in bytes."),
            started: seconds(
                "start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
            ),
        }
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 6] {
        [
            Box::new(self.processor.clone()),
            Box::new(self.files.clone()),
            Box::new(self.files_max.clone()),
            Box::new(self.memory.clone()),
            Box::new(self.resident.clone()),
            Box::new(self.started.clone()),
        ]
    }

    /// Reads what `/proc` says; where there is none, what was read stays.
    pub(super) fn read(&self) {
        let _ = self.read_proc();
        let files = getrlimit(Resource::Nofile).current;
        let files = files.and_then(|files| i64::try_from(files).ok());
        self.files_max.set(files.unwrap_or(i64::MAX));
    }

    fn read_proc(&self) -> Option<()> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // the name before, in parentheses, may hold anything
        let (_, stat) = stat.rsplit_once(')')?;
        let fields: Vec<f64> = stat
            .split_whitespace()
            .map(|field| field.parse().unwrap_or_default())
            .collect();
        // numbered from the third on: proc_pid_stat(5)
        let field = |number: usize| fields.get(number - 3).copied();
        self.processor.set((field(14)? + field(15)?) / TICKS);
        let sizes = std::fs::read_to_string("/proc/self/statm").ok()?;
        let mut pages = sizes.split_whitespace().map(str::parse::<i64>);
        self.memory.set(pages.next()?.ok()?.saturating_mul(PAGE));
        self.resident.set(pages.next()?.ok()?.saturating_mul(PAGE));
        let files = std::fs::read_dir("/proc/self/fd").ok()?.count();
        self.files.set(i64::try_from(files).unwrap_or(i64::MAX));
        let system = std::fs::read_to_string("/proc/stat").ok()?;
        let booted = system
            .lines()
            .find_map(|line| line.strip_prefix("btime "))?;
        self.started
            .set(booted.trim().parse::<f64>().ok()? + field(22)? / TICKS);
        Some(())
    }
}
