//! A defect: a bug, seen as a panic, with its message and the place where it happened.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Once;
use std::task::{Context, Poll};

/// A bug that ended an effect: the message of a panic, and where it was raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    message: String,
    location: Option<Place>,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    file: String,
    line: u32,
}

impl From<&Location<'_>> for Place {
    fn from(location: &Location<'_>) -> Self {
        Place {
            file: location.file().to_owned(),
            line: location.line(),
        }
    }
}

impl Defect {
    /// Creates a defect that was raised here.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Defect;
    /// let defect = Defect::new("index out of step");
    /// assert_eq!(defect.message(), "index out of step");
    /// assert!(defect.to_string().contains(file!()));
    /// ```
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Self {
        Defect {
            message: message.into(),
            location: Some(Location::caller().into()),
        }
    }

    pub(crate) fn with_message(self, message: String) -> Self {
        Defect { message, ..self }
    }

    /// The message of the panic.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The source line that raised it, as `(file, line)`, where it is known.
    pub fn location(&self) -> Option<(&str, u32)> {
        self.location
            .as_ref()
            .map(|place| (place.file.as_str(), place.line))
    }

    /// Ends the running effect with this defect. The panic hook stays silent: whoever looks at the
    /// fiber's exit finds the defect there.
    pub(crate) fn raise(self) -> ! {
        panic::resume_unwind(Box::new(self))
    }

    fn from_panic(payload: Box<dyn Any + Send>) -> Self {
        let payload = match payload.downcast::<Defect>() {
            Ok(defect) => return *defect,
            Err(payload) => payload,
        };
        let location = LAST_PANIC.take();
        let message = match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => match payload.downcast::<&'static str>() {
                Ok(message) => (*message).to_owned(),
                Err(_) => "a panic whose payload is no string".to_owned(),
            },
        };
        Defect { message, location }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.location {
            Some(place) => write!(f, " at {}:{}", place.file, place.line),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Defect {}

thread_local! {
    /// Where this thread panicked last. A panic's payload does not say; only the hook is told.
    static LAST_PANIC: Cell<Option<Place>> = const { Cell::new(None) };
}

/// Makes the places of panics known to defects. Whatever hook was set before is called as before.
pub(crate) fn watch_panics() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            LAST_PANIC.set(info.location().map(Place::from));
            previous(info);
        }));
    });
}

/// Calls `f`, and turns a panic into a defect.
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Defect> {
    // Whatever the panic left half-done is dropped by the caller and never looked at again.
    panic::catch_unwind(AssertUnwindSafe(f)).map_err(Defect::from_panic)
}

/// Polls a future, and turns a panic into a defect.
pub(crate) fn catch_poll<F: Future + ?Sized>(
    future: std::pin::Pin<&mut F>,
    task: &mut Context<'_>,
) -> Poll<Result<F::Output, Defect>> {
    match catch(|| future.poll(task)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(defect) => Poll::Ready(Err(defect)),
    }
}
