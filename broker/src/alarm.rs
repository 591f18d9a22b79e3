//! Time for state machines that are told it: how much has passed, and when somebody has to come because something is due.

use std::time::Duration;

use tokio::time::Instant;

/// Time since a start: the wall clock may be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Of which nothing has passed yet.
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// How much has passed.
    pub(crate) fn now_ms(self) -> i64 {
        i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Done when so much has passed.
    pub(crate) async fn until(self, ms: i64) {
        tokio::time::sleep_until(self.0 + pause(ms)).await;
    }
}

/// What is over already is waited for no longer: it may have been due long before the start.
fn pause(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// When somebody will come and look what is due.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<i64>);

impl Alarm {
    /// The time at which somebody has to be sent for this deadline; `None` when nothing is due, or somebody comes by
    /// then.
    pub(crate) fn set(&mut self, deadline_ms: Option<i64>) -> Option<i64> {
        let deadline_ms = deadline_ms?;
        if self.0.is_some_and(|alarm_ms| alarm_ms <= deadline_ms) {
            return None;
        }
        self.0 = Some(deadline_ms);
        self.0
    }

    /// Whether who comes now is the one that is waited for, not one who was sent before an earlier deadline was known.
    pub(crate) fn rings(&mut self, deadline_ms: i64) -> bool {
        self.0.take_if(|alarm_ms| *alarm_ms == deadline_ms).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_before_the_start_is_due_at_once() {
        assert_eq!(pause(20), Duration::from_millis(20));
        for overdue_ms in [0, -1, -3_600_000, i64::MIN] {
            assert_eq!(pause(overdue_ms), Duration::ZERO);
        }
    }

    #[test]
    fn somebody_is_sent_for_an_earlier_deadline_alone() {
        let mut alarm = Alarm::default();
        assert_eq!(alarm.set(None), None);
        assert_eq!(alarm.set(Some(20)), Some(20));
        assert_eq!((alarm.set(Some(20)), alarm.set(Some(30))), (None, None));
        assert_eq!(alarm.set(Some(10)), Some(10));
        // Who was sent for 20 is not waited for any more.
        assert!(!alarm.rings(20));
        assert!(alarm.rings(10) && !alarm.rings(10));
        assert_eq!(alarm.set(Some(30)), Some(30));
    }
}
