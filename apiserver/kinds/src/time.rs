//! The current time in objects.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The current time, in whole seconds as API objects contain it.
pub fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_whole_seconds_and_are_not_in_the_future() {
        let time = now();
        assert_eq!(time.0.subsec_nanosecond(), 0);
        assert!(time.0 <= Timestamp::now());
    }
}
