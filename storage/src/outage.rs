//! Telling of an absence once, and not again with every attempt to end it.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How often a lasting absence is told of again.
const REMINDER: Duration = Duration::from_secs(60);

/// Something that may be away: a line when it goes, one now and then while it is away, and one when
/// it is back.
pub(crate) struct Outage {
    what: &'static str,
    /// Since when it is away, and when that was told last.
    away: Option<(Instant, Instant)>,
}

/// What is worth saying of a failure.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Lost,
    StillAway(Duration),
    Nothing,
}

impl Outage {
    /// `what` is there.
    pub(crate) const fn of(what: &'static str) -> Self {
        Self { what, away: None }
    }

    /// It failed, or failed again.
    pub(crate) fn failed(&mut self, error: &(impl Display + ?Sized)) {
        let what = self.what;
        match self.word(Instant::now()) {
            Word::Lost => tracing::warn!(%error, "{what} is away"),
            Word::StillAway(time) => {
                tracing::warn!(%error, seconds = time.as_secs(), "{what} is still away");
            }
            Word::Nothing => tracing::debug!(%error, "{what} is still away"),
        }
    }

    /// It answers.
    pub(crate) fn over(&mut self) {
        if let Some((since, _)) = self.away.take() {
            let seconds = since.elapsed().as_secs();
            tracing::info!(seconds, "{} is back", self.what);
        }
    }

    fn word(&mut self, now: Instant) -> Word {
        let Some((since, told)) = &mut self.away else {
            self.away = Some((now, now));
            return Word::Lost;
        };
        if now.duration_since(*told) < REMINDER {
            return Word::Nothing;
        }
        *told = now;
        Word::StillAway(now.duration_since(*since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_at_first_and_one_a_minute() {
        let mut outage = Outage::of("etcd");
        let begun = Instant::now();
        let words = |outage: &mut Outage, seconds: std::ops::Range<u64>| -> Vec<Word> {
            seconds
                .map(|second| outage.word(begun + Duration::from_secs(second)))
                .filter(|word| *word != Word::Nothing)
                .collect()
        };
        let minutes = |n| Word::StillAway(REMINDER * n);
        assert_eq!(
            words(&mut outage, 0..121),
            [Word::Lost, minutes(1), minutes(2)]
        );
        outage.over();
        assert_eq!(words(&mut outage, 200..250), [Word::Lost]);
    }
}
