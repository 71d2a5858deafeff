//! What a program did, and when, in order.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use effect::prelude::*;

/// What a program did, and when, in order.
#[derive(Clone, Default)]
pub struct Steps {
    begun: Arc<Mutex<Option<Instant>>>,
    taken: Arc<Mutex<Vec<(Duration, String)>>>,
}

impl Steps {
    /// Says that it is now that the program begins.
    pub fn begin<R>(&self, cx: &Cx<R>) {
        *self.begun.lock().unwrap() = Some(cx.now());
    }

    pub fn take_down<R>(&self, cx: &Cx<R>, what: impl Into<String>) {
        let begun = self.begun.lock().unwrap().expect("the program has begun");
        let taken = (cx.now() - begun, what.into());
        self.taken.lock().unwrap().push(taken);
    }

    /// An effect that takes down that it ran.
    pub fn note<E: effect::Value>(&self, what: &'static str) -> Effect<(), E, ()> {
        let steps = self.clone();
        effect(async move |cx: Cx<()>| {
            steps.take_down(&cx, what);
            Ok(())
        })
        .erase()
    }

    pub fn take(&self) -> Vec<(Duration, String)> {
        std::mem::take(&mut self.taken.lock().unwrap())
    }

    /// How many know of this, programs and all that is left of them included.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.taken)
    }
}
