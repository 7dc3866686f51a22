//! Figures side by side: as text while they come, and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::chart;
use crate::samples::Samples;

/// What was measured of one operation on one server.
#[derive(Default)]
pub struct Figures {
    samples: Samples,
    cpu: Duration,
    /// Requests, or what else the CPU time is divided by.
    count: usize,
}

impl Figures {
    /// `count` things that took `cpu` together.
    pub const fn new(samples: Samples, cpu: Duration, count: usize) -> Self {
        Self {
            samples,
            cpu,
            count,
        }
    }

    fn add(&mut self, other: Self) {
        self.samples.add(other.samples);
        self.cpu += other.cpu;
        self.count += other.count;
    }

    /// CPU time of each, in microseconds.
    fn micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.count.max(1) as f64
    }

    fn rate(&self) -> f64 {
        self.samples.per_second()
    }
}

/// All figures so far: of each operation, for each server in turn.
pub struct Report {
    servers: Vec<String>,
    rows: Vec<(&'static str, Vec<Figures>)>,
    memory: Vec<u64>,
}

impl Report {
    pub fn new(servers: impl Iterator<Item = String>) -> Self {
        let servers: Vec<_> = servers.collect();
        print!("{:32}", "CPU per request");
        for name in &servers {
            print!("  {name:>38}");
        }
        println!();
        Self {
            servers,
            rows: Vec::new(),
            memory: Vec::new(),
        }
    }

    /// Adds figures of a server to those of an operation.
    pub fn add(&mut self, operation: &'static str, server: usize, figures: Figures) {
        if self.rows.last().is_none_or(|(name, _)| *name != operation) {
            let none = self.servers.iter().map(|_| Figures::default());
            self.rows.push((operation, none.collect()));
        }
        if let Some((_, row)) = self.rows.last_mut() {
            row[server].add(figures);
        }
    }

    /// Prints the operation that was measured last.
    pub fn print_last(&mut self) {
        let Some((name, row)) = self.rows.last_mut() else {
            return;
        };
        print!("{name:32}");
        let first = row[0].micros();
        for figures in row {
            let (micros, rate) = (figures.micros(), figures.rate());
            let (half, most) = (
                figures.samples.quantile(0.5),
                figures.samples.quantile(0.99),
            );
            let ratio = first / micros;
            print!("  {micros:9.1} µs {ratio:5.1}x {rate:6.0}/s {half:4.1} {most:5.1} ms");
        }
        println!();
    }

    /// Prints how much memory the servers have, in KiB.
    pub fn print_memory(&mut self, memory: impl Iterator<Item = u64>) {
        self.memory = memory.collect();
        print!("{:32}", "resident memory");
        for kib in &self.memory {
            print!("  {:>34.1} MiB", *kib as f64 / 1024.0);
        }
        println!();
    }

    pub fn as_svg(&self) -> String {
        let row = |(name, row): &(&'static str, Vec<Figures>)| {
            (*name, row.iter().map(Figures::micros).collect())
        };
        chart::draw(
            &self.servers,
            &self.rows.iter().map(row).collect::<Vec<_>>(),
        )
    }

    pub fn as_json(&mut self) -> Value {
        let servers = self.servers.clone();
        let rows = self.rows.iter_mut().map(|(operation, row)| {
            let figures = servers.iter().zip(row).map(|(server, figures)| {
                let (micros, rate) = (figures.micros(), figures.rate());
                json!({"server": server, "cpu_micros": micros, "per_second": rate, "count": figures.count,
                    "p50_ms": figures.samples.quantile(0.5), "p99_ms": figures.samples.quantile(0.99)})
            });
            json!({"operation": operation, "figures": figures.collect::<Vec<_>>()})
        });
        json!({"operations": rows.collect::<Vec<_>>(), "resident_kib": self.memory})
    }
}
