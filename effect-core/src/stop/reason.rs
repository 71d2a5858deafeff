//! Why something stopped.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why something stopped: what a [`Stop`](crate::Stop) says.
///
/// It is kept as it is, however many bounded effects and streams are inside of each other, and through tokens and their
/// children.
///
/// # Examples
///
/// ```
/// use effect_core::StopReason;
/// use std::time::Duration;
///
/// assert_eq!(StopReason::Timeout(Duration::from_secs(5)).to_string(), "timed out after 5s");
/// assert_eq!(StopReason::from("enough").to_string(), "cancelled: enough");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The time was up, and this is how much there was.
    Timeout(Duration),
    /// Somebody cancelled it by hand, and said this.
    Cancelled(Arc<str>),
    /// The process was sent a signal of this name, such as `"SIGINT"`.
    Signal(&'static str),
    /// A condition was met.
    Condition,
    /// Each of several stops had its reason.
    All(Arc<[StopReason]>),
}

impl From<&str> for StopReason {
    /// What somebody says who cancels it by hand.
    fn from(message: &str) -> Self {
        StopReason::Cancelled(message.into())
    }
}

impl From<String> for StopReason {
    /// What somebody says who cancels it by hand.
    fn from(message: String) -> Self {
        StopReason::Cancelled(message.into())
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Timeout(limit) => write!(f, "timed out after {limit:?}"),
            StopReason::Cancelled(message) => write!(f, "cancelled: {message}"),
            StopReason::Signal(name) => write!(f, "stopped by {name}"),
            StopReason::Condition => f.write_str("a condition was met"),
            StopReason::All(reasons) => {
                for (i, reason) in reasons.iter().enumerate() {
                    f.write_str(if i > 0 { "; " } else { "" })?;
                    write!(f, "{reason}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for StopReason {}
