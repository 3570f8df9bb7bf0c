//! The lifetime of a lease, and the time of its renewal (flannel
//! `pkg/subnet/etcd/local_manager.go`).
//!
//! Moments are durations since an epoch of the caller's choice: nothing here reads a clock.

use core::fmt;
use core::time::Duration;

use super::profile::Profile;

/// The lifetime of a lease that is not renewed: 24 hours.
pub const LEASE_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait after a renewal that failed: one minute.
pub const RENEWAL_RETRY: Duration = Duration::from_secs(60);

/// The end of a lease.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use vtep::lease::{Expiry, RenewalMargin};
///
/// let granted = Duration::from_secs(1_700_000_000);
/// let expiry = Expiry::granted(granted);
/// let renewal = expiry.renew_at(RenewalMargin::default()).unwrap();
/// assert_eq!(renewal - granted, Duration::from_secs(23 * 60 * 60));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Expiry {
    /// At this moment.
    At(Duration),
    /// Never: a reservation, which was written without a TTL.
    Never,
}

impl Expiry {
    /// Returns the end of a lease that is granted now.
    #[must_use]
    pub const fn granted(now: Duration) -> Self {
        Self::At(now.saturating_add(LEASE_TTL))
    }

    /// Returns whether the lease has ended.
    #[must_use]
    pub fn is_over(self, now: Duration) -> bool {
        self <= Self::At(now)
    }

    /// Returns the moment to renew the lease, which may be past; `None` for a reservation.
    #[must_use]
    pub const fn renew_at(self, margin: RenewalMargin) -> Option<Duration> {
        match self {
            Self::At(end) => Some(end.saturating_sub(margin.0)),
            Self::Never => None,
        }
    }

    /// Returns the end of a lease that its node acquires again now. A reservation stays one; in
    /// flannel it becomes a lease of 24 hours, because the code no longer sees that there was no
    /// TTL.
    #[must_use]
    pub const fn after_reacquire(self, now: Duration, profile: Profile) -> Self {
        match (self, profile) {
            (Self::Never, Profile::Documented) => Self::Never,
            _ => Self::granted(now),
        }
    }
}

/// The time between a lease's renewal and its end: 1 minute to 23 hours 59 minutes. The default is
/// 60 minutes.
///
/// # Examples
///
/// ```
/// use vtep::lease::RenewalMargin;
///
/// assert_eq!(RenewalMargin::new(5)?.value().as_secs(), 300);
/// assert!(RenewalMargin::new(24 * 60).is_err());
/// # Ok::<(), vtep::lease::RenewalMarginError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RenewalMargin(Duration);

/// A renewal margin outside 1 to 1439 minutes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct RenewalMarginError {
    /// The margin, in minutes.
    pub minutes: u32,
}

impl fmt::Display for RenewalMarginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "renewal margin of {} minutes, not 1 to 1439", self.minutes)
    }
}

impl core::error::Error for RenewalMarginError {}

impl RenewalMargin {
    /// Returns the margin of that many minutes.
    ///
    /// # Errors
    /// [`RenewalMarginError`] if they are 0, or more than 1439.
    pub const fn new(minutes: u32) -> Result<Self, RenewalMarginError> {
        match minutes {
            1..=1439 => Ok(Self(Duration::from_secs(60u64.wrapping_mul(minutes as u64)))),
            _ => Err(RenewalMarginError { minutes }),
        }
    }

    /// The margin.
    #[must_use]
    pub const fn value(self) -> Duration {
        self.0
    }
}

impl Default for RenewalMargin {
    fn default() -> Self {
        Self(Duration::from_secs(60 * 60))
    }
}

/// Returns the wait before a watch is started again that failed `failures` times in a row: 100 ms
/// after the first failure, twice as long after each further one, at most 5 s.
///
/// # Examples
///
/// ```
/// use vtep::lease::watch_back_off;
///
/// let waits = [0, 1, 2, 100].map(|failures| watch_back_off(failures).as_millis());
/// assert_eq!(waits, [0, 100, 200, 5000]);
/// ```
#[must_use]
pub fn watch_back_off(failures: u32) -> Duration {
    const MAX: Duration = Duration::from_secs(5);
    let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
    let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
    Duration::from_millis(100).saturating_mul(factor).min(MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_lease_lives_a_day_and_is_renewed_an_hour_before() {
        let now = 1000 * HOUR;
        let expiry = Expiry::granted(now);
        assert_eq!(expiry, Expiry::At(1024 * HOUR));
        assert_eq!(expiry.renew_at(RenewalMargin::default()), Some(1023 * HOUR));
        assert!(!expiry.is_over(1024 * HOUR - Duration::from_nanos(1)));
        assert!(expiry.is_over(1024 * HOUR));
        assert_eq!(
            Expiry::At(Duration::ZERO).renew_at(RenewalMargin::default()),
            Some(Duration::ZERO)
        );
        assert!(!Expiry::granted(Duration::MAX).is_over(1024 * HOUR));
    }

    #[test]
    fn margins_are_shorter_than_the_lease() {
        for minutes in [0, 1440, u32::MAX] {
            assert_eq!(RenewalMargin::new(minutes), Err(RenewalMarginError { minutes }));
        }
        assert_eq!(RenewalMargin::new(60), Ok(RenewalMargin::default()));
        assert!(RenewalMargin::new(1439).is_ok_and(|margin| margin.value() < LEASE_TTL));
    }

    #[test]
    fn after_reacquire_keeps_a_reservation_unless_flannels_fault_is_wanted() {
        let now = 7 * HOUR;
        assert_eq!(Expiry::Never.after_reacquire(now, Profile::Documented), Expiry::Never);
        assert_eq!(
            Expiry::Never.after_reacquire(now, Profile::FlannelCompat),
            Expiry::At(31 * HOUR)
        );
        assert_eq!(
            Expiry::At(now).after_reacquire(now, Profile::Documented),
            Expiry::At(31 * HOUR)
        );
        assert_eq!(Expiry::Never.renew_at(RenewalMargin::default()), None);
        assert!(!Expiry::Never.is_over(Duration::MAX));
    }

    #[test]
    fn backs_off_to_five_seconds() {
        let waits =
            [0, 1, 2, 3, 6, 7, 33, u32::MAX].map(|failures| watch_back_off(failures).as_millis());
        assert_eq!(waits, [0, 100, 200, 400, 3200, 5000, 5000, 5000]);
    }
}
