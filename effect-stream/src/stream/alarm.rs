//! A timer that operators set, and set again.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use effect_core::{Cx, Timer};
use pin_project_lite::pin_project;

pin_project! {
    /// A timer, if one is set.
    pub(crate) struct Alarm {
        #[pin]
        timer: Option<Timer>,
    }
}

impl Alarm {
    pub(crate) const fn new() -> Self {
        Alarm { timer: None }
    }

    pub(crate) const fn is_set(&self) -> bool {
        self.timer.is_some()
    }

    pub(crate) fn set<R>(self: Pin<&mut Self>, cx: &Cx<R>, delay: Duration) {
        self.set_at(cx, after(cx, delay));
    }

    pub(crate) fn set_at<R>(self: Pin<&mut Self>, cx: &Cx<R>, at: Instant) {
        self.project().timer.set(Some(cx.runtime().sleep_until(at)));
    }

    pub(crate) fn clear(self: Pin<&mut Self>) {
        self.project().timer.set(None);
    }

    /// Ready once, when it goes off; pending if it is not set.
    pub(crate) fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let mut timer = self.project().timer;
        match timer.as_mut().as_pin_mut() {
            Some(set) => ready!(set.poll(task)),
            None => return Poll::Pending,
        }
        timer.set(None);
        Poll::Ready(())
    }
}

/// The time after a delay, if that is no age.
pub(crate) fn after<R>(cx: &Cx<R>, delay: Duration) -> Instant {
    /// As long as an alarm can be set for.
    const AN_AGE: Duration = Duration::from_secs(1 << 40);
    let now = cx.now();
    now.checked_add(delay).unwrap_or(now + AN_AGE)
}
