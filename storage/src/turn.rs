//! Long work that yields to other tasks now and then.

use std::time::{Duration, Instant};

/// How long a task may keep its thread while others wait for one.
const LONGEST: Duration = Duration::from_micros(500);

/// How many steps are taken before the clock is read again: mostly they are far shorter than a turn.
const STEPS: u32 = 4;

/// The turn of a task that has much to do.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    begun: Instant,
    steps: u32,
}

impl Turn {
    /// A turn that begins now.
    pub fn begin() -> Self {
        Self {
            begun: Instant::now(),
            steps: 0,
        }
    }

    /// Whether it has taken long enough.
    pub fn is_over(&self) -> bool {
        self.begun.elapsed() > LONGEST
    }

    /// To be called after each small step: lets others run once the turn is over.
    pub async fn step(&mut self) {
        self.steps += 1;
        if self.steps >= STEPS {
            self.steps = 0;
            self.pass().await;
        }
    }

    /// To be called after each larger step.
    pub async fn pass(&mut self) {
        if self.is_over() {
            tokio::task::yield_now().await;
            *self = Self::begin();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn others_run_before_long_work_is_done() {
        let ran = Arc::new(AtomicBool::new(false));
        let other = ran.clone();
        tokio::spawn(async move { other.store(true, Ordering::Relaxed) });
        let mut turn = Turn::begin();
        turn.step().await;
        assert!(!ran.load(Ordering::Relaxed), "it is still this task's turn");
        let long_ago = turn.begun.checked_sub(2 * LONGEST).unwrap();
        turn.begun = long_ago;
        for _ in 0..STEPS {
            turn.step().await;
        }
        assert!(ran.load(Ordering::Relaxed));
        assert!(turn.begun > long_ago, "the next turn has begun");
    }
}
