//! A stack that is too small for what is deep, and does not grow by itself.

const STACK_BYTES: usize = 2 * 1024 * 1024;

/// Calls a function on a thread with a small stack.
#[track_caller]
pub fn on_small_stack<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(f)
        .unwrap()
        .join()
        .unwrap()
}
