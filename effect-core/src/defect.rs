//! A defect: a bug, seen as a panic, with its message and the place where it happened.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::{Arc, Once};
use std::task::{Context, Poll};

/// A bug that ended an effect: the message of a panic, and where it was raised.
///
/// Two defects with the same message are equal, wherever they were raised.
// Behind a pointer, because every exit has room for one, and next to none has one.
#[derive(Clone)]
pub struct Defect {
    details: Arc<Details>,
}

struct Details {
    message: String,
    location: Option<Place>,
    /// Whether the panic hook was told.
    shown: bool,
}

/// A place in a source file.
#[derive(Clone, Debug)]
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
        Defect::at(Location::caller(), message)
    }

    pub(crate) fn at(location: &Location<'_>, message: impl Into<String>) -> Self {
        let details = Details {
            message: message.into(),
            location: Some(location.into()),
            shown: false,
        };
        Defect {
            details: Arc::new(details),
        }
    }

    /// Calls a function that is somebody else's, and turns its panic into a defect.
    ///
    /// Not for what has to be whole after a panic: the function may have left half-done what it changes.
    ///
    /// # Errors
    ///
    /// The defect, if the function panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::Defect;
    /// assert_eq!(Defect::catch(|| "7".len()), Ok(1));
    /// let defect = Defect::catch(|| -> u8 { panic!("index out of step") }).unwrap_err();
    /// assert_eq!(defect.message(), "index out of step");
    /// ```
    #[inline]
    pub fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Defect> {
        catch(f)
    }

    /// The message of the panic.
    pub fn message(&self) -> &str {
        &self.details.message
    }

    /// The source line that raised it, as `(file, line)`, where it is known.
    pub fn location(&self) -> Option<(&str, u32)> {
        let location = self.details.location.as_ref();
        location.map(|place| (place.file.as_str(), place.line))
    }

    /// Ends the running effect with this defect. The panic hook stays silent: whoever looks at the
    /// fiber's exit finds the defect there.
    pub(crate) fn raise(self) -> ! {
        if cfg!(panic = "abort") {
            // This is the end of the program, and nobody will look at any exit.
            panic!("{self}");
        }
        panic::resume_unwind(Box::new(self))
    }

    /// Ends a caller that is not an effect with this defect. The panic hook is told, if it was not before.
    pub(crate) fn raise_outside(self) -> ! {
        if self.details.shown {
            self.raise()
        }
        panic!("{self}")
    }

    fn from_panic(payload: Box<dyn Any + Send>) -> Self {
        let payload = match payload.downcast::<Defect>() {
            Ok(defect) => return *defect,
            Err(payload) => payload,
        };
        let message = message_of(&*payload).unwrap_or(NO_STRING).to_owned();
        drop_payload(payload);
        // What the hook was told last may be of another panic, if this one was resumed, and not begun.
        let location = LAST_PANIC.take().filter(|last| last.message == message);
        let details = Details {
            message,
            shown: location.is_some(),
            location: location.map(|last| last.place),
        };
        Defect {
            details: Arc::new(details),
        }
    }
}

impl PartialEq for Defect {
    fn eq(&self, other: &Self) -> bool {
        self.details.message == other.details.message
    }
}

impl Eq for Defect {}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.details.message)?;
        match &self.details.location {
            Some(place) => write!(f, " at {}:{}", place.file, place.line),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Defect({self})")
    }
}

impl std::error::Error for Defect {}

thread_local! {
    /// Where this thread panicked last. A panic's payload does not say; only the hook is told.
    static LAST_PANIC: Cell<Option<LastPanic>> = const { Cell::new(None) };
}

/// The message of a panic that has none.
const NO_STRING: &str = "a panic whose payload is no string";

struct LastPanic {
    message: String,
    place: Place,
}

/// Drops the payload of a panic, which may be of any type, and panic itself. That is kept: nobody could do better with it.
fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(of_its_drop) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(of_its_drop);
    }
}

fn message_of(payload: &dyn Any) -> Option<&str> {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&'static str>().copied())
}

/// Makes the places of panics known to defects. Whatever hook was set before is called as before.
pub(crate) fn watch_panics() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            LAST_PANIC.set(info.location().map(|location| LastPanic {
                message: message_of(info.payload()).unwrap_or(NO_STRING).to_owned(),
                place: location.into(),
            }));
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
#[inline]
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

/// Awaits a future, and turns its panic into a defect.
pub(crate) async fn catch_future<F: Future>(future: F) -> Result<F::Output, Defect> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|task| catch_poll(future.as_mut(), task)).await
}
