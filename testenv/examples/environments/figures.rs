//! Durations, and memory.

use std::time::Duration;

/// Durations of the same thing.
#[derive(Default)]
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The duration that so many of a hundred do not exceed.
    fn percentile(&self, hundredths: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn print(&self, what: &str) {
        let [half, most] = [50, 99].map(|hundredths| self.percentile(hundredths));
        let [half, most] = [half, most].map(|took| took.as_secs_f64() * 1e3);
        println!("{what:44} p50 {half:8.1} ms   p99 {most:8.1} ms");
    }
}

/// The memory of this process in KiB.
pub(crate) fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
