//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write as _};

/// Families of samples, one after the other.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    name: &'static str,
}

impl Text {
    /// Begins a family; the samples that follow are of it.
    pub(super) fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// A sample of the family, whose name may have a suffix.
    pub(super) fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let name = self.name;
        if labels.is_empty() {
            return self.line(format_args!("{name}{suffix} {value}"));
        }
        let labels: Vec<_> = labels
            .iter()
            .map(|(key, text)| format!("{key}=\"{}\"", escaped(text)))
            .collect();
        let labels = labels.join(",");
        self.line(format_args!("{name}{suffix}{{{labels}}} {value}"));
    }

    /// All of it.
    pub(super) fn finish(self) -> String {
        self.out
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // a String takes everything
        let _ = writeln!(self.out, "{line}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_the_head_of_their_family() {
        let mut text = Text::default();
        text.family("a_total", "counter", "All a's.");
        text.sample("", &[("l", "x\"\\\n")], 1);
        text.sample("_sum", &[], 0.25);
        assert_eq!(
            text.finish(),
            "# HELP a_total All a's.\n# TYPE a_total counter\na_total{l=\"x\\\"\\\\\\n\"} 1\na_total_sum 0.25\n"
        );
    }
}
