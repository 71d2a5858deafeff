//! Requests: questions that are asked one by one, and answered many at once.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::{Cx, Effect, Env, Exit, IntoEffect, Value};

mod asking;
mod batch;

pub use asking::{Requested, request};
use batch::{Asked, Batch, Listed, Open};

/// A question that a [`RequestResolver`] answers, along with others of its kind. Equal ones have one answer.
///
/// # Examples
///
/// ```
/// use effect_core::Request;
///
/// /// Asks for the name of a user.
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct NameOf(u32);
///
/// impl Request for NameOf {
///     type Error = String;
///     type Value = String;
/// }
/// ```
pub trait Request: Clone + fmt::Debug + Eq + Hash + Value + Sync {
    /// What may go wrong with it.
    type Error: Value + Clone;
    /// The answer. All who have asked the same get a clone of it.
    type Value: Value + Clone;
}

/// The answer to a request, or what went wrong with it.
type Answer<Q> = Result<<Q as Request>::Value, <Q as Request>::Error>;

/// All answers of one call, or why it has none.
type Answers<Q> = Exit<<Q as Request>::Error, HashMap<Q, Answer<Q>>>;

/// Answers requests, many with one call.
///
/// Programs ask one thing at a time, each by a [`request`]. What is asked by parallel effects, on one fiber or on several,
/// is collected until they all wait, and the resolver is called once for all of it. A request that several have made is
/// in that call once. So what a loop asks for is one query and not a thousand, and the loop need not know.
///
/// A resolver is cheap to clone, and clones of it collect together. It is a good part of an environment.
///
/// # Examples
///
/// ```
/// use effect_core::{effect, request, Cx, Has, Never, Request, RequestResolver};
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct NameOf(u32);
///
/// impl Request for NameOf {
///     type Error = Never;
///     type Value = String;
/// }
///
/// #[derive(Has)]
/// struct App {
///     names: RequestResolver<App, NameOf>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (log, calls) = std::sync::mpsc::channel();
/// let names = RequestResolver::new(move |_cx: Cx<App>, asked: Vec<NameOf>| {
///     log.send(asked.len()).unwrap();
///     async move {
///         // Here would be one query for all of them.
///         let answers = asked.into_iter().map(|id| (id.clone(), Ok(format!("user {}", id.0))));
///         Ok(answers.collect::<Vec<_>>())
///     }
/// });
///
/// let name_of = |id| effect(async move |cx: Cx<App>| cx.run(request(NameOf(id), cx.get())).await);
/// let names_of_three = name_of(1).zip_par(name_of(2)).zip_par(name_of(1));
/// let ((one, two), again) = names_of_three.provide(App { names }).await.unwrap();
/// assert_eq!([one, two, again], ["user 1", "user 2", "user 1"]);
/// assert_eq!(calls.iter().collect::<Vec<_>>(), [2]);
/// # }
/// ```
#[doc(alias = "DataLoader")]
pub struct RequestResolver<R, Q: Request> {
    call: Arc<Call<R, Q>>,
    /// Whom to blame for a request that has no answer.
    place: &'static Location<'static>,
    most: usize,
    delay: Option<Duration>,
    open: OpenBatches<R, Q>,
    cache: Option<Arc<Mutex<HashMap<Q, Arc<Batch<Q>>>>>>,
}

type Call<R, Q> =
    dyn Fn(Cx<R>, Vec<Q>) -> Effect<R, <Q as Request>::Error, HashMap<Q, Answer<Q>>> + Send + Sync;

/// The batches that are being collected: one in each environment.
type OpenBatches<R, Q> = Arc<Mutex<Vec<Open<R, Q>>>>;

impl<R: Env, Q: Request> RequestResolver<R, Q> {
    /// Creates a resolver that calls `resolve` with the requests of a batch, each once, in the order in which they came.
    ///
    /// What that returns is an effect, or a future, with the answers in any order, each with its request. It runs on a
    /// fiber of its own, in the environment of those who have asked: requests of different environments are not in one
    /// batch. It sees none of their [locals](crate::FiberLocal).
    ///
    /// # Errors
    ///
    /// If `resolve` fails, all requests of the batch do. An answer may be an error as well, which is that request's alone.
    ///
    /// # Panics
    ///
    /// A defect of `resolve` is a defect of all who wait for it. A request that it has not answered is a defect of those
    /// who have made it: where there may be nothing to be found, that should be an answer.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::{request, Cx, Request, RequestResolver};
    ///
    /// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    /// struct SquareRoot(i64);
    ///
    /// impl Request for SquareRoot {
    ///     type Error = &'static str;
    ///     type Value = f64;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let roots = RequestResolver::new(|_cx: Cx<()>, asked: Vec<SquareRoot>| async move {
    ///     let answers = asked.into_iter().map(|request| match request.0 {
    ///         0.. => (request.clone(), Ok((request.0 as f64).sqrt())),
    ///         _ => (request, Err("there is no root of a negative number")),
    ///     });
    ///     Ok(answers.collect::<Vec<_>>())
    /// });
    /// assert_eq!(request(SquareRoot(9), &roots).await, Ok(3.0));
    /// assert!(request(SquareRoot(-9), &roots).await.is_err());
    /// # }
    /// ```
    #[track_caller]
    pub fn new<F, I>(resolve: F) -> Self
    where
        F: Fn(Cx<R>, Vec<Q>) -> I + Send + Sync + 'static,
        I: IntoEffect<R, Error = Q::Error>,
        I::Value: IntoIterator<Item = (Q, Answer<Q>)>,
    {
        let call = move |cx: Cx<R>, asked: Vec<Q>| {
            let answers = resolve(cx, asked).into_effect();
            Effect::<R, I::Error, I::Value, I::Program>::new(answers.program)
                .map(|answers| answers.into_iter().collect())
                .erase_once()
        };
        RequestResolver {
            call: Arc::new(call),
            place: Location::caller(),
            most: usize::MAX,
            delay: None,
            open: Arc::default(),
            cache: None,
        }
    }

    /// Calls with at most so many requests at a time. A batch that is full is resolved at once, and the next begun.
    ///
    /// # Panics
    ///
    /// If `most` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{request, Cx, Never, Request, RequestResolver};
    /// # #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    /// # struct NameOf(u32);
    /// # impl Request for NameOf {
    /// #     type Error = Never;
    /// #     type Value = usize;
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// // Answers with how many were asked at once.
    /// let counts = RequestResolver::new(|_cx: Cx<()>, asked: Vec<NameOf>| async move {
    ///     let count = asked.len();
    ///     Ok(asked.into_iter().map(|id| (id, Ok(count))).collect::<Vec<_>>())
    /// });
    /// let counts = counts.batch_n(2);
    /// let [one, two, three] = [1, 2, 3].map(|id| request(NameOf(id), &counts));
    /// assert_eq!(one.zip_par(two).zip_par(three).await, Ok(((2, 2), 1)));
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn batch_n(self, most: usize) -> Self {
        assert!(most > 0, "a batch has at least one request");
        RequestResolver {
            most,
            open: Arc::default(),
            ..self
        }
    }

    /// Collects requests for the given time after the first, or until the batch is full.
    ///
    /// Without a delay, a batch is closed when the fiber that has begun it waits, and others have had a turn in which nobody
    /// has asked. A delay collects as well what is asked a little later, as by fibers on other threads, and makes all of
    /// them wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{request, sleep, Cx, Never, Request, RequestResolver};
    /// # use std::time::Duration;
    /// # #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    /// # struct NameOf(u32);
    /// # impl Request for NameOf {
    /// #     type Error = Never;
    /// #     type Value = usize;
    /// # }
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// // Answers with how many were asked at once.
    /// let counts = RequestResolver::new(|_cx: Cx<()>, asked: Vec<NameOf>| async move {
    ///     let count = asked.len();
    ///     Ok(asked.into_iter().map(|id| (id, Ok(count))).collect::<Vec<_>>())
    /// });
    /// let counts = counts.delay(Duration::from_millis(2));
    /// let later = sleep(Duration::from_millis(1));
    /// let (now, later) = (request(NameOf(1), &counts), later.zip(request(NameOf(2), &counts)));
    /// assert_eq!(now.zip_par(later).await, Ok((2, ((), 2))));
    /// # }
    /// ```
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        RequestResolver {
            delay: Some(delay),
            open: Arc::default(),
            ..self
        }
    }

    /// A resolver that remembers what it has been answered, for as long as it or a clone of it is there.
    ///
    /// It collects together with the one that it is of, and only the memory is its own. So it is for one run, such as the
    /// handling of one call of a server: in there, no question is asked twice. Errors and defects are not remembered.
    ///
    /// # Examples
    ///
    /// ```
    /// # use effect_core::{request, Cx, Never, Request, RequestResolver};
    /// # #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    /// # struct NameOf(u32);
    /// # impl Request for NameOf {
    /// #     type Error = Never;
    /// #     type Value = String;
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let (log, calls) = std::sync::mpsc::channel();
    /// # let names = RequestResolver::new(move |_cx: Cx<()>, asked: Vec<NameOf>| {
    /// #     log.send(asked.len()).unwrap();
    /// #     async move {
    /// #         Ok(asked.into_iter().map(|id| (id.clone(), Ok(id.0.to_string()))).collect::<Vec<_>>())
    /// #     }
    /// # });
    /// let of_this_run = names.cached();
    /// let twice = request(NameOf(1), &of_this_run).zip(request(NameOf(1), &of_this_run));
    /// twice.await.unwrap();
    /// assert_eq!(calls.try_iter().count(), 1);
    /// request(NameOf(1), &names.cached()).await.unwrap();
    /// assert_eq!(calls.try_iter().count(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn cached(&self) -> Self {
        RequestResolver {
            cache: Some(Arc::default()),
            ..self.clone()
        }
    }

    /// The batch that has answered a request, or is about to.
    fn cached_batch(&self, request: &Q) -> Option<Arc<Batch<Q>>> {
        self.cache.as_ref()?.lock().get(request).cloned()
    }

    /// Puts a request into a batch, and starts that if it is a new one.
    fn ask(&self, cx: &Cx<R>, request: &Q) -> Asked<Q> {
        let others = self.cached_batch(request);
        let others = others.and_then(|batch| Batch::join_others(&batch, cx.fiber(), request));
        if let Some(asked) = others {
            return asked;
        }
        let (asked, is_full) = self.join_open(cx, request);
        let batch = asked.batch();
        if let Some(cache) = &self.cache {
            let _old = cache.lock().insert(request.clone(), Arc::clone(batch));
        }
        if asked.is_first() {
            let listed = Listed::new(Arc::clone(&self.open), batch);
            batch.start(cx, self.place, listed, Arc::clone(&self.call), self.delay);
        }
        if is_full {
            batch.close();
        }
        asked
    }

    /// The request in the batch that is open here, or in a new one, which is to be started. Whether the batch is full:
    /// it is off the list of open ones then, and is to be closed.
    fn join_open(&self, cx: &Cx<R>, request: &Q) -> (Asked<Q>, bool) {
        let mut open = self.open.lock();
        let at = open.iter().position(|open| open.is_of(cx));
        let joined = at.and_then(|at| Batch::join_open(open[at].batch(), cx.fiber(), request));
        let asked = joined.unwrap_or_else(|| Batch::begin(cx.fiber(), request));
        let is_full = asked.batch().is_full(self.most);
        if let Some(at) = at
            && (is_full || asked.is_first())
        {
            // Full, or closed before. It is of an environment that the caller has too: no environment goes with it.
            open.remove(at);
        }
        if asked.is_first() && !is_full {
            open.push(Open::new(cx, asked.batch()));
        }
        (asked, is_full)
    }
}

impl<R, Q: Request> Clone for RequestResolver<R, Q> {
    fn clone(&self) -> Self {
        RequestResolver {
            call: Arc::clone(&self.call),
            place: self.place,
            most: self.most,
            delay: self.delay,
            open: Arc::clone(&self.open),
            cache: self.cache.clone(),
        }
    }
}

impl<R, Q: Request> fmt::Debug for RequestResolver<R, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestResolver")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
