//! Telling of an absence once, and not again with every attempt to end it.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How often a lasting absence is told of again.
const REMINDER: Duration = Duration::from_secs(60);

/// What is said, in whole sentences.
#[derive(Clone, Copy)]
pub(crate) struct Sentences {
    /// When it goes.
    pub(crate) lost: &'static str,
    /// While it is away.
    pub(crate) still: &'static str,
    /// When it is back.
    pub(crate) over: &'static str,
}

/// Something that may be away: a line when it goes, one now and then while it is away, and one when
/// it is back.
pub(crate) struct Outage {
    sentences: Sentences,
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
    /// It is there.
    pub(crate) const fn of(sentences: Sentences) -> Self {
        Self {
            sentences,
            away: None,
        }
    }

    /// It failed, or failed again.
    pub(crate) fn failed(&mut self, error: &(impl Display + ?Sized)) {
        let Sentences { lost, still, .. } = self.sentences;
        match self.word(Instant::now()) {
            Word::Lost => tracing::warn!(%error, "{lost}"),
            Word::StillAway(time) => {
                tracing::warn!(%error, seconds = time.as_secs(), "{still}");
            }
            Word::Nothing => tracing::debug!(%error, "{still}"),
        }
    }

    /// It answers.
    pub(crate) fn over(&mut self) {
        if let Some((since, _)) = self.away.take() {
            let seconds = since.elapsed().as_secs();
            tracing::info!(seconds, "{}", self.sentences.over);
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
        let mut outage = Outage::of(Sentences {
            lost: "lost",
            still: "still away",
            over: "back",
        });
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
