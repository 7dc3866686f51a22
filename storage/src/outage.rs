//! Logging of outages: once at the start, at intervals while they last, and once at the end.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How often a lasting outage is logged again.
const REMINDER: Duration = Duration::from_secs(60);

/// The log messages of an outage.
#[derive(Clone, Copy)]
pub(crate) struct Messages {
    pub(crate) started: &'static str,
    pub(crate) ongoing: &'static str,
    pub(crate) ended: &'static str,
}

/// Tracks whether something is unavailable, and limits how often its failures are logged.
pub(crate) struct Outage {
    messages: Messages,
    /// When the outage started, and when it was last logged.
    down: Option<(Instant, Instant)>,
}

/// How a failure is logged.
#[derive(Debug, PartialEq, Eq)]
enum Report {
    Started,
    Ongoing(Duration),
    Suppressed,
}

impl Outage {
    pub(crate) const fn new(messages: Messages) -> Self {
        Self {
            messages,
            down: None,
        }
    }

    /// Records a failure.
    pub(crate) fn failed(&mut self, error: &(impl Display + ?Sized)) {
        let Messages {
            started, ongoing, ..
        } = self.messages;
        match self.report(Instant::now()) {
            Report::Started => tracing::warn!(%error, "{started}"),
            Report::Ongoing(time) => {
                tracing::warn!(%error, seconds = time.as_secs(), "{ongoing}");
            }
            Report::Suppressed => tracing::debug!(%error, "{ongoing}"),
        }
    }

    /// Ends the outage, if there is one.
    pub(crate) fn recovered(&mut self) {
        if let Some((since, _)) = self.down.take() {
            let seconds = since.elapsed().as_secs();
            tracing::info!(seconds, "{}", self.messages.ended);
        }
    }

    fn report(&mut self, now: Instant) -> Report {
        let Some((since, logged)) = &mut self.down else {
            self.down = Some((now, now));
            return Report::Started;
        };
        if now.duration_since(*logged) < REMINDER {
            return Report::Suppressed;
        }
        *logged = now;
        Report::Ongoing(now.duration_since(*since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_logged_when_it_starts_and_once_a_minute() {
        let mut outage = Outage::new(Messages {
            started: "started",
            ongoing: "ongoing",
            ended: "ended",
        });
        let begun = Instant::now();
        let reports = |outage: &mut Outage, seconds: std::ops::Range<u64>| -> Vec<Report> {
            seconds
                .map(|second| outage.report(begun + Duration::from_secs(second)))
                .filter(|report| *report != Report::Suppressed)
                .collect()
        };
        let minutes = |n| Report::Ongoing(REMINDER * n);
        assert_eq!(
            reports(&mut outage, 0..121),
            [Report::Started, minutes(1), minutes(2)]
        );
        outage.recovered();
        assert_eq!(reports(&mut outage, 200..250), [Report::Started]);
    }
}
