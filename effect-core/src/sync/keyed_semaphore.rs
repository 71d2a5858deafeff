//! A semaphore for each key, which is there while somebody holds it or waits for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::permits::{Asks, Permit, Permits, TryWithPermits, WithPermits};
use super::section::Hold;
use crate::{Effect, Env, IntoEffect, Value, WaitsFor};

/// So many permits for each key, which effects hold while they run: two writers a file, one request a user.
///
/// Effects with different keys have nothing to do with each other; those with the same one are served as by a
/// [`Semaphore`](super::Semaphore) of that key. Keys need not be known before, and what nobody holds or waits for takes no
/// memory. Each clone is the same semaphore.
///
/// # Examples
///
/// ```
/// use effect_core::sync::KeyedSemaphore;
/// use effect_core::{Never, sleep};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let files = KeyedSemaphore::new(1);
/// let write = |file| files.with_permit(file, sleep::<_, Never>(Duration::from_secs(1)));
/// let before = tokio::time::Instant::now();
/// write("a.log").zip_par(write("b.log")).await.unwrap();
/// assert_eq!(before.elapsed().as_secs(), 1);
/// write("a.log").zip_par(write("a.log")).await.unwrap();
/// assert_eq!(before.elapsed().as_secs(), 3);
/// # }
/// ```
#[doc(alias = "PartitionedSemaphore")]
pub struct KeyedSemaphore<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    permits: u32,
    // Keys are cloned and compared under this lock.
    by_key: Mutex<BTreeMap<K, Entry>>,
}

/// The semaphore of a key, while it has users.
struct Entry {
    permits: Arc<Permits>,
    /// How many hold permits of it, or want them.
    users: usize,
}

impl<K: Value + Clone + Ord> KeyedSemaphore<K> {
    /// Creates a semaphore with so many permits for each key.
    ///
    /// # Panics
    ///
    /// If there are none: every effect would wait for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::KeyedSemaphore;
    ///
    /// let connections = KeyedSemaphore::<&str>::new(6);
    /// assert_eq!(connections.available(&"example.org"), 6);
    /// ```
    #[track_caller]
    pub fn new(permits: u32) -> Self {
        assert!(permits > 0, "a key has at least one permit");
        KeyedSemaphore {
            shared: Arc::new(Shared {
                permits,
                by_key: Mutex::new(BTreeMap::new()),
            }),
        }
    }

    /// Runs an effect while it holds a permit of a key.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while it waits, it takes nothing. Interrupted while the effect runs, it gives its permit back after
    /// the finalizers that the effect owes.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::fail;
    /// use effect_core::sync::KeyedSemaphore;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let users = KeyedSemaphore::new(2);
    /// let failing = users.with_permit("Ada", fail::<_, _, ()>("no route"));
    /// assert_eq!(failing.await, Err("no route"));
    /// assert_eq!(users.available(&"Ada"), 2);
    /// # }
    /// ```
    #[track_caller]
    pub fn with_permit<R, I>(
        &self,
        key: K,
        effect: I,
    ) -> Effect<R, I::Error, I::Value, WithPermits<OfKey<K>, I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        Effect::of(WithPermits {
            ask: self.ask(key),
            program: effect.into_effect().program,
        })
    }

    /// Runs an effect while it holds a permit of a key, if one is free; none at once, and without running it, if not.
    ///
    /// # Cancel safety
    ///
    /// Interrupted while the effect runs, it gives its permit back after the finalizers that the effect owes.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::KeyedSemaphore;
    /// use effect_core::{Never, succeed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let users = KeyedSemaphore::new(1);
    /// let again = |user| users.try_with_permit(user, succeed::<_, Never, _>("ran"));
    /// assert_eq!(users.with_permit("Ada", again("Ada")).await, Ok(None));
    /// assert_eq!(users.with_permit("Ada", again("Bob")).await, Ok(Some("ran")));
    /// # }
    /// ```
    #[track_caller]
    pub fn try_with_permit<R, I>(
        &self,
        key: K,
        effect: I,
    ) -> Effect<R, I::Error, Option<I::Value>, TryWithPermits<OfKey<K>, I::Program>>
    where
        R: Env,
        I: IntoEffect<R>,
    {
        Effect::of(TryWithPermits {
            ask: self.ask(key),
            program: effect.into_effect().program,
        })
    }

    /// How many permits of a key nobody holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::KeyedSemaphore;
    /// use effect_core::{Never, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let users = KeyedSemaphore::new(2);
    /// let seen = users.clone();
    /// let left = sync::<_, Never, _, _>(move || (seen.available(&"Ada"), seen.available(&"Bob")));
    /// assert_eq!(users.with_permit("Ada", left).await, Ok((1, 2)));
    /// # }
    /// ```
    pub fn available(&self, key: &K) -> usize {
        let by_key = self.shared.by_key.lock();
        let free = by_key.get(key).map(|entry| entry.permits.free());
        free.unwrap_or(self.shared.permits) as usize
    }

    #[track_caller]
    fn ask(&self, key: K) -> OfKey<K> {
        OfKey {
            shared: Arc::clone(&self.shared),
            key,
            waits_for: WaitsFor::here("a permit of a key"),
        }
    }
}

impl<K> KeyedSemaphore<K> {
    /// How many permits each key has.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::KeyedSemaphore;
    ///
    /// assert_eq!(KeyedSemaphore::<u8>::new(2).permits(), 2);
    /// ```
    pub fn permits(&self) -> u32 {
        self.shared.permits
    }

    /// How many keys there are of which somebody holds a permit, or waits for one.
    ///
    /// # Examples
    ///
    /// ```
    /// use effect_core::sync::KeyedSemaphore;
    /// use effect_core::{Never, sync};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let users = KeyedSemaphore::new(1);
    /// let seen = users.clone();
    /// let inside = users.with_permit("Ada", sync::<_, Never, _, _>(move || seen.keys()));
    /// assert_eq!(inside.await, Ok(1));
    /// assert_eq!(users.keys(), 0);
    /// # }
    /// ```
    pub fn keys(&self) -> usize {
        self.shared.by_key.lock().len()
    }
}

impl<K> Clone for KeyedSemaphore<K> {
    fn clone(&self) -> Self {
        KeyedSemaphore {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<K> fmt::Debug for KeyedSemaphore<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedSemaphore")
            .field("permits", &self.permits())
            .field("keys", &self.keys())
            .finish()
    }
}

/// A permit of a key, which is asked for.
#[derive(Clone)]
pub struct OfKey<K> {
    shared: Arc<Shared<K>>,
    key: K,
    waits_for: WaitsFor,
}

impl<K: Value + Clone + Ord> Asks for OfKey<K> {
    type Held = HeldKey<K>;

    fn waits_for(&self) -> WaitsFor {
        self.waits_for
    }

    async fn acquire(self) -> HeldKey<K> {
        let user = User::enter(self.shared, self.key);
        let permit = Arc::clone(&user.permits).acquire(1).await;
        HeldKey {
            _permit: permit,
            _user: user,
        }
    }

    fn try_acquire(self) -> Option<HeldKey<K>> {
        let user = User::enter(self.shared, self.key);
        let permit = Arc::clone(&user.permits).try_acquire(1)?;
        Some(HeldKey {
            _permit: permit,
            _user: user,
        })
    }
}

/// One that holds a permit of a key, or wants one. The last to go takes the key's semaphore with it.
struct User<K: Ord> {
    shared: Arc<Shared<K>>,
    key: K,
    permits: Arc<Permits>,
}

impl<K: Clone + Ord> User<K> {
    fn enter(shared: Arc<Shared<K>>, key: K) -> Self {
        let permits = {
            let mut by_key = shared.by_key.lock();
            match by_key.get_mut(&key) {
                Some(entry) => {
                    entry.users += 1;
                    Arc::clone(&entry.permits)
                }
                None => {
                    let permits = Permits::new(shared.permits);
                    let entry = Entry {
                        permits: Arc::clone(&permits),
                        users: 1,
                    };
                    by_key.insert(key.clone(), entry);
                    permits
                }
            }
        };
        User {
            shared,
            key,
            permits,
        }
    }
}

impl<K: Ord> Drop for User<K> {
    fn drop(&mut self) {
        let mut by_key = self.shared.by_key.lock();
        let entry = by_key.get_mut(&self.key).expect("it has a user");
        entry.users -= 1;
        let gone = (entry.users == 0).then(|| by_key.remove_entry(&self.key));
        // The key is a user's value, and dropped when the lock is free.
        drop(by_key);
        drop(gone);
    }
}

/// A permit of a key that is held.
pub(super) struct HeldKey<K: Ord> {
    // Dropped first: while it is held, it has a user.
    _permit: Permit,
    _user: User<K>,
}

// Nothing is pinned to its place.
impl<K: Ord> Unpin for HeldKey<K> {}

impl<K: Value + Ord> Hold for HeldKey<K> {}

crate::opaque_debug::opaque_debug!(OfKey<K>);
